package docs_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

type Account struct{ Name string }

// code: key
var User = socketio.NewKey[*Account]("user")

// end

func TestSocket(t *testing.T) {
	t.Parallel()
	srv := start(t, nil)
	load := func(_ context.Context, name string) (*Account, error) { return &Account{name}, nil }

	// code: handshake
	srv.UseFunc(func(ctx context.Context, s *socketio.Socket) error {
		h := s.Handshake()
		var auth struct{ Name string }
		if err := h.DecodeAuth(&auth); err != nil || auth.Name == "" {
			return &socketio.ConnectError{Message: "who are you?"}
		}
		s.SetIdentity(auth.Name)
		language := h.Header().Get("Accept-Language") // h.Query(), h.Address, h.Time, h.Secure …
		return s.Join("language:" + language)
	})
	// end

	// code: value
	srv.UseFunc(func(ctx context.Context, s *socketio.Socket) error {
		account, err := load(ctx, s.Identity())
		User.Set(s, account)
		return err
	})
	srv.On("whoami", func(s *socketio.Socket) string {
		account, _ := User.Get(s) // *Account, no cast
		return account.Name
	})
	// end

	// code: own
	srv.OnConnect(func(s *socketio.Socket) {
		secret, tries := 42, 0
		s.On("guess", func(n int) (bool, int) {
			tries++
			return n == secret, tries
		})
	})
	// end

	c := siotest.Dial(t, srv, siotest.Options{
		Auth: map[string]string{"name": "ada"}, Header: http.Header{"Accept-Language": {"en"}},
	})
	var name string
	c.Call("whoami").Decode(&name)
	assert.Equal(t, "name", name, "ada")
	assert.Equal(t, "rooms", srv.Rooms(), []string{"language:en"})
	var hit bool
	var tries int
	c.Call("guess", 1).Decode(&hit, &tries)
	c.Call("guess", 42).Decode(&hit, &tries)
	assert.Equal(t, "tries", tries, 2)
	assert.True(t, "hit", hit)
	assert.Equal(t, "refusal", siotest.Refused(t, srv, siotest.Options{}).Message, "who are you?")
}

func TestSocketContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, socketContext)
}

func socketContext(t *testing.T) {
	srv := start(t, nil)
	log := make(printer, 1)
	// code: ticker
	srv.OnConnect(func(s *socketio.Socket) {
		go func() {
			tick := time.NewTicker(time.Second)
			defer tick.Stop()
			for {
				select {
				case <-s.Context().Done():
					log.Println("gone:", context.Cause(s.Context())) // a *socketio.DisconnectError
					return
				case now := <-tick.C:
					s.Emit("time", now)
				}
			}
		}()
	})
	// end
	c := dial(t, srv)
	var now time.Time
	c.Expect("time", &now)
	c.Disconnect()
	assert.Equal(t, "cause", <-log, "gone: socketio: disconnected: client namespace disconnect")
}
