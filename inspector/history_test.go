package inspector_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter/adaptertest"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/inspector"
	"github.com/gosio/gosio/internal/assert"
)

// life is what the page gets of a socket.
type life struct {
	ID, Namespace, Node string
	Gone, Recovered     bool
	Queued              int
	RoundTrip           float64
	History             []struct {
		At                         int64
		What, Transport, Why, Node string
	}
}

func (l *life) String() string {
	if l == nil {
		return "nothing"
	}
	var all []string
	for _, s := range l.History {
		all = append(all, strings.Join(strings.Fields(fmt.Sprint(s.What, " ", s.Transport, " ", s.Why)), " "))
	}
	return fmt.Sprint("gone=", l.Gone, ": ", strings.Join(all, ", "))
}

func lifeOf(c *siotest.Client, namespace, id string) *life {
	synctest.Wait()
	return ask[*life](c, "socket", query{"namespace": namespace, "id": id}).Is
}

// TestHistory: what has happened to a socket, and to one that has left.
func TestHistory(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv, _ := start(t, socketio.Options{Recovery: &socketio.Recovery{}, PingInterval: 10 * time.Second}, inspector.Options{Allow: everybody, ServerID: "one"})
		people(srv)
		c := siotest.Dial(t, srv, page(nil))
		ann, bob := person(t, srv, "ann"), siotest.Dial(t, srv, siotest.Options{Transport: "polling"})
		news := bob.Of("/news", nil)
		assert.Equal(t, "ann", lifeOf(c, "/", ann.ID()).String(), "gone=false: opened websocket, joined")
		assert.Equal(t, "another namespace", lifeOf(c, "/news", news.ID()).String(), "gone=false: opened polling, joined")
		assert.NoError(t, srv.To("lobby").Emit("so that there is an offset"))
		synctest.Wait()
		id := ann.ID()
		ann.Cut()
		synctest.Wait()
		assert.Equal(t, "ann is away", lifeOf(c, "/", id).String(), "gone=true: opened websocket, joined, closed websocket transport close, left transport close")
		time.Sleep(time.Second)
		back := ann.Reconnect()
		assert.Equal(t, "her id", back.ID(), id)
		l := lifeOf(c, "/", id)
		assert.Equal(t, "ann is back", l.String(), "gone=false: opened websocket, joined, closed websocket transport close, left transport close, opened websocket, recovered")
		assert.True(t, "times", l.History[5].At-l.History[0].At >= 1000 && l.Recovered)
		back.Conn().Mute(true)
		time.Sleep(11 * time.Second)
		assert.NoError(t, back.Conn().Write("3"))
		synctest.Wait()
		assert.Equal(t, "round trip", lifeOf(c, "/", id).RoundTrip, 1000.)
		news.Disconnect()
		bob.Disconnect()
		assert.Equal(t, "bob", lifeOf(c, "", bob.ID()).String(), "gone=true: opened polling, joined, left client namespace disconnect, closed polling transport close")
		assert.Equal(t, "nobody", lifeOf(c, "", "").String(), "nothing")
	})
}

// TestHistoryIsBounded: of older connections less is known.
func TestHistoryIsBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv, _ := start(t, socketio.Options{}, inspector.Options{Allow: everybody})
		c := siotest.Dial(t, srv, page(nil))
		old, left := siotest.Dial(t, srv, siotest.Options{}), siotest.Dial(t, srv, siotest.Options{})
		left.Disconnect()
		assert.Equal(t, "at first", lifeOf(c, "/", left.ID()).String()[:9], "gone=true")
		for range 1300 { // four steps each
			siotest.Dial(t, srv, siotest.Options{}).Conn().Close()
			synctest.Wait()
		}
		assert.Equal(t, "who has left", lifeOf(c, "/", left.ID()).String(), "nothing")
		assert.Equal(t, "who is there", lifeOf(c, "/", old.ID()).String(), "gone=false: opened websocket")
	})
}

// TestHistoryCluster: a client that comes back to another server has a history on both.
func TestHistoryCluster(t *testing.T) {
	bubble(t, func(t *testing.T) {
		servers := adaptertest.Cluster(t, 3, socketio.Options{Logger: quiet})
		for i, srv := range servers {
			inspector.New(srv, inspector.Options{Allow: everybody, ServerID: fmt.Sprint("server ", i), Logger: quiet})
		}
		c := siotest.Dial(t, servers[0], page(nil))
		far := siotest.Dial(t, servers[2], siotest.Options{})
		l := lifeOf(c, "/", far.ID())
		assert.Equal(t, "there", fmt.Sprint(l, l.Node, l.History[0].Node), "gone=false: opened websocket, joinedserver 2server 2")
		far.Conn().Close()
		l = lifeOf(c, "/", far.ID())
		assert.True(t, l.String(), l.Gone && l.Node == "server 2" && len(l.History) == 4)
	})
}
