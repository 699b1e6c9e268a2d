package mounttest

import (
	"crypto/tls"
	"io"
	"net"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/gosio/gosio/internal/assert"
)

// TLS returns a certificate for a server at addr, and the URL of a door to it
// for the clients of this package, which speak plain HTTP: what is sent there
// goes to addr in TLS, connection by connection, and so does the end of it.
func TLS(t testing.TB, addr string) (tls.Certificate, string) {
	t.Helper()
	ts := httptest.NewTLSServer(nil) // for its certificate
	certificate := ts.TLS.Certificates[0]
	ts.Close()
	door, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NoError(t, err)
	var all sync.WaitGroup
	all.Go(func() { // ends with the listener
		for {
			client, err := door.Accept()
			if err != nil {
				return
			}
			all.Go(func() { forward(client, addr) })
		}
	})
	t.Cleanup(func() {
		door.Close()
		all.Wait() // the clients have been closed before
	})
	return certificate, "http://" + door.Addr().String()
}

// forward ends when both directions have.
func forward(client net.Conn, addr string) {
	defer client.Close()
	server, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // a test's own server
	if err != nil {
		return
	}
	back := make(chan struct{})
	go func() {
		defer close(back)
		_, _ = io.Copy(client, server)
		client.Close()
	}()
	_, _ = io.Copy(server, client)
	_ = server.Close() // there is nobody to tell
	<-back
}
