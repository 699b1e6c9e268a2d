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
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/auth"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// provider is an identity provider's key endpoint.
type provider struct {
	document atomic.Pointer[string]
	down     atomic.Bool
	fetches  atomic.Int32
}

func newProvider(keys ...map[string]string) *provider {
	p := &provider{}
	p.publish(keys...)
	return p
}

func (p *provider) publish(keys ...map[string]string) {
	b, _ := json.Marshal(map[string]any{"keys": keys})
	text := string(b)
	p.document.Store(&text)
}

// ServeHTTP implements http.Handler.
func (p *provider) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	p.fetches.Add(1)
	if p.down.Load() {
		http.Error(w, "down", http.StatusBadGateway)
		return
	}
	_, _ = w.Write([]byte(*p.document.Load()))
}

// jwks fetches the keys of all providers until the test ends.
func jwks(t *testing.T, o auth.JWKSOptions, providers ...*provider) *auth.JWKS {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	k := startJWKS(ctx, t, o, providers...)
	t.Cleanup(func() {
		cancel()
		<-k.Done()
	})
	return k
}

// startJWKS fetches until ctx ends, over a network in memory: also in virtual time.
func startJWKS(ctx context.Context, t *testing.T, o auth.JWKSOptions, providers ...*provider) *auth.JWKS {
	t.Helper()
	var urls []string
	mux := http.NewServeMux()
	for i, p := range providers {
		path := fmt.Sprintf("/%d/keys", i)
		mux.Handle(path, p)
		urls = append(urls, "http://localhost"+path)
	}
	o.Client = siotest.HTTP(t, mux, siotest.Options{Timeout: time.Hour}) // JWKSOptions.Timeout is shorter
	return auth.NewJWKS(ctx, &o, urls...)
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
	p := newProvider(
		rsaJWK("rsa", &r.rsa.PublicKey, "use", "sig", "alg", "RS256"), rsaJWK("enc", &r.rsa.PublicKey, "use", "enc"),
		ecJWK("p256", &r.p256.PublicKey), ecJWK("p384", &r.p384.PublicKey), offCurve,
		map[string]string{"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": b64(r.ed.Public().(ed25519.PublicKey))},
		map[string]string{"kty": "oct", "kid": "oct", "k": b64(secret)}, map[string]string{"kty": "new", "kid": "new"},
		rsaJWK("bad-e", &r.rsa.PublicKey, "e", "AQ"),
	)
	mirror := newProvider(rsaJWK("other", &r.rsaOther.PublicKey))
	keys := auth.Issuers(map[string]auth.Keys{"https://id.test": jwks(t, auth.JWKSOptions{}, p, mirror)})
	guard := auth.JWT(config{Keys: keys, Algorithms: []string{"RS256", "PS256", "ES256", "ES384", "EdDSA", "HS256"}})
	issued := good(func(c *claims) { c.Issuer = "https://id.test" })
	kid := func(id string) map[string]any { return map[string]any{"kid": id} }
	for _, tt := range []struct {
		name, token string
		want        error
	}{
		{"RSA", sign("RS256", r.rsa, kid("rsa"), issued), nil},
		{"P-256", sign("ES256", r.p256, kid("p256"), issued), nil},
		{"P-384", sign("ES384", r.p384, kid("p384"), issued), nil},
		{"Ed25519", sign("EdDSA", r.ed, kid("ed"), issued), nil},
		{"of a mirror", sign("RS256", r.rsaOther, kid("other"), issued), nil},
		{"no key id", sign("ES256", r.p256, nil, issued), nil},
		{"algorithm is not the key's", sign("PS256", r.rsa, kid("rsa"), issued), auth.ErrTokenInvalid},
		{"key for encryption", sign("RS256", r.rsa, kid("enc"), issued), auth.ErrTokenInvalid},
		{"shared secret", sign("HS256", secret, kid("oct"), issued), auth.ErrTokenInvalid},
		{"key of the other id", sign("RS256", r.rsaOther, kid("rsa"), issued), auth.ErrTokenInvalid},
		{"point off the curve", sign("ES256", r.p256, kid("off"), issued), auth.ErrTokenInvalid},
		{"exponent 1", sign("RS256", r.rsa, kid("bad-e"), issued), auth.ErrTokenInvalid},
		{"A-J02 unknown key", sign("RS256", r.rsa, kid("../rsa"), issued), auth.ErrTokenInvalid},
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
	synctest.Test(t, func(t *testing.T) {
		r := ring()
		p := newProvider(rsaJWK("a", &r.rsa.PublicKey))
		guard := auth.JWT(config{Keys: jwks(t, auth.JWKSOptions{}, p), Algorithms: []string{"RS256"}})
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
		assert.Equal(t, "fetches", p.fetches.Load(), int32(1))
	})
}

// TestRotation: a new key is fetched when the first token names it, and one
// that is taken out counts no longer.
func TestRotation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := ring()
		p := newProvider(rsaJWK("old", &r.rsa.PublicKey))
		guard := auth.JWT(config{Keys: jwks(t, auth.JWKSOptions{UnknownEvery: time.Minute}, p), Algorithms: []string{"RS256"}})
		old := sign("RS256", r.rsa, map[string]any{"kid": "old"}, good(nil))
		fresh := sign("RS256", r.rsaOther, map[string]any{"kid": "new"}, good(nil))
		_, err := guard.Verify(context.Background(), old)
		assert.NoError(t, err)
		p.publish(rsaJWK("new", &r.rsaOther.PublicKey))
		time.Sleep(time.Minute - 1)
		_, err = guard.Verify(context.Background(), fresh)
		assert.ErrorIs(t, err, auth.ErrTokenInvalid) // UnknownEvery is not over
		time.Sleep(time.Nanosecond)
		_, err = guard.Verify(context.Background(), fresh)
		assert.NoError(t, err)
		_, err = guard.Verify(context.Background(), old)
		assert.ErrorIs(t, err, auth.ErrTokenInvalid)
		assert.Equal(t, "fetches", p.fetches.Load(), int32(2))
	})
}

