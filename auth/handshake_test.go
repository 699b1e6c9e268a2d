package auth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
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

// token is the auth payload of the stock client.
type token struct {
	Token any `json:"token"`
}

// refusedWith expects connect_error with that code and returns its data.
func refusedWith(t *testing.T, srv http.Handler, o siotest.Options, code auth.Code) auth.Error {
	t.Helper()
	e := siotest.Refused(t, srv, o)
	text, err := json.Marshal(e.Data)
	assert.NoError(t, err)
	var data auth.Error
	assert.NoError(t, json.Unmarshal(text, &data))
	assert.Equal(t, "code", data.Code, code)
	assert.Equal(t, "message", e.Message, data.Message)
	return data
}

func tokenOf(user string) string { return hs(payload(fmt.Sprintf(`,"sub":%q`, user))) }

func TestSources(t *testing.T) {
	t.Parallel()
	good, bad := tokenOf("alice"), tokenOf("alice")+"x"
	header := func(kv ...string) http.Header {
		h := http.Header{}
		for i := 0; i < len(kv); i += 2 {
			h.Add(kv[i], kv[i+1])
		}
		return h
	}
	all := []auth.Source{auth.FromAuth("token"), auth.FromHeader("Authorization", "Bearer"), auth.FromCookie("jwt"), auth.FromQuery("token")}
	tests := []struct {
		name    string
		sources []auth.Source // nil: the defaults
		options siotest.Options
		want    auth.Code // empty: alice
	}{
		{"auth payload", nil, siotest.Options{Auth: token{good}}, ""},
		{"header", nil, siotest.Options{Header: header("Authorization", "Bearer "+good)}, ""},
		{"header, scheme in lower case", nil, siotest.Options{Header: header("Authorization", "bearer "+good)}, ""},
		{"nothing", nil, siotest.Options{}, auth.CodeTokenMissing},
		{"empty token", nil, siotest.Options{Auth: token{""}}, auth.CodeTokenMissing},
		{"null token, header decides", nil, siotest.Options{Auth: token{nil}, Header: header("Authorization", "Bearer "+good)}, ""},
		{"number as token", nil, siotest.Options{Auth: token{7}, Header: header("Authorization", "Bearer "+good)}, auth.CodeTokenMalformed},
		{"field in other case", nil, siotest.Options{Auth: map[string]string{"Token": good}}, auth.CodeTokenMissing},
		{"bad token does not fall through", nil, siotest.Options{Auth: token{bad}, Header: header("Authorization", "Bearer "+good)}, auth.CodeTokenInvalid},
		{"good token before a bad header", nil, siotest.Options{Auth: token{good}, Header: header("Authorization", "Bearer "+bad)}, ""},
		{"scheme in the payload", nil, siotest.Options{Auth: token{"Bearer " + good}}, ""},
		{"scheme in the payload, in small letters", nil, siotest.Options{Auth: token{"bearer  " + good}}, ""},
		{"scheme in the payload alone", nil, siotest.Options{Auth: token{"Bearer "}}, auth.CodeTokenMissing},
		{"other scheme in the payload", nil, siotest.Options{Auth: token{"Basic " + good}}, auth.CodeTokenMalformed},
		{"other scheme", nil, siotest.Options{Header: header("Authorization", "Basic "+good)}, auth.CodeTokenMissing},
		{"two headers", nil, siotest.Options{Header: header("Authorization", "Bearer "+good, "Authorization", "Bearer "+bad)}, auth.CodeTokenMalformed},
		{"cookie is not asked for", nil, siotest.Options{Header: header("Cookie", "token="+good)}, auth.CodeTokenMissing},
		{"A-J05 query is not asked for", nil, siotest.Options{Query: url.Values{"token": {good}}}, auth.CodeTokenMissing},
		{"A-J05 query, opted in", all, siotest.Options{Query: url.Values{"token": {good}}}, ""},
		{"query twice", all, siotest.Options{Query: url.Values{"token": {good, good}}}, auth.CodeTokenMalformed},
		{"cookie, opted in", all, siotest.Options{Header: header("Cookie", "a=b; jwt="+good)}, ""},
		{"cookie twice", all, siotest.Options{Header: header("Cookie", "jwt="+good+"; jwt="+bad)}, auth.CodeTokenMalformed},
		{"cookie before query", all, siotest.Options{Header: header("Cookie", "jwt="+bad), Query: url.Values{"token": {good}}}, auth.CodeTokenInvalid},
		{"whole header", []auth.Source{auth.FromHeader("X-Token", "")}, siotest.Options{Header: header("X-Token", good)}, ""},
		{"function", []auth.Source{auth.FromFunc(func(h *socketio.Handshake) (string, bool) { return h.Query().Get("t"), true }, false)}, siotest.Options{Query: url.Values{"t": {good}}}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := socketio.NewServer(nil)
			defer srv.Close()
			srv.Use(auth.JWT(with(secretConfig(), func(c *config) { c.Sources = tt.sources })))
			srv.On("whoami", func(s *socketio.Socket) string { return s.Identity() })
			if tt.want != "" {
				refusedWith(t, srv, tt.options, tt.want)
				return
			}
			var who string
			siotest.Dial(t, srv, tt.options).Call("whoami").Decode(&who)
			assert.Equal(t, "identity", who, "alice")
		})
	}
}

