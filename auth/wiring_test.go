package auth_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gosio/gosio/auth"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/assert"
)

// pointered would panic on every token without registered claims.
type pointered struct{ *jwt.RegisteredClaims }

// alone returns a server that is closed with the test.
func alone(t *testing.T) *socketio.Server {
	srv := socketio.NewServer(nil)
	t.Cleanup(srv.Close)
	return srv
}

func TestWrongWiringPanics(t *testing.T) {
	t.Parallel()
	r := ring()
	text := string(r.rsaPEM)
	external := func(context.Context, *socketio.Handshake) (*auth.Identity[claims], error) { return nil, nil }
	verifier := auth.VerifierFunc[claims](func(context.Context, string) (*auth.Identity[claims], error) { return nil, nil })
	two := func() auth.Keys {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		return auth.NewJWKS(ctx, nil, "https://a.test/jwks.json", "https://b.test/jwks.json")
	}
	change := func(f func(c *config)) func() { return func() { auth.JWT(with(secretConfig(), f)) } }
	tests := []struct {
		name string
		wire func()
		want string
	}{
		{"revocations of no server", func() {
			auth.NewClusterRevocations(context.Background(), nil, auth.ClusterOptions{MaxAge: time.Hour})
		}, "without a server"},
		{"revocations for no time", func() {
			auth.NewClusterRevocations(context.Background(), alone(t), auth.ClusterOptions{})
		}, "ClusterOptions.MaxAge"},
		{"revocations of a server twice", func() {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			srv := alone(t)
			first := auth.NewClusterRevocations(ctx, srv, auth.ClusterOptions{MaxAge: time.Hour})
			defer func() { cancel(); <-first.Done() }()
			auth.NewClusterRevocations(ctx, srv, auth.ClusterOptions{MaxAge: time.Hour})
		}, "make them once"},
		{"no keys", func() { auth.JWT(config{Algorithms: []string{"HS256"}}) }, "Keys is required"},
		{"no algorithms", func() { auth.JWT(config{Keys: auth.Secret(secret)}) }, "Algorithms is required"},
		{"none", change(func(c *config) { c.Algorithms = []string{"HS256", "none"} }), `"none"`},
		{"unknown algorithm", change(func(c *config) { c.Algorithms = []string{"HS257"} }), `"HS257"`},
		{"lower case algorithm", change(func(c *config) { c.Algorithms = []string{"hs256"} }), `"hs256"`},
		{"A-J01 PEM as a secret", func() { auth.Secret(r.rsaPEM) }, "text of a PEM file"},
		{"A-J01 PEM with blanks as a secret", func() { auth.Secret([]byte("\n " + text)) }, "text of a PEM file"},
		{"A-J01 PEM as a short secret", func() { auth.ShortSecret(r.rsaPEM) }, "text of a PEM file"},
		{"A-J01 PEM as a string", func() { auth.PublicKey(text) }, "is a string"},
		{"A-J01 PEM in a set", func() { auth.KeySet(map[string]any{"a": r.rsaPEM}) }, "text of a PEM file"},
		{"short secret", func() { auth.Secret(secret[:31]) }, "can be guessed"},
		{"empty secret", func() { auth.ShortSecret(nil) }, "is empty"},
		{"no key", func() { auth.PublicKey(nil) }, "no algorithm uses"},
		{"empty set", func() { auth.KeySet(nil) }, "without a key"},
		{"PEM without PEM", func() { auth.PEM([]byte("x")) }, "no PEM block"},
		{"PEM without a key", func() { auth.PEM([]byte("-----BEGIN X-----\nAAAA\n-----END X-----\n")) }, "no public key"},
		{"RSA key for HS256", func() { auth.JWT(config{Keys: auth.PublicKey(&r.rsa.PublicKey), Algorithms: []string{"HS256"}}) }, "no key is of its kind"},
		{"secret for RS256", change(func(c *config) { c.Algorithms = []string{"RS256"} }), "no key is of its kind"},
		{"RS256 without an RSA key", change(func(c *config) { c.Algorithms = []string{"HS256", "RS256"} }), "algorithm RS256"},
		{"small RSA key", func() { auth.JWT(config{Keys: auth.PublicKey(&r.rsaWeak.PublicKey), Algorithms: []string{"RS256"}}) }, "no key is of its kind"},
		{"key that no algorithm uses", func() {
			auth.JWT(config{Keys: auth.KeySet(map[string]any{"a": secret, "b": &r.rsa.PublicKey}), Algorithms: []string{"HS256"}})
		}, "no allowed algorithm"},
		{"empty audience", change(func(c *config) { c.Audience = []string{"a", ""} }), "empty entry"},
		{"audience of nobody", change(func(c *config) { c.Audience = []string{} }), "nil accepts any"},
		{"key function of none", func() { auth.JWT(config{Keys: auth.KeyFunc(nil), Algorithms: []string{"HS256"}}) }, "Keys is required"},
		{"JWKS of none", func() { auth.JWT(config{Keys: (*auth.JWKS)(nil), Algorithms: []string{"RS256"}}) }, "Keys is required"},
		{"verifier of none", func() { auth.Custom(auth.VerifierFunc[claims](nil), config{}) }, "without a Verifier"},
		{"watch of none", change(func(c *config) { c.Watch = (*auth.Revocations)(nil) }), "nil pointer"},
		{"key without an id", func() { auth.KeySet(map[string]any{"": secret}) }, "no token can name"},
		{"key with an id that is too long", func() { auth.KeySet(map[string]any{strings.Repeat("k", 257): secret}) }, "no token can name"},
		{"no issuers", func() { auth.Issuers(nil) }, "without an issuer"},
		{"issuer without a name", func() { auth.Issuers(map[string]auth.Keys{"": auth.Secret(secret)}) }, "needs a name"},
		{"issuer without keys", func() { auth.Issuers(map[string]auth.Keys{"a": nil}) }, "needs a name"},
		{"issuers in issuers", func() {
			auth.Issuers(map[string]auth.Keys{"a": auth.Issuers(map[string]auth.Keys{"b": auth.Secret(secret)})})
		}, "needs a name"},
		{"issuer beside issuers", change(func(c *config) {
			c.Issuer, c.Keys = "a", auth.Issuers(map[string]auth.Keys{"a": auth.Secret(secret)})
		}), "beside Issuers"},
		{"issuers whose keys no algorithm uses", change(func(c *config) {
			c.Keys = auth.Issuers(map[string]auth.Keys{"a": auth.Secret(secret), "b": auth.PublicKey(&r.rsa.PublicKey)})
		}), "no allowed algorithm"},
		{"algorithm that no issuer uses", change(func(c *config) {
			c.Keys, c.Algorithms = auth.Issuers(map[string]auth.Keys{"a": auth.Secret(secret)}), []string{"HS256", "RS256"}
		}), "algorithm RS256"},
		{"one issuer for two providers", change(func(c *config) {
			c.Algorithms, c.Issuer, c.Keys = []string{"RS256"}, "https://a.test", two()
		}), "use Issuers"},
		{"two providers and no issuer", change(func(c *config) { c.Algorithms, c.Keys = []string{"RS256"}, two() }), "use Issuers"},
		{"negative refresh of keys", func() { auth.NewJWKS(context.Background(), &auth.JWKSOptions{RefreshEvery: -1}, "https://a.test/") }, "negative"},
		{"negative timeout of keys", func() { auth.NewJWKS(context.Background(), &auth.JWKSOptions{Timeout: -1}, "https://a.test/") }, "negative"},
		{"no field", func() { auth.FromAuth("") }, "without a name"},
		{"no header", func() { auth.FromHeader("", "Bearer") }, "without a name"},
		{"no cookie", func() { auth.FromCookie("") }, "without a name"},
		{"no parameter", func() { auth.FromQuery("") }, "without a name"},
		{"no function", change(func(c *config) { c.Sources = []auth.Source{auth.FromFunc(nil, false)} }), "Sources[0]"},
		{"nil policy", func() { auth.JWT(secretConfig()).Require(nil) }, "policy is nil"},
		{"nil policy for an event", func() { auth.JWT(secretConfig()).RequireFor("x", nil) }, "policy is nil"},
		{"no policy for an event", func() { auth.JWT(secretConfig()).RequireFor("x") }, "and a policy"},
		{"a policy for no event", func() { auth.JWT(secretConfig()).RequireFor("", role("a")) }, "name of an event"},
		{"empty role", func() { role("") }, "empty role"},
		{"empty scope", func() { auth.AllScopes(func(*claims) string { return "" }, "") }, "is empty"},
		{"two scopes in one", func() { auth.AllScopes(func(*claims) string { return "" }, "a b") }, "has blanks"},
		{"no predicate", func() { auth.Allow[claims](nil) }, "without a predicate"},
		{"one name for two events", change(func(c *config) { c.ExpiredEvent = "auth:ended" }), "one name"},
		{"no sources", change(func(c *config) { c.Sources = []auth.Source{} }), "Sources is empty"},
		{"empty source", change(func(c *config) { c.Sources = make([]auth.Source, 1) }), "Sources[0]"},
		{"no action", change(func(c *config) { c.OnExpire = 9 }), "OnExpire"},
		{"negative grace", change(func(c *config) { c.Grace = -time.Second }), "negative"},
		{"grace for nothing", change(func(c *config) { c.Grace, c.OnExpire = 1, auth.ActionKeepOpen }), "no meaning"},
		{"event names", change(func(c *config) { c.RefreshEvent = "auth:ended" }), "another event"},
		{"an event of Socket.IO's", change(func(c *config) { c.EndedEvent = "disconnect" }), "choose another name"},
		{"an event of Socket.IO's, before", change(func(c *config) { c.ExpiredEvent = "connect_error" }), "choose another name"},
		{"an event of Socket.IO's, of clients", change(func(c *config) { c.RefreshEvent = "connect" }), "choose another name"},
		{"two headers", func() { auth.FromHeader("X-Token, Authorization", "") }, "no header"},
		{"a colon", func() { auth.FromHeader("Authorization:", "Bearer") }, "no header"},
		{"a scheme with a blank", func() { auth.FromHeader("Authorization", "Bearer ") }, "no scheme"},
		{"no name of a cookie", func() { auth.FromCookie("my token") }, "no cookie"},
		{"a hook for no refresh", change(func(c *config) {
			c.OnRefresh = func(*socketio.Socket, *auth.Identity[claims], *auth.Identity[claims]) {}
		}), "without RefreshEvent"},
		{"claims by pointer", func() {
			auth.JWT(auth.Config[pointered]{Keys: auth.Secret(secret), Algorithms: []string{"HS256"}})
		}, "by value"},
		{"no verifier", func() { auth.Custom[claims](nil, config{}) }, "without a Verifier"},
		{"verifier with JWT settings", func() { auth.Custom(verifier, config{Issuer: "x"}) }, "settings for JWTs"},
		{"no external function", func() { auth.External[claims](nil, config{}) }, "without a function"},
		{"external with sources", func() { auth.External(external, config{Sources: []auth.Source{auth.FromAuth("token")}}) }, "settings for tokens"},
		{"external with keys", func() { auth.External(external, secretConfig()) }, "settings for JWTs"},
		{"external verifies", func() { _, _ = auth.External(external, config{}).Verify(context.Background(), "") }, "never sees a token"},
		{"role of none", func() { auth.AnyRole(func(*claims) []string { return nil }) }, "nobody"},
		{"scopes of none", func() { auth.AllScopes(func(*claims) string { return "" }) }, "everybody"},
		{"revocations without end", func() { auth.NewRevocations(0) }, "longest time"},
		{"A-J09 cookies and every origin", func() {
			srv := socketio.NewServer(&socketio.Options{CORS: socketio.CORS{Origins: []string{"*"}}})
			defer srv.Close()
			srv.Use(auth.JWT(with(secretConfig(), func(c *config) { c.Sources = []auth.Source{auth.FromCookie("t")} })))
		}, "cookies"},
		{"A-J09 the framework's cookies and every origin", func() {
			srv := socketio.NewServer(&socketio.Options{CORS: socketio.CORS{Origins: []string{"*"}}})
			defer srv.Close()
			srv.Use(auth.External(external, config{}))
		}, "cookies"},
		{"two guards with one refresh event", func() {
			srv := socketio.NewServer(nil)
			defer srv.Close()
			c := with(secretConfig(), func(c *config) { c.RefreshEvent = "auth:refresh" })
			srv.Use(auth.JWT(c))
			srv.Use(auth.JWT(c))
		}, "auth:refresh"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				p := fmt.Sprint(recover())
				if !strings.HasPrefix(p, "auth: ") && !strings.HasPrefix(p, "socketio: ") || !strings.Contains(p, tt.want) {
					t.Errorf("panic %q, want one about %q", p, tt.want)
				}
			}()
			tt.wire()
		})
	}
}