// TestRefreshEvery: keys are fetched anew without a token that asks for them.
func TestRefreshEvery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := ring()
		p := newProvider(rsaJWK("old", &r.rsa.PublicKey))
		guard := auth.JWT(config{Keys: jwks(t, auth.JWKSOptions{UnknownEvery: 3 * time.Hour}, p), Algorithms: []string{"RS256"}})
		old := sign("RS256", r.rsa, map[string]any{"kid": "old"}, good(func(c *claims) { c.ExpiresAt = at(3 * time.Hour) }))
		synctest.Wait()
		p.publish(rsaJWK("new", &r.rsaOther.PublicKey))
		time.Sleep(time.Hour - 1)
		_, err := guard.Verify(context.Background(), old)
		assert.NoError(t, err)
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		_, err = guard.Verify(context.Background(), old)
		assert.ErrorIs(t, err, auth.ErrTokenInvalid)
	})
}

// TestProviderIsDown: known keys serve on, unknown ones are an outage, not a
// bad token; live sockets do not notice.
func TestProviderIsDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := ring()
		p := newProvider(rsaJWK("a", &r.rsa.PublicKey))
		srv := socketio.NewServer(nil)
		defer srv.Close()
		srv.Use(auth.JWT(config{Keys: jwks(t, auth.JWKSOptions{RefreshEvery: 2 * time.Minute, UnknownEvery: time.Minute}, p), Algorithms: []string{"RS256"}}))
		srv.On("ping", func() {})
		known := siotest.Options{Auth: token{sign("RS256", r.rsa, map[string]any{"kid": "a"}, good(nil))}}
		c := siotest.Dial(t, srv, known)
		p.down.Store(true)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		assert.Equal(t, "fetches", p.fetches.Load(), int32(1+4)) // after two minutes, and each minute since that has failed
		c.Call("ping")
		siotest.Dial(t, srv, known)
		c.Call("ping")

		late := newProvider()
		late.down.Store(true)
		other := auth.JWT(config{Keys: jwks(t, auth.JWKSOptions{}, late), Algorithms: []string{"RS256"}})
		srv.Of("/late").Use(other)
		o := known
		o.Namespace = "/late"
		data := refusedWith(t, srv, o, auth.CodeUnavailable)
		assert.Equal(t, "retryable", data.Retryable, true)
	})
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
			p := newProvider()
			p.document.Store(&document)
			_, err := auth.JWT(config{Keys: jwks(t, auth.JWKSOptions{}, p), Algorithms: []string{"RS256"}}).Verify(context.Background(), tk)
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