// TestRefusalOnTheWire: the stable part of what front ends build on.
func TestRefusalOnTheWire(t *testing.T) {
	t.Parallel()
	srv := socketio.NewServer(nil)
	defer srv.Close()
	guard := auth.JWT(secretConfig())
	srv.Use(guard)
	srv.Of("/admin").Use(guard.Require(auth.AnyRole(func(c *claims) []string { return c.Roles }, "admin", "ops")))
	c := siotest.Open(t, srv, siotest.Options{})
	assert.NoError(t, c.Send(`40{"token":"x"}`))
	c.Expect(`44{"message":"token is malformed","data":{"code":"token_malformed","message":"token is malformed","retryable":false}}`)
	assert.NoError(t, c.Send(`40{"token":"`+hs(`{"sub":"alice","exp":1}`)+`"}`))
	c.Expect(`44{"message":"token has expired","data":{"code":"token_expired","message":"token has expired","retryable":true}}`)
	assert.NoError(t, c.Send(`40/admin,{"token":"`+tokenOf("alice")+`"}`))
	c.Expect(`44/admin,{"message":"not allowed","data":{"code":"forbidden","message":"not allowed","retryable":false,"required":["admin","ops"]}}`)
}

// TestNothingRunsBeforeAuthentication: no handler, no hook, no room.
func TestNothingRunsBeforeAuthentication(t *testing.T) {
	t.Parallel()
	var ran atomic.Int32
	release := make(chan struct{})
	srv := socketio.NewServer(nil)
	defer srv.Close()
	srv.Use(auth.Custom(auth.VerifierFunc[claims](func(context.Context, string) (*auth.Identity[claims], error) {
		<-release
		return nil, auth.ErrTokenInvalid
	}), config{Room: func(id *auth.Identity[claims]) string { return "user:" + id.Subject }}))
	srv.OnConnect(func(*socketio.Socket) { ran.Add(1) })
	srv.OnDisconnect(func(*socketio.Socket, socketio.Reason) { ran.Add(1) })
	srv.On("x", func() { ran.Add(1) })
	srv.Of("/public").On("ping", func() {})
	c := siotest.Open(t, srv, siotest.Options{})
	assert.NoError(t, c.Send(`40{"token":"t"}`, `42["x"]`, `421["x"]`, `40/public,`, `42/public,0["ping"]`))
	if first := c.Next(); !strings.HasPrefix(first, "40/public,") {
		t.Fatalf("first message %s", first)
	}
	c.Expect(`43/public,0[]`) // whoever waits for a verifier holds up nobody else
	assert.Equal(t, "sockets before", len(srv.Sockets()), 0)
	close(release)
	c.Expect(`44{"message":"token is invalid","data":{"code":"token_invalid","message":"token is invalid","retryable":false}}`)
	assert.NoError(t, c.Send(`42["x"]`, `42/public,1["ping"]`))
	c.Expect(`43/public,1[]`)
	assert.Equal(t, "sockets", len(srv.Sockets()), 0)
	assert.Equal(t, "rooms", len(srv.Rooms()), 0)
	assert.Equal(t, "handlers and hooks that ran", ran.Load(), int32(0))
}

// TestClientGoneWhileVerifying: a slow verifier does not leave a socket behind.
func TestClientGoneWhileVerifying(t *testing.T) {
	t.Parallel()
	asked, done := make(chan struct{}), make(chan error, 1)
	srv := socketio.NewServer(nil)
	defer srv.Close()
	srv.Use(auth.Custom(auth.VerifierFunc[claims](func(ctx context.Context, _ string) (*auth.Identity[claims], error) {
		close(asked)
		<-ctx.Done()
		done <- ctx.Err()
		return &auth.Identity[claims]{Subject: "alice", Claims: &claims{}, ExpiresAt: time.Now().Add(time.Hour)}, nil
	}), config{}))
	srv.OnConnect(func(*socketio.Socket) { t.Error("a socket that is gone has joined") })
	c := siotest.Open(t, srv, siotest.Options{})
	assert.NoError(t, c.Send(`40{"token":"t"}`))
	<-asked
	c.Cut()
	assert.ErrorIs(t, <-done, context.Canceled)
	assert.NoError(t, srv.Shutdown(context.Background())) // waits for the dispatcher
	assert.Equal(t, "sockets", len(srv.Sockets()), 0)
}

