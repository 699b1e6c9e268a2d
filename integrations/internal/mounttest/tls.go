package mounttest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/assert"
)

// TLS returns a certificate for a server at addr, and the URL of a door to it
// for the clients of this package, which speak plain HTTP: what is sent there
// goes to addr in TLS, connection by connection, and so does the end of it.
func TLS(t testing.TB, addr string) (tls.Certificate, string) {
	t.Helper()
	return serverCertificate(), door(t, addr, nil)
}

func serverCertificate() tls.Certificate {
	ts := httptest.NewTLSServer(nil) // for its certificate
	defer ts.Close()
	return ts.TLS.Certificates[0]
}

// door is for clients that show certificates.
func door(t testing.TB, addr string, certificates []tls.Certificate) (url string) {
	door, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NoError(t, err)
	config := &tls.Config{InsecureSkipVerify: true, Certificates: certificates} //nolint:gosec // a test's own server
	var all sync.WaitGroup
	all.Go(func() { // ends with the listener
		for {
			client, err := door.Accept()
			if err != nil {
				return
			}
			all.Go(func() { forward(client, addr, config) })
		}
	})
	t.Cleanup(func() {
		door.Close()
		all.Wait() // the clients have been closed before
	})
	return "http://" + door.Addr().String()
}

// ClientCertificate checks that a socket knows its client's certificate, by every
// transport, and that a pin holds others off. mount returns what serves the app on
// a listener until the test ends.
func ClientCertificate(t *testing.T, mount func(t *testing.T, srv *socketio.Server) (serve func(net.Listener))) {
	app := NewAppWith(t, socketio.Options{
		// docs:certificate-pin
		Pin: func(r *http.Request) string {
			if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
				return ""
			}
			return r.TLS.VerifiedChains[0][0].Subject.CommonName
		},
		// docs:end
	})
	// docs:certificate
	app.Use(socketio.MiddlewareFunc(func(_ context.Context, s *socketio.Socket) error {
		state := s.Handshake().TLS // nil without TLS; VerifiedChains is empty without a certificate
		if state == nil || len(state.VerifiedChains) == 0 {
			return &socketio.ConnectError{Message: "a certificate is required"}
		}
		s.SetIdentity(state.VerifiedChains[0][0].Subject.CommonName)
		return nil
	}))
	// docs:end
	authority := newAuthority(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NoError(t, err)
	mount(t, app.Server)(tls.NewListener(ln, &tls.Config{
		Certificates: []tls.Certificate{serverCertificate()},
		ClientAuth:   tls.VerifyClientCertIfGiven, ClientCAs: authority.pool,
	}))
	as := func(certificates ...tls.Certificate) *Client {
		return NewClient(t, door(t, ln.Addr().String(), certificates)+"/socket.io")
	}
	alice := as(authority.issue(t, "alice"))
	upgrade := func() *Session {
		s := alice.Open()
		s.Upgrade()
		return s
	}
	for name, open := range map[string]func() *Session{"polling": alice.Open, "WebSocket": alice.Dial, "upgrade": upgrade} {
		s := open()
		socket := Wait(t, "the socket", app.Connected)
		h := socket.Handshake()
		assert.Equal(t, name+": identity", socket.Identity(), "alice")
		s.Echo("overwrite what the framework uses again")
		assert.True(t, name+": secure", h.Secure && h.TLS != nil && h.Request().TLS == h.TLS)
		assert.Equal(t, name+": certificate", h.TLS.PeerCertificates[0].Subject.CommonName, "alice")
		assert.Equal(t, name+": verified", h.TLS.VerifiedChains[0][0].Subject.CommonName, "alice")
	}
	s := alice.Open()
	for name, c := range map[string]*Client{"mallory's": as(authority.issue(t, "mallory")), "no": as()} {
		answer := c.Do("GET", "/?EIO=4&transport=polling&sid="+s.ID, "")
		assert.Equal(t, "alice's session with "+name+" certificate", answer.Status, http.StatusForbidden)
	}
	s.Echo("alice goes on")
}

// authority issues certificates for clients.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pool        *x509.CertPool
}

func newAuthority(t testing.TB) *authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NoError(t, err)
	a := &authority{key: key, pool: x509.NewCertPool()}
	a.certificate = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, a.certificate, a.certificate, key.Public(), key)
	assert.NoError(t, err)
	a.certificate, err = x509.ParseCertificate(der)
	assert.NoError(t, err)
	a.pool.AddCert(a.certificate)
	return a
}

func (a *authority) issue(t testing.TB, name string) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	assert.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// forward ends when both directions have.
func forward(client net.Conn, addr string, config *tls.Config) {
	defer client.Close()
	server, err := tls.Dial("tcp", addr, config)
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