// TestJWKSKeysThatCount: a key counts for what its provider says that it is for.
func TestJWKSKeysThatCount(t *testing.T) {
	t.Parallel()
	r := ring()
	public := fmt.Sprintf(`"kty":"RSA","n":%q,"e":"AQAB"`, b64(r.rsa.N.Bytes()))
	tests := []struct {
		name, more string
		want       bool
	}{
		{"says nothing", ``, true},
		{"use sig", `,"use":"sig"`, true},
		{"use enc", `,"use":"enc"`, false},
		{"use, empty", `,"use":""`, true},
		{"use of another type", `,"use":["sig"]`, false},
		{"key_ops verify", `,"key_ops":["verify"]`, true},
		{"key_ops among others", `,"key_ops":["sign","verify"]`, true},
		{"key_ops encrypt", `,"key_ops":["encrypt"]`, false},
		{"key_ops sign", `,"key_ops":["sign"]`, false},
		{"key_ops, empty", `,"key_ops":[]`, true},
		{"both, empty", `,"use":"","key_ops":[]`, true},
		{"use enc, key_ops empty", `,"use":"enc","key_ops":[]`, false},
		{"use empty, key_ops encrypt", `,"use":"","key_ops":["encrypt"]`, false},
		{"null", `,"use":null,"key_ops":null`, true},
		{"key_ops as a string", `,"key_ops":"verify"`, false},
		{"key_ops against use", `,"use":"sig","key_ops":["encrypt"]`, false},
		{"use against key_ops", `,"use":"enc","key_ops":["verify"]`, false},
		{"alg", `,"alg":"RS256"`, true},
		{"another alg", `,"alg":"PS256"`, false},
		{"alg for encryption", `,"alg":"RSA-OAEP"`, false},
		{"alg of another type", `,"alg":256`, false},
		{"private", `,"d":"AQAB"`, false},
		{"kid twice", `,"kid":"b"`, false},
		{"use twice", `,"use":"enc","use":"sig"`, false},
		{"USE", `,"USE":"enc"`, false},
		{"unknown members", `,"x5t":"AA","ext":true`, true},
	}
	tk := sign("RS256", r.rsa, map[string]any{"kid": "a"}, good(nil))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newProvider()
			other, _ := json.Marshal(ecJWK("other", &r.p256.PublicKey))
			document := fmt.Sprintf(`{"keys":[{"kid":"a",%s%s},%s]}`, public, tt.more, other)
			p.document.Store(&document)
			_, err := auth.JWT(config{Keys: jwks(t, auth.JWKSOptions{}, p), Algorithms: []string{"RS256"}}).Verify(context.Background(), tk)
			if tt.want != (err == nil) || err != nil && !errors.Is(err, auth.ErrTokenInvalid) {
				t.Errorf("got %v, want accepted: %t", err, tt.want)
			}
		})
	}
}

