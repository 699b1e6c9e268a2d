package docs_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gosio/gosio/auth"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

func TestMiddleware(t *testing.T) {
	t.Parallel()
	srv := start(t, nil)
	var seats atomic.Int32
	seats.Store(1)
	takeSeat := func(context.Context) bool { return seats.Add(-1) >= 0 }
	log := slog.New(slog.DiscardHandler)
	secret := []byte("0123456789abcdef0123456789abcdef")

	// code: use
	srv.UseFunc(func(ctx context.Context, s *socketio.Socket) error {
		if !takeSeat(ctx) {
			return &socketio.ConnectError{Message: "not enough seats", Data: map[string]int{"retry": 60}}
		}
		return s.Join("seated")
	})
	// end

	// code: event
	srv.UseEvent(func(next socketio.EventHandler) socketio.EventHandler {
		return func(ctx context.Context, in *socketio.Incoming) error {
			if in.Event == "admin" && !in.Socket.InRoom("admins") {
				return &socketio.Error{Code: socketio.CodeForbidden, Message: "admins only"}
			}
			start := time.Now()
			err := next(ctx, in)
			log.Info("event", "name", in.Event, "took", time.Since(start), "err", err)
			return err
		}
	})
	// end
	srv.On("admin", func() {})

	// code: auth
	account := srv.Of("/account")
	account.Use(auth.JWT(auth.Config[jwt.RegisteredClaims]{Keys: auth.Secret(secret), Algorithms: []string{"HS256"}}))
	// end

	c := dial(t, srv)
	assert.Equal(t, "code", c.Call("admin").Failure().Code, socketio.CodeForbidden)
	e := siotest.Refused(t, srv, siotest.Options{})
	assert.Equal(t, "message", e.Message, "not enough seats")
	assert.Equal(t, "data", e.Data, any(map[string]any{"retry": 60.0}))
	siotest.Refused(t, srv, siotest.Options{Namespace: "/account"})
}