// TestNamespacesAreApart is A-J10: "/" gives nothing on "/admin".
func TestNamespacesAreApart(t *testing.T) {
	t.Parallel()
	srv := socketio.NewServer(nil)
	defer srv.Close()
	guard := auth.JWT(secretConfig())
	admin := auth.JWT(config{Keys: auth.Secret(bytes.Repeat([]byte("a"), 32)), Algorithms: []string{"HS256"}})
	srv.Use(guard)
	srv.Of("/admin").Use(admin)
	srv.Of("/ops").Use(guard.Require(auth.AnyRole(func(c *claims) []string { return c.Roles }, "ops")))
	var has atomic.Bool
	srv.Of("/open").OnConnect(func(s *socketio.Socket) {
		_, ok := auth.From[claims](s)
		has.Store(ok || s.Identity() != "")
	})
	refusedWith(t, srv, siotest.Options{Namespace: "/admin"}, auth.CodeTokenMissing)
	refusedWith(t, srv, siotest.Options{Namespace: "/admin", Auth: token{tokenOf("alice")}}, auth.CodeTokenInvalid)
	refusedWith(t, srv, siotest.Options{Namespace: "/ops", Auth: token{tokenOf("alice")}}, auth.CodeForbidden)

	c := siotest.Open(t, srv, siotest.Options{})
	assert.NoError(t, c.Send(`40{"token":"`+tokenOf("alice")+`"}`))
	c.Next()
	assert.NoError(t, c.Send(`40/admin,`)) // the payload of "/" is not that of "/admin"
	c.Expect(`44/admin,{"message":"authentication required","data":{"code":"token_missing","message":"authentication required","retryable":false}}`)
	assert.NoError(t, c.Send(`42/admin,1["x"]`, `40/open,`))
	if !strings.HasPrefix(c.Next(), "40/open,") {
		t.Error("the open namespace is closed")
	}
	assert.Equal(t, "identity on /open", has.Load(), false)
}

func TestOptional(t *testing.T) {
	t.Parallel()
	srv := socketio.NewServer(nil)
	defer srv.Close()
	isAdmin := auth.Allow(func(c *claims) bool { return c.User == "root" })
	guard := auth.JWT(with(secretConfig(), func(c *config) { c.Optional = true }))
	srv.Use(guard.RequireFor("drop", isAdmin))
	srv.Of("/admin").Use(guard.Require(isAdmin))
	srv.On("whoami", func(s *socketio.Socket) string { return s.Identity() })
	srv.On("drop", func() string { return "dropped" })

	anonymous := siotest.Dial(t, srv, siotest.Options{})
	who := "?"
	anonymous.Call("whoami").Decode(&who)
	assert.Equal(t, "anonymous", who, "")
	assert.Equal(t, "drop", anonymous.Call("drop").Failure().Code, socketio.CodeForbidden)
	refusedWith(t, srv, siotest.Options{Auth: token{"bad"}}, auth.CodeTokenMalformed)
	refusedWith(t, srv, siotest.Options{Namespace: "/admin"}, auth.CodeTokenMissing)

	alice := siotest.Dial(t, srv, siotest.Options{Auth: token{tokenOf("alice")}})
	assert.Equal(t, "drop", alice.Call("drop").Failure().Code, socketio.CodeForbidden)
	root := siotest.Dial(t, srv, siotest.Options{Auth: token{hs(payload(`,"user":"root"`))}})
	var answer string
	root.Call("drop").Decode(&answer)
	assert.Equal(t, "answer", answer, "dropped")
}

