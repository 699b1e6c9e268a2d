//go:build e2e

package sioredis_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/redis/rueidis"

	sioredis "github.com/gosio/gosio/adapters/redis"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/redistest"
)

// certificate makes one that has signed itself, for the loopback.
func certificate(t *testing.T) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	assert.NoError(t, err)
	keyDER, err := x509.MarshalECPrivateKey(key)
	assert.NoError(t, err)
	folder := t.TempDir()
	certFile, keyFile = filepath.Join(folder, "cert"), filepath.Join(folder, "key")
	assert.NoError(t, os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	assert.NoError(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}), 0o600))
	cert, err := x509.ParseCertificate(der)
	assert.NoError(t, err)
	pool = x509.NewCertPool()
	pool.AddCert(cert)
	return certFile, keyFile, pool
}

// TestTLS: a Redis with TLS is joined by options; one whose certificate nobody has
// signed is not.
func TestTLS(t *testing.T) {
	t.Parallel()
	cert, key, pool := certificate(t)
	redis := redistest.StartWith(t, "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert, "--tls-auth-clients", "no")
	for name, o := range families {
		t.Run(name, func(t *testing.T) {
			o.Client = rueidis.ClientOption{InitAddress: []string{redis.Addr}, TLSConfig: &tls.Config{RootCAs: pool}}
			servers := start(t, 2, socketio.Options{}, o)
			c := siotest.Dial(t, servers[1], siotest.Options{Timeout: patience})
			assert.NoError(t, servers[0].Emit("e"))
			c.Expect("e")
		})
	}
	engine := sioredis.New(&sioredis.Options{URL: "rediss://" + redis.Addr})
	srv := socketio.NewServer(&socketio.Options{Adapter: engine.Adapter})
	t.Cleanup(srv.Close)
	assert.ErrorIs(t, engine.Ready(), sioredis.ErrNotConnected)
}
