package docs_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter/adaptertest"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// code: key
var Status = socketio.NewSharedKey[string]("status")

// end

func TestAskingASet(t *testing.T) {
	t.Parallel()
	servers := adaptertest.Cluster(t, 2, socketio.Options{})
	srv := servers[0]
	for _, node := range servers {
		node.UseFunc(func(_ context.Context, s *socketio.Socket) error {
			Status.Set(s, "awake")
			return s.Join("team")
		})
	}
	a, b := dial(t, servers[0]), dial(t, servers[1])
	a.On("ready", func(m *siotest.Message) { m.Ack(true) })
	b.On("ready", func(m *siotest.Message) { m.Ack(false) })
	order := func(m *siotest.Message) { m.Ack(Receipt{Number: 1}) }
	a.On("place order", order)
	b.On("place order", order)
	ctx := t.Context()

	// code: ask
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	answers, err := socketio.CallAll[bool](ctx, srv.To("team"), "ready", "set?")
	var partial *socketio.PartialError
	if errors.As(err, &partial) {
		err = nil // answers are those of partial.Answered clients: enough for this poll
	}
	// end
	assert.NoError(t, err)
	assert.Equal(t, "answers", len(answers), 2)

	// code: askTyped
	receipts, err := PlaceOrder.CallAll(ctx, srv.To("team"), Order{Item: "tea", Count: 1})
	// end
	assert.NoError(t, err)
	assert.Equal(t, "receipts", receipts, []Receipt{{1}, {1}})

	// code: fetch
	sockets, err := srv.To("team").FetchSockets(ctx)
	for _, s := range sockets {
		status, _ := Status.Fetch(s)
		if status == "awake" && !s.Handshake().Secure {
			s.Emit("use https")
		}
	}
	// end
	assert.NoError(t, err)
	a.Expect("use https")
	b.Expect("use https")
}

func TestBroadcasting(t *testing.T) {
	t.Parallel()
	srv := start(t, nil)
	srv.On("join", func(s *socketio.Socket, rooms ...string) error { return s.Join(rooms...) })
	a, b, c := dial(t, srv), dial(t, srv), dial(t, srv)
	a.Call("join", "red", "blue")
	b.Call("join", "blue", "muted")
	text := "hi"

	// code: sets
	srv.Emit("news", text)                                   // all
	srv.To("red", "blue").Emit("news", text)                 // in red or blue, each once
	srv.To("blue").Except("muted").Emit("news", text)        // in blue, not in muted
	srv.To("blue").Except(b.ID()).Local().Emit("news", text) // not that one, this server only
	srv.On("say", func(s *socketio.Socket, text string) error {
		return s.To("blue").Emit("said", s.ID(), text) // everybody in blue but the speaker
	})
	// end
	expect := func(c *siotest.Client, n int) {
		t.Helper()
		for range n {
			c.Expect("news")
		}
		c.Emit("say", "end") // nothing else was on its way
	}
	expect(a, 4)
	b.Expect("news")
	b.Expect("news")
	b.Expect("said")
	expect(c, 1)
	a.Expect("said")
	b.Expect("said")

	var wg sync.WaitGroup
	// code: value
	players := srv.To("red", "blue").Except("muted")
	for _, name := range []string{"ready", "steady", "go"} {
		wg.Go(func() { players.Emit(name) })
	}
	// end
	wg.Wait()
	got := map[string]bool{a.Next().Event: true, a.Next().Event: true, a.Next().Event: true}
	assert.Equal(t, "events", got, map[string]bool{"ready": true, "steady": true, "go": true})

	// code: act
	srv.To("blue").SocketsJoin("finalists")
	srv.To("muted").SocketsLeave("finalists")
	srv.Except("finalists").DisconnectSockets(true) // true: the whole connection
	// end
	b.ExpectDisconnect("")
	c.ExpectDisconnect("")
	assert.Equal(t, "those who are left", len(srv.Sockets()), 1)
}
