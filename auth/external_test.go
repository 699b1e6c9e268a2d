package auth_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gosio/gosio/auth"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

type contextKey struct{}

// behind is a server behind a framework's middleware, which has stored value.
func behind(srv *socketio.Server, value any) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		srv.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, value)))
	})
}

// foreign is a token of another library, with claims of a type of its own.
type foreign struct {
	Claims map[string]any
	Valid  bool
}

func TestExternal(t *testing.T) {
	t.Parallel()
	exp := float64(time.Now().Add(time.Hour).Unix())
	fields := map[string]any{"sub": "alice", "exp": exp, "roles": []any{"admin"}}
	own, err := jwt.ParseWithClaims(hs(payload(`,"roles":["admin"]`)), &claims{}, func(*jwt.Token) (any, error) { return secret, nil })
	assert.NoError(t, err)
	identified := map[string]any{"identity": "alice", "exp": exp, "roles": []any{"admin"}} // as gin-jwt names it
	ginJWT := config{Subject: func(c *claims) string { return c.User }}
	tests := []struct {
		name   string
		value  any
		config config
		want   auth.Code // empty: alice
	}{
		{"golang-jwt token", own, config{}, ""},
		{"another library's token", &foreign{fields, true}, config{}, ""},
		{"map of claims", jwt.MapClaims(fields), config{}, ""},
		{"claims of the application's type", good(func(c *claims) { c.Roles = []string{"admin"} }), config{}, ""},
		{"subject elsewhere", map[string]any{"user": "alice", "exp": exp, "roles": []any{"admin"}}, ginJWT, ""},
		{"no subject", identified, config{}, auth.CodeTokenInvalid},
		{"token that is not valid", &foreign{fields, false}, config{}, auth.CodeTokenInvalid},
		{"nothing", nil, config{}, auth.CodeTokenMissing},
		{"no claims", "alice", config{}, auth.CodeTokenInvalid},
		{"does not encode", func() {}, config{}, auth.CodeTokenInvalid},
		{"expired", map[string]any{"sub": "alice", "exp": 1}, config{}, auth.CodeTokenExpired},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := socketio.NewServer(&socketio.Options{ContextKeys: []any{contextKey{}}})
			defer srv.Close()
			srv.Use(auth.External(auth.ClaimsAt[claims](contextKey{}), tt.config))
			srv.On("whoami", func(s *socketio.Socket) []string {
				id, _ := auth.From[claims](s)
				return append(id.Claims.Roles, s.Identity())
			})
			if tt.want != "" {
				refusedWith(t, behind(srv, tt.value), siotest.Options{}, tt.want)
				return
			}
			var who []string
			siotest.Dial(t, behind(srv, tt.value), siotest.Options{}).Call("whoami").Decode(&who)
			assert.Equal(t, "who", who, []string{"admin", "alice"})
		})
	}
}

type errorKey struct{}

// TestExternalRefused: middleware that passes on what it has refused, as
// jwtauth.Verifier does, says so beside the token.
func TestExternalRefused(t *testing.T) {
	t.Parallel()
	value := map[string]any{"sub": "alice", "exp": time.Now().Add(time.Hour).Unix()}
	tests := []struct {
		name         string
		value, noted any
		optional     bool
		want         auth.Code // empty: in
	}{
		{"no error", value, nil, false, ""},
		{"an error", value, errors.New("wrong audience"), false, auth.CodeTokenInvalid},
		{"an error, anonymous allowed", value, errors.New("wrong audience"), true, auth.CodeTokenInvalid},
		{"no token, and so an error", nil, errors.New("no token"), false, auth.CodeTokenMissing},
		{"no token, anonymous allowed", nil, errors.New("no token"), true, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := socketio.NewServer(&socketio.Options{ContextKeys: []any{contextKey{}, errorKey{}}})
			defer srv.Close()
			srv.Use(auth.External(auth.ClaimsAt[claims](contextKey{}, errorKey{}), config{Optional: tt.optional}))
			front := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				ctx := context.WithValue(context.WithValue(r.Context(), contextKey{}, tt.value), errorKey{}, tt.noted)
				srv.ServeHTTP(w, r.WithContext(ctx))
			})
			if tt.want != "" {
				refusedWith(t, front, siotest.Options{}, tt.want)
				return
			}
			siotest.Dial(t, front, siotest.Options{})
		})
	}
}

// TestExternalExpires: what a framework has verified ends, too, and does not
// count for a namespace that is joined later.
func TestExternalExpires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := socketio.NewServer(&socketio.Options{ContextKeys: []any{contextKey{}}})
		defer srv.Close()
		guard := auth.External(auth.ClaimsAt[claims](contextKey{}), config{OnExpire: auth.ActionLeaveNamespace})
		srv.Of("/a").Use(guard)
		srv.Of("/b").Use(guard)
		value := map[string]any{"sub": "alice", "exp": time.Now().Add(time.Minute).Unix()}
		open := siotest.Dial(t, behind(srv, value), siotest.Options{Timeout: time.Hour})
		a := open.Of("/a", nil)
		a.Expect("auth:ended")
		a.ExpectDisconnect(siotest.ServerDisconnect)
		raw := siotest.Open(t, behind(srv, value), siotest.Options{})
		assert.NoError(t, raw.Send("40/b,"))
		raw.Expect(`44/b,{"message":"token has expired","data":{"code":"token_expired","message":"token has expired","retryable":true}}`)
	})
}

// TestNoExpiry: whoever verifies, an identity without an end needs a decision.
func TestNoExpiry(t *testing.T) {
	t.Parallel()
	verifier := auth.VerifierFunc[claims](func(_ context.Context, token string) (*auth.Identity[claims], error) {
		if token == "nobody" {
			return nil, nil
		}
		return &auth.Identity[claims]{Subject: token, Claims: &claims{}}, nil
	})
	_, err := auth.Custom(verifier, config{}).Verify(context.Background(), "alice")
	assert.ErrorIs(t, err, auth.ErrTokenInvalid)
	id, err := auth.Custom(verifier, config{AllowNoExpiry: true}).Verify(context.Background(), "alice")
	assert.NoError(t, err)
	assert.Equal(t, "subject", id.Subject, "alice")
	_, err = auth.Custom(verifier, config{AllowNoExpiry: true}).Verify(context.Background(), "nobody")
	assert.ErrorIs(t, err, auth.ErrTokenInvalid)
}
