package auth_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gosio/gosio/auth"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// provider is an identity provider's key endpoint.
type provider struct {
	*httptest.Server
	document atomic.Pointer[string]
	down     atomic.Bool
	fetches  atomic.Int32
}

func newProvider(t *testing.T, keys ...map[string]string) *provider {
	t.Helper()
	p := &provider{}
	p.publish(keys...)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.fetches.Add(1)
		if p.down.Load() {
			http.Error(w, "down", http.StatusBadGateway)
			return
		}
		_, _ = w.Write([]byte(*p.document.Load()))
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *provider) publish(keys ...map[string]string) {
	b, _ := json.Marshal(map[string]any{"keys": keys})
	text := string(b)
	p.document.Store(&text)
}

// jwks starts fetching, and stops with the test.
func jwks(t *testing.T, o *auth.JWKSOptions, urls ...string) *auth.JWKS {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	client := &http.Client{Transport: &http.Transport{}}
	if o == nil {
		o = &auth.JWKSOptions{}
	}
	o.Client = client
	k := auth.NewJWKS(ctx, o, urls...)
	t.Cleanup(func() {
		cancel()
		<-k.Done()
		client.CloseIdleConnections()
	})
	return k
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func rsaJWK(kid string, key *rsa.PublicKey, more ...string) map[string]string {
	m := map[string]string{"kty": "RSA", "kid": kid, "n": b64(key.N.Bytes()), "e": b64(big.NewInt(int64(key.E)).Bytes())}
	for i := 0; i < len(more); i += 2 {
		m[more[i]] = more[i+1]
	}
	return m
}

func ecJWK(kid string, key *ecdsa.PublicKey) map[string]string {
	size := (key.Curve.Params().BitSize + 7) / 8
	point, _ := key.Bytes() // 4, x, y
	return map[string]string{"kty": "EC", "crv": key.Curve.Params().Name, "kid": kid, "x": b64(point[1 : 1+size]), "y": b64(point[1+size:])}
}

func TestJWKS(t *testing.T) {
	t.Parallel()
	r := ring()
	offCurve := ecJWK("off", &r.p256.PublicKey)
	offCurve["y"] = offCurve["x"]
	p := newProvider(t,
		rsaJWK("rsa", &r.rsa.PublicKey, "use", "sig", "alg", "RS256"), rsaJWK("enc", &r.rsa.PublicKey, "use", "enc"),
		ecJWK("p256", &r.p256.PublicKey), ecJWK("p384", &r.p384.PublicKey), offCurve,
		map[string]string{"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": b64(r.ed.Public().(ed25519.PublicKey))},
		map[string]string{"kty": "oct", "kid": "oct", "k": b64(secret)}, map[string]string{"kty": "new", "kid": "new"},
		rsaJWK("bad-e", &r.rsa.PublicKey, "e", "AQ"),
	)
	second := newProvider(t, rsaJWK("other", &r.rsaOther.PublicKey))
	guard := auth.JWT(config{Keys: jwks(t, nil, p.URL, second.URL), Algorithms: []string{"RS256", "PS256", "ES256", "ES384", "EdDSA", "HS256"}})
	kid := func(id string) map[string]any { return map[string]any{"kid": id} }
	for _, tt := range []struct {
		name, token string
		want        error
	}{
		{"RSA", sign("RS256", r.rsa, kid("rsa"), good(nil)), nil},
		{"P-256", sign("ES256", r.p256, kid("p256"), good(nil)), nil},
		{"P-384", sign("ES384", r.p384, kid("p384"), good(nil)), nil},
		{"Ed25519", sign("EdDSA", r.ed, kid("ed"), good(nil)), nil},
		{"another provider's", sign("RS256", r.rsaOther, kid("other"), good(nil)), nil},
		{"no key id", sign("ES256", r.p256, nil, good(nil)), nil},
		{"algorithm is not the key's", sign("PS256", r.rsa, kid("rsa"), good(nil)), auth.ErrTokenInvalid},
		{"key for encryption", sign("RS256", r.rsa, kid("enc"), good(nil)), auth.ErrTokenInvalid},
		{"shared secret", sign("HS256", secret, kid("oct"), good(nil)), auth.ErrTokenInvalid},
		{"key of the other id", sign("RS256", r.rsaOther, kid("rsa"), good(nil)), auth.ErrTokenInvalid},
		{"point off the curve", sign("ES256", r.p256, kid("off"), good(nil)), auth.ErrTokenInvalid},
		{"exponent 1", sign("RS256", r.rsa, kid("bad-e"), good(nil)), auth.ErrTokenInvalid},
		{"A-J02 unknown key", sign("RS256", r.rsa, kid("../rsa"), good(nil)), auth.ErrTokenInvalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := guard.Verify(context.Background(), tt.token)
			if !errors.Is(err, tt.want) || tt.want == nil && err != nil {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

// TestUnknownKeys: a thousand forged tokens cost one fetch.
func TestUnknownKeys(t *testing.T) {
	t.Parallel()
	r := ring()
	p := newProvider(t, rsaJWK("a", &r.rsa.PublicKey))
	guard := auth.JWT(config{Keys: jwks(t, nil, p.URL), Algorithms: []string{"RS256"}})
	_, err := guard.Verify(context.Background(), sign("RS256", r.rsa, map[string]any{"kid": "a"}, good(nil)))
	assert.NoError(t, err)
	var group sync.WaitGroup
	for i := range 10 {
		group.Go(func() {
			for j := range 100 {
				forged := forge(fmt.Sprintf(`{"alg":"RS256","kid":"%d-%d"}`, i, j), payload(""), unsigned)
				if _, err := guard.Verify(context.Background(), forged); !errors.Is(err, auth.ErrTokenInvalid) {
					t.Errorf("forged token: %v", err)
				}
			}
		})
	}
	group.Wait()
	if n := p.fetches.Load(); n > 2 {
		t.Errorf("%d fetches, want at most 2", n)
	}
}

// TestRotation: a new key is fetched when the first token names it, and one
// that is taken out counts no longer.
func TestRotation(t *testing.T) {
	t.Parallel()
	r := ring()
	p := newProvider(t, rsaJWK("old", &r.rsa.PublicKey))
	guard := auth.JWT(config{Keys: jwks(t, &auth.JWKSOptions{UnknownEvery: time.Nanosecond}, p.URL), Algorithms: []string{"RS256"}})
	old := sign("RS256", r.rsa, map[string]any{"kid": "old"}, good(nil))
	fresh := sign("RS256", r.rsaOther, map[string]any{"kid": "new"}, good(nil))
	_, err := guard.Verify(context.Background(), old)
	assert.NoError(t, err)
	p.publish(rsaJWK("new", &r.rsaOther.PublicKey))
	_, err = guard.Verify(context.Background(), fresh)
	assert.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, err = guard.Verify(ctx, old) // asked for again and again, as UnknownEvery is so short
	if err == nil {
		t.Error("a key that was taken out still counts")
	}
}

// TestProviderIsDown: known keys serve on, unknown ones are an outage, not a
// bad token; live sockets do not notice.
func TestProviderIsDown(t *testing.T) {
	t.Parallel()
	r := ring()
	p := newProvider(t, rsaJWK("a", &r.rsa.PublicKey))
	srv := socketio.NewServer(nil)
	defer srv.Close()
	srv.Use(auth.JWT(config{Keys: jwks(t, &auth.JWKSOptions{RefreshEvery: 5 * time.Millisecond, UnknownEvery: time.Millisecond}, p.URL), Algorithms: []string{"RS256"}}))
	srv.On("ping", func() {})
	known := siotest.Options{Auth: token{sign("RS256", r.rsa, map[string]any{"kid": "a"}, good(nil))}}
	c := siotest.Dial(t, srv, known)
	p.down.Store(true)
	for seen := p.fetches.Load(); p.fetches.Load() < seen+3; { // as many failures
		c.Call("ping")
	}
	siotest.Dial(t, srv, known)
	c.Call("ping")

	late := newProvider(t)
	late.down.Store(true)
	other := auth.JWT(config{Keys: jwks(t, nil, late.URL), Algorithms: []string{"RS256"}})
	srv.Of("/late").Use(other)
	o := known
	o.Namespace = "/late"
	data := refusedWith(t, srv, o, auth.Unavailable)
	assert.Equal(t, "retryable", data.Retryable, true)
}

func TestJWKSDocuments(t *testing.T) {
	t.Parallel()
	r := ring()
	tk := sign("RS256", r.rsa, map[string]any{"kid": "a"}, good(nil))
	for name, document := range map[string]string{
		"no JSON": `<html>`, "no keys": `{}`, "null": `null`, "an array": `[]`, "too large": `{"keys":[],"pad":"` + strings.Repeat("x", 1<<20) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProvider(t)
			p.document.Store(&document)
			_, err := auth.JWT(config{Keys: jwks(t, nil, p.URL), Algorithms: []string{"RS256"}}).Verify(context.Background(), tk)
			if e := (*auth.Error)(nil); err == nil || errors.As(err, &e) {
				t.Errorf("got %v, want an outage", err)
			}
		})
	}
}

func TestJWKSWiring(t *testing.T) {
	t.Parallel()
	for _, urls := range [][]string{nil, {"http://id.test/keys"}, {"ftp://127.0.0.1/"}, {"keys.json"}, {"%zz"}} {
		func() {
			defer func() {
				if p, _ := recover().(string); !strings.HasPrefix(p, "auth: NewJWKS") {
					t.Errorf("%q: panic %q", urls, p)
				}
			}()
			auth.NewJWKS(context.Background(), nil, urls...)
		}()
	}
}
