package mounttest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/assert"
)

// Networks other than plain TCP.

// overTLS serves the application in TLS. It returns a function that makes clients
// which show these certificates: they speak plain HTTP on connections in TLS.
func (m Mount) overTLS(t *testing.T, srv *socketio.Server, config *tls.Config) func(certificates ...tls.Certificate) *Client {
	t.Helper()
	ln := Listen(t)
	url := "http://" + ln.Addr().String() + m(t, srv, tls.NewListener(ln, config))
	return func(certificates ...tls.Certificate) *Client {
		dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, Certificates: certificates}} //nolint:gosec // a test's own server
		return NewClientVia(t, url, dialer.DialContext)
	}
}

func serverCertificate() tls.Certificate {
	ts := httptest.NewTLSServer(nil) // for its certificate
	defer ts.Close()
	return ts.TLS.Certificates[0]
}

// clientCertificate: a socket knows its client's certificate, by every transport,
// and a pin holds others off.
func clientCertificate(t *testing.T, mount Mount) {
	t.Helper()
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
	as := mount.overTLS(t, app.Server, &tls.Config{
		Certificates: []tls.Certificate{serverCertificate()},
		ClientAuth:   tls.VerifyClientCertIfGiven, ClientCAs: authority.pool,
	})
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

// unixSocket: a client of a Unix socket has the address that net/http gives it,
// whatever the framework says of it.
func unixSocket(t *testing.T, mount Mount) {
	t.Helper()
	dir, err := os.MkdirTemp("", "mount") //nolint:usetesting // the path of a socket must be short
	assert.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	name := filepath.Join(dir, "s")
	ln, err := net.Listen("unix", name)
	assert.NoError(t, err)
	app := NewApp(t)
	c := NewClientVia(t, "http://unix"+mount(t, app.Server, ln), func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", name)
	})
	for transport, open := range map[string]func() *Session{"websocket": c.Dial, "polling": c.Open} {
		open()
		h := Wait(t, "the socket", app.Connected).Handshake()
		assert.Equal(t, transport+": address", h.Address, "@")
		assert.Equal(t, transport+": peer", h.RemoteAddr, "@")
	}
}