// TestJWKSTypesUnderOneID: RFC 7517, section 4.5.
func TestJWKSTypesUnderOneID(t *testing.T) {
	t.Parallel()
	r := ring()
	ed := map[string]string{"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": b64(r.ed.Public().(ed25519.PublicKey))}
	p := newProvider(rsaJWK("a", &r.rsa.PublicKey), ecJWK("a", &r.p256.PublicKey), ed, ecJWK("a", &r.p384.PublicKey), rsaJWK("a", &r.rsaOther.PublicKey))
	guard := auth.JWT(config{Keys: jwks(t, auth.JWKSOptions{}, p), Algorithms: []string{"RS256", "ES256", "ES384", "EdDSA"}})
	kid := map[string]any{"kid": "a"}
	for name, tk := range map[string]string{
		"RSA": sign("RS256", r.rsa, kid, good(nil)), "other RSA": sign("RS256", r.rsaOther, kid, good(nil)), "P-256": sign("ES256", r.p256, kid, good(nil)),
		"P-384": sign("ES384", r.p384, kid, good(nil)), "Ed25519": sign("EdDSA", r.ed, kid, good(nil)),
	} {
		if _, err := guard.Verify(context.Background(), tk); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestEmptyKeySet: a provider that has lost its keys says nothing about a token,
// and what it had counts on.
func TestEmptyKeySet(t *testing.T) {
	t.Parallel()
	r := ring()
	for name, document := range map[string]string{
		"empty": `{"keys":[]}`, "none that is known": `{"keys":[{"kty":"new"}]}`, "none that checks signatures": `{"keys":[{"kty":"RSA","use":"enc","n":"AQAB","e":"AQAB"}]}`,
		"keys twice": `{"keys":[],"keys":[]}`, "KEYS": `{"KEYS":[]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newProvider()
				p.document.Store(&document)
				guard := auth.JWT(config{Keys: jwks(t, auth.JWKSOptions{UnknownEvery: time.Minute}, p), Algorithms: []string{"RS256"}})
				tk := sign("RS256", r.rsa, map[string]any{"kid": "a"}, good(nil))
				_, err := guard.Verify(context.Background(), tk)
				if e := (*auth.Error)(nil); err == nil || errors.As(err, &e) {
					t.Fatalf("got %v, want an outage", err)
				}
				p.publish(rsaJWK("a", &r.rsa.PublicKey))
				time.Sleep(time.Minute)
				_, err = guard.Verify(context.Background(), tk)
				assert.NoError(t, err)
				p.document.Store(&document)
				for range 3 { // fetches that fail
					time.Sleep(time.Minute)
					forged := forge(`{"alg":"RS256","kid":"x"}`, payload(""), unsigned)
					_, err = guard.Verify(context.Background(), forged)
					if e := (*auth.Error)(nil); err == nil || errors.As(err, &e) {
						t.Errorf("got %v, want an outage", err)
					}
				}
				_, err = guard.Verify(context.Background(), tk)
				assert.NoError(t, err)
			})
		})
	}
}

// TestKeyAfterTheEnd: nobody fetches any more, and nobody waits.
func TestKeyAfterTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := ring()
		p := newProvider(rsaJWK("a", &r.rsa.PublicKey))
		ctx, cancel := context.WithCancel(context.Background())
		k := startJWKS(ctx, t, auth.JWKSOptions{UnknownEvery: time.Minute}, p)
		guard := auth.JWT(config{Keys: k, Algorithms: []string{"RS256"}})
		known, unknown := sign("RS256", r.rsa, map[string]any{"kid": "a"}, good(nil)), sign("RS256", r.rsa, map[string]any{"kid": "b"}, good(nil))
		_, err := guard.Verify(context.Background(), known)
		assert.NoError(t, err)
		cancel()
		<-k.Done()
		time.Sleep(time.Minute) // from now on an unknown key would be fetched
		_, err = guard.Verify(context.Background(), unknown)
		if e := (*auth.Error)(nil); err == nil || errors.As(err, &e) {
			t.Errorf("got %v, want an outage", err)
		}
		_, err = guard.Verify(context.Background(), known)
		assert.NoError(t, err)
	})
}

// panicking is an application's transport that is broken.
type panicking struct{}

func (panicking) RoundTrip(*http.Request) (*http.Response, error) { panic("transport is broken") }

// TestClientThatPanics does not take the process down.
func TestClientThatPanics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		k := auth.NewJWKS(ctx, &auth.JWKSOptions{Client: &http.Client{Transport: panicking{}}}, "https://id.test/keys")
		defer func() { cancel(); <-k.Done() }()
		_, err := auth.JWT(config{Keys: k, Algorithms: []string{"RS256"}}).Verify(context.Background(), sign("RS256", ring().rsa, nil, good(nil)))
		if err == nil || !strings.Contains(err.Error(), "transport is broken") {
			t.Errorf("got %v, want what the transport has panicked with", err)
		}
	})
}

// TestIssuers: each provider signs for its own users only.
func TestIssuers(t *testing.T) {
	t.Parallel()
	r := ring()
	a, b := newProvider(rsaJWK("k", &r.rsa.PublicKey)), newProvider(rsaJWK("k", &r.rsaOther.PublicKey))
	down := newProvider()
	down.down.Store(true)
	guard := auth.JWT(config{Algorithms: []string{"RS256", "HS256", "ES256"}, Keys: auth.Issuers(map[string]auth.Keys{
		"https://a.test": jwks(t, auth.JWKSOptions{}, a), "https://b.test": jwks(t, auth.JWKSOptions{}, b), "https://down.test": jwks(t, auth.JWKSOptions{}, down),
		"https://own.test": auth.Secret(secret),
	})})
	from := func(iss string) func(c *claims) { return func(c *claims) { c.Issuer = iss } }
	kid := map[string]any{"kid": "k"}
	for _, tt := range []struct {
		name, token string
		want        auth.Code // empty: accepted
	}{
		{"a's", sign("RS256", r.rsa, kid, good(from("https://a.test"))), ""},
		{"b's", sign("RS256", r.rsaOther, kid, good(from("https://b.test"))), ""},
		{"our own", sign("HS256", secret, nil, good(from("https://own.test"))), ""},
		{"b signs for a's users", sign("RS256", r.rsaOther, kid, good(from("https://a.test"))), auth.CodeTokenInvalid},
		{"b signs for a's users, without a key id", sign("RS256", r.rsaOther, nil, good(from("https://a.test"))), auth.CodeTokenInvalid},
		{"a signs for our own users", sign("RS256", r.rsa, kid, good(from("https://own.test"))), auth.CodeTokenInvalid},
		{"our secret for a's users", sign("HS256", secret, kid, good(from("https://a.test"))), auth.CodeTokenInvalid},
		{"nobody's", sign("RS256", r.rsa, kid, good(nil)), auth.CodeTokenInvalid},
		{"a stranger's", sign("RS256", r.rsa, kid, good(from("https://c.test"))), auth.CodeTokenInvalid},
		{"two issuers", forge(`{"alg":"RS256","kid":"k"}`, payload(`,"iss":"https://b.test","iss":"https://a.test"`), rs256(r.rsa)), auth.CodeTokenInvalid},
		{"one that is down", sign("RS256", r.rsa, kid, good(from("https://down.test"))), auth.CodeUnavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := guard.Verify(context.Background(), tt.token)
			code := auth.Code("")
			if e := (*auth.Error)(nil); errors.As(err, &e) {
				code = e.Code
			} else if err != nil {
				code = auth.CodeUnavailable
			}
			assert.Equal(t, "code", code, tt.want)
		})
	}
}
