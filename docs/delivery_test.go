package docs_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

type Keyed struct {
	Key  string `json:"key"`
	Item string `json:"item"`
}

type Numbered struct {
	Number int    `json:"number"`
	Text   string `json:"text"`
}

// memory stands for a database with a unique index.
type memory struct {
	mu   sync.Mutex
	keys map[string]bool
	log  []Numbered
}

var errDuplicate = errors.New("duplicate key")

func (m *memory) Insert(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.keys[key] {
		return errDuplicate
	}
	m.keys[key] = true
	return nil
}

func (m *memory) After(_ context.Context, number int) ([]Numbered, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.log[number:], nil
}

func TestDelivery(t *testing.T) {
	t.Parallel()
	srv := start(t, nil)
	db := &memory{keys: map[string]bool{}, log: []Numbered{{1, "a"}, {2, "b"}, {3, "c"}}}

	// code: once
	srv.On("order", func(ctx context.Context, o Keyed) error {
		err := db.Insert(ctx, o.Key) // a unique index: the second one fails
		if errors.Is(err, errDuplicate) {
			return nil // acknowledged again, not done again
		}
		return err
	})
	// end

	undelivered := make(chan string, 1)
	later := func(user, text string) { undelivered <- user + text }
	// code: ask
	deliver := func(s *socketio.Socket, text string) {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if _, err := s.EmitWithAck(ctx, "notice", text); err != nil {
			later(s.Identity(), text) // it has not confirmed: it may have it, or not
		}
	}
	// end

	// code: replay
	srv.OnConnect(func(s *socketio.Socket) {
		var auth struct{ Since int }
		if s.Handshake().DecodeAuth(&auth) != nil {
			return
		}
		s.Join("news")
		missed, err := db.After(s.Context(), auth.Since)
		if err != nil {
			s.CloseTransport() // it comes back, and asks again
			return
		}
		for _, m := range missed {
			s.Emit("message", m)
		}
	})
	// end

	c := siotest.Dial(t, srv, siotest.Options{Auth: map[string]int{"since": 1}})
	assert.Equal(t, "missed", c.Next().String(), `["message",{"number":2,"text":"b"}]`)
	assert.Equal(t, "missed", c.Next().String(), `["message",{"number":3,"text":"c"}]`)
	for range 2 {
		assert.Equal(t, "order", c.Call("order", Keyed{"k", "tea"}).String(), `[]`)
	}
	s, _ := srv.Socket(c.ID())
	done := make(chan struct{})
	go func() { defer close(done); deliver(s, "one"); deliver(s, "two") }()
	c.Expect("notice").Ack()
	c.Expect("notice")
	c.Disconnect()
	assert.Equal(t, "kept", <-undelivered, "two")
	<-done
}