func TestEveryOriginWithoutCookies(t *testing.T) {
	t.Parallel()
	srv := socketio.NewServer(&socketio.Options{CORS: socketio.CORS{Origins: []string{"*"}}})
	defer srv.Close()
	srv.Use(auth.JWT(secretConfig())) // a page of another site has no token to send
}

// TestOptionsAreCloned: what the application does with its slices and maps later
// changes nothing.
func TestOptionsAreCloned(t *testing.T) {
	t.Parallel()
	key := bytes.Clone(secret)
	keys, wanted := map[string]any{"a": key}, []string{"admin"}
	c := issued()
	c.Keys, c.Audience = auth.KeySet(keys), []string{"chat"}
	policy := auth.AnyRole(func(c *claims) []string { return c.Roles }, wanted...)
	guard := auth.JWT(c)
	clear(keys)
	clear(key)
	c.Audience[0], c.Algorithms[0], wanted[0] = "mail", "none", "user"
	_, err := guard.Verify(context.Background(), sign("HS256", secret, map[string]any{"kid": "a"}, good(func(c *claims) {
		c.Issuer, c.Audience = "https://id.test", []string{"chat"}
	})))
	assert.NoError(t, err)
	if policy(&auth.Identity[claims]{Claims: &claims{Roles: []string{"user"}}}) == nil {
		t.Error("the policy asks for another role than it was made for")
	}
}
