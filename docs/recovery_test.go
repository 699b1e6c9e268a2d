package docs_test

import (
	"context"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// roles is a key with a shorter Get.
type roles struct{ *socketio.Key[string] }

func (r roles) Of(s *socketio.Socket) string {
	v, _ := r.Get(s)
	return v
}

func TestRecoveryConditions(t *testing.T) {
	t.Parallel()
	Role := roles{socketio.NewKey[string]("role")}
	srv := socketio.NewServer(&socketio.Options{Recovery: &socketio.Recovery{}})
	defer srv.Close()
	srv.UseFunc(func(_ context.Context, s *socketio.Socket) error {
		var auth struct{ Role string }
		err := s.Handshake().DecodeAuth(&auth)
		Role.Set(s, auth.Role)
		return err
	})
	// code: condition
	srv.OnConnect(func(s *socketio.Socket) {
		had := Role.Of(s)
		s.RecoverIf(func(ctx context.Context, next *socketio.Socket) bool {
			return Role.Of(next) == had // otherwise: a fresh session
		})
	})
	// end
	as := func(role, pid string) *siotest.Client {
		return siotest.Dial(t, srv, siotest.Options{Auth: map[string]string{"role": role, "pid": pid}})
	}
	c := as("admin", "")
	c.Conn().Cut()
	assert.True(t, "another role", !as("user", c.PID()).Recovered())
	assert.True(t, "the same role", as("admin", c.PID()).Recovered())

	c = as("admin", "")
	s, _ := srv.Socket(c.ID())
	sockets := []*socketio.Socket{s}
	// code: logout
	for _, s := range sockets {
		s.EndSession()
		s.CloseTransport() // the client reconnects by itself, and starts afresh
	}
	// end
	assert.True(t, "after a logout", !as("admin", c.PID()).Recovered())
}

func TestRecovery(t *testing.T) {
	t.Parallel()
	// code: on
	srv := socketio.NewServer(&socketio.Options{
		Recovery: &socketio.Recovery{MaxDisconnection: 5 * time.Minute},
	})
	// end
	defer srv.Close()
	lost := make(chan struct{}, 1)
	srv.OnDisconnect(func(*socketio.Socket, socketio.Reason) { lost <- struct{}{} })
	load := func(*socketio.Socket) []string { return []string{"all"} }

	// code: fresh
	srv.OnConnect(func(s *socketio.Socket) {
		if s.Recovered() {
			return // it has its rooms, and has missed nothing
		}
		s.Join("news")
		s.Emit("state", load(s))
	})
	// end

	c := dial(t, srv)
	c.Expect("state")
	c.Conn().Cut()
	<-lost
	srv.To("news").Emit("news", "while you were away")
	again := c.Reconnect()
	var text string
	again.Expect("news", &text)
	assert.Equal(t, "missed", text, "while you were away")
	assert.Equal(t, "id", again.ID(), c.ID())
}
