package socketio_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// TestRequestsOfParents: a parent asks all of its children, and a handle of a
// child reaches the one that is on other servers only.
func TestRequestsOfParents(t *testing.T) {
	onNodes(t, 0, socketio.Options{}, func(n *nodes) {
		last := len(n.servers) - 1
		var parents []*socketio.Namespace
		for i, srv := range n.servers {
			p := srv.OfRegexp(rooms)
			p.OnServerSide("config", func(v int) string { return fmt.Sprint("parent ", i, " ", v) })
			parents = append(parents, p)
		}
		var clients []*siotest.Client
		for i, at := range []struct {
			server    int
			namespace string
		}{{0, "/room-1"}, {last / 2, "/room-1"}, {0, "/room-2"}} {
			c := siotest.Dial(n.t, n.servers[at.server], siotest.Options{Namespace: at.namespace})
			c.On("q", func(m *siotest.Message) { time.AfterFunc(time.Duration(i)*time.Second, func() { m.Ack(i) }) })
			clients = append(clients, c)
		}
		synctest.Wait()
		ctx := n.t.Context()

		got, err := socketio.CallAll[int](ctx, parents[0], "q")
		assert.NoError(n.t, err)
		slices.Sort(got)
		assert.Equal(n.t, "answers of all", got, []int{0, 1, 2})
		got, err = socketio.CallAll[int](ctx, n.servers[last].Of("/room-1"), "q")
		assert.NoError(n.t, err)
		assert.Equal(n.t, "answers of one child", got, []int{0, 1})
		got, err = socketio.CallAll[int](ctx, n.servers[last].Of("/room-9"), "q")
		assert.NoError(n.t, err)
		assert.Equal(n.t, "answers of none", len(got), 0)

		list, err := parents[0].FetchSockets(ctx)
		assert.NoError(n.t, err)
		assert.Equal(n.t, "sockets", len(list), 3)
		for i, c := range clients {
			r := find(n.t, list, c.ID())
			assert.Equal(n.t, "namespace", r.Namespace().Name(), []string{"/room-1", "/room-1", "/room-2"}[i])
			assert.NoError(n.t, r.Emit("e"))
			c.Expect("e")
		}
		list, err = n.servers[last].Of("/room-1").FetchSockets(ctx)
		assert.NoError(n.t, err)
		assert.Equal(n.t, "sockets of one child", len(list), 2)

		serverSide := func(want ...string) {
			n.t.Helper()
			replies, err := parents[0].ServerSideEmitWithAck(ctx, "config", 7)
			assert.NoError(n.t, err)
			var texts []string
			for _, r := range replies {
				var text string
				assert.NoError(n.t, r.Decode(&text))
				texts = append(texts, text)
			}
			if last == 0 {
				want = nil
			}
			assert.Equal(n.t, "servers", fmt.Sprint(texts), fmt.Sprint(want))
			assert.NoError(n.t, parents[0].ServerSideEmit("config", 8))
		}
		serverSide("parent 1 7")
		parents[last/2].Child("/room-1").OnServerSide("config", func() string { return "child" })
		serverSide("child")

		done := make(chan error)
		go func() {
			ctx, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()
			_, err := parents[0].Child("/room-2").EmitWithAck(ctx, "slow")
			done <- err
		}()
		clients[2].Expect("slow")
		clients[2].Disconnect()
		assert.NoError(n.t, <-done) // who leaves is not waited for
		synctest.Wait()
		assert.Equal(n.t, "children", names(parents[0].Children()), "/room-1")
	})
}