func TestPolicies(t *testing.T) {
	t.Parallel()
	scopes := auth.AllScopes(func(c *claims) string { return c.Scope }, "chat:read", "chat:write")
	roles := auth.AnyRole(func(c *claims) []string { return c.Roles }, "admin", "ops")
	tests := []struct {
		name   string
		policy auth.Policy[claims]
		claims claims
		want   error
	}{
		{"a role", roles, claims{Roles: []string{"user", "ops"}}, nil},
		{"no role", roles, claims{}, auth.ErrForbidden},
		{"other role", roles, claims{Roles: []string{"administrator"}}, auth.ErrForbidden},
		{"all scopes", scopes, claims{Scope: "chat:write x chat:read"}, nil},
		{"one scope", scopes, claims{Scope: "chat:read"}, auth.ErrForbidden},
		{"scope that begins alike", scopes, claims{Scope: "chat:read chat:write2"}, auth.ErrForbidden},
		{"predicate", auth.Allow(func(c *claims) bool { return c.User == "u" }), claims{User: "u"}, nil},
		{"predicate refuses", auth.Allow(func(c *claims) bool { return c.User == "u" }), claims{}, auth.ErrForbidden},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := tt.policy(&auth.Identity[claims]{Claims: &tt.claims})
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

// TestPolicyOfNil: a nil *Error that a policy returns as an error lets nobody in,
// and the policies behind it are not left out.
func TestPolicyOfNil(t *testing.T) {
	t.Parallel()
	srv := socketio.NewServer(nil)
	defer srv.Close()
	srv.Use(auth.JWT(secretConfig()).Require(func(*auth.Identity[claims]) error { return (*auth.Error)(nil) }))
	refusedWith(t, srv, siotest.Options{Auth: token{tokenOf("alice")}}, auth.CodeForbidden)
}

// TestNothingLeaks is A-J12: a client hears codes, the log hears fixed words.
func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	var logged buffer
	log := slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	srv := socketio.NewServer(&socketio.Options{Logger: log})
	defer srv.Close()
	guard := auth.JWT(with(secretConfig(), func(c *config) {
		c.Logger, c.RefreshEvent = log, "auth:refresh"
		c.Sources = []auth.Source{auth.FromAuth("token"), auth.FromHeader("Authorization", "Bearer"), auth.FromQuery("token")}
	}))
	srv.Use(guard)
	srv.Of("/broken").UseFunc(func(context.Context, *socketio.Socket) error { return errors.New("database password is hunter2") })
	srv.Of("/down").Use(auth.Custom(auth.VerifierFunc[claims](func(context.Context, string) (*auth.Identity[claims], error) {
		return nil, errors.New("dial tcp 10.0.0.7: refused")
	}), config{Logger: log}))
	srv.On("log", func(s *socketio.Socket) {
		id, _ := auth.From[claims](s)
		log.Info("seen", "handshake", s.Handshake(), "identity", id)
	})

	var tokens []string
	for _, group := range [][]vector{algorithms(), headers(), shapes(), times(), audiences(), others()} {
		for _, v := range group {
			if len(v.token) > 20 && len(v.token) < 8<<10 {
				tokens = append(tokens, v.token)
			}
		}
	}
	for _, tk := range tokens {
		c := siotest.Open(t, srv, siotest.Options{})
		text, _ := json.Marshal(token{tk})
		assert.NoError(t, c.Send("40"+string(text)))
		answer := c.Next()
		if strings.Contains(answer, tk[:16]) && strings.HasPrefix(answer, "44") {
			t.Errorf("a refusal repeats the token: %s", answer)
		}
		c.Cut()
	}
	good := tokenOf("alice")
	c := siotest.Dial(t, srv, siotest.Options{Query: url.Values{"token": {good}}, Header: http.Header{"Authorization": {"Bearer " + good}}})
	c.Call("log")
	c.Call("auth:refresh", token{good[:30]})
	c.Call("auth:refresh", 3)
	refused := siotest.Refused(t, srv, siotest.Options{Namespace: "/broken"})
	assert.Equal(t, "message", refused.Message, "Connection refused")
	assert.Equal(t, "data", refused.Data, any(nil))
	data := refusedWith(t, srv, siotest.Options{Namespace: "/down", Auth: token{"opaque-credential-1"}}, auth.CodeUnavailable)
	assert.Equal(t, "retryable", data.Retryable, true)
	assert.Equal(t, "message", data.Message, "authentication is unavailable")

	text := logged.String()
	for _, tk := range append(tokens, good, "opaque-credential-1") {
		for _, part := range strings.Split(tk, ".") {
			if len(part) >= 16 && strings.Contains(text, part[:16]) {
				t.Errorf("part %q of a token is in the log", part[:16])
			}
		}
	}
	for _, want := range []string{"auth: refused", "reason=", "signature", "auth: cannot verify", "10.0.0.7", "identity=alice", "refresh refused", "a required claim is missing: exp"} {
		if !strings.Contains(text, want) {
			t.Errorf("the log lacks %q", want)
		}
	}
}

// buffer is a bytes.Buffer that may be written concurrently.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
