package socketio_test

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// lookout notes what only tools are told.
type lookout struct {
	socketio.NopObserver
	journal
	srv *socketio.Server
}

func (l *lookout) Watch(srv *socketio.Server) { l.srv = srv }

func (l *lookout) Connection(e socketio.ConnectionEvent) {
	l.note("connection %t %d", e.Open, e.Connection)
}

func (l *lookout) Upgrade(e socketio.UpgradeEvent) {
	l.note("upgrade %s %s %d", e.Step, e.Transport, e.Connection)
}

func (l *lookout) Value(e socketio.ValueEvent) {
	if e.Identity {
		l.note("identity %q%s", e.Socket.Identity(), e.Key)
		return
	}
	l.note("%s of %s", e.Key, e.Socket.Namespace().Name())
}

// TestObserveLater: an Observer that comes later hears what happens from then on, and the
// ones before go on hearing.
func TestObserveLater(t *testing.T) {
	for _, first := range []bool{false, true} {
		t.Run(fmt.Sprint("another one ", first), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := &witness{only: "open upgrade close"}
				var o socketio.Options
				if first {
					o.Observer = w
				}
				a := newApp(t, o)
				early := a.dial(t)
				l := &lookout{}
				a.Observe(l)
				a.Observe(&lookout{})
				assert.True(t, "Watch", l.srv == a.Server)
				conn := siotest.Open(t, a, siotest.Options{Transport: "polling"})
				assert.NoError(t, conn.Send("40"))
				conn.Next()
				conn.Upgrade()
				var n uint64
				for _, s := range a.Sockets() {
					if s.ID() != early.ID() {
						n = s.Connection()
					}
				}
				assert.Equal(t, "later", l.take(), fmt.Sprintf("connection true %d; upgrade tried polling %[1]d; upgrade done websocket %[1]d", n))
				if first {
					w.expect(t, "open websocket", "open polling", "upgrade tried <nil>", "upgrade done <nil>")
				}
			})
		})
	}
}

// TestObserveValues: of shared keys, and of identities that change, for sockets that have
// joined.
func TestObserveValues(t *testing.T) {
	bubble(t, func(t *testing.T) {
		shared, own := socketio.NewSharedKey[int]("shared"), socketio.NewKey[int]("own")
		l := &lookout{}
		a := newApp(t, socketio.Options{Observer: l})
		a.UseFunc(func(_ context.Context, s *socketio.Socket) error { shared.Set(s, 1); s.SetIdentity("ann"); return nil })
		s := a.socket(t, a.dial(t))
		l.take()
		shared.Set(s, 2)
		own.Set(s, 3)
		s.SetIdentity("ann") // which it is
		s.SetIdentity("bob")
		assert.Equal(t, "told", l.take(), `shared of /; identity "bob"`)
		assert.NoError(t, s.Join("lobby"))
		info := s.Snapshot()
		assert.Equal(t, "values", fmt.Sprintf("%s", info.SharedValues()), "map[shared:2]")
		assert.Equal(t, "rooms", strings.Join(info.Rooms(), " "), "lobby")
		assert.True(t, "the same as fetched", info.Handshake().URL == s.Handshake().URL && info.Namespace() == s.Namespace())
	})
}

// TestTraffic: messages are counted when that is asked for, and connections always.
func TestTraffic(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		a.On("echo", func(text string) string { return text })
		c := siotest.Dial(t, a, o)
		c.Call("echo", "x")
		assert.Equal(t, "not asked for", a.Stats().Traffic, socketio.Traffic{})
		a.CountTraffic()
		c.Call("echo", "0123456789")
		a.CountTraffic()
		want := socketio.Traffic{MessagesIn: 1, MessagesOut: 1, BytesIn: 23, BytesOut: 16} // 21["echo","0123456789"], 31["0123456789"]
		assert.Equal(t, "one call", a.Stats().Traffic, want)
		assert.NoError(t, a.Emit("x", []byte{1, 2, 3}))
		want.MessagesOut, want.BytesOut = 3, want.BytesOut+38+3 // 51-["x",{"_placeholder":true,"num":0}] and the bytes
		assert.Equal(t, "with an attachment", a.Stats().Traffic, want)

		d := siotest.Dial(t, a, o)
		st := a.Stats()
		assert.Equal(t, "opened", st.Opened, 2)
		assert.Equal(t, "ended", len(st.Ended), 0)
		a.socket(t, d).Disconnect(true)
		time.Sleep(time.Minute)
		st = a.Stats()
		assert.Equal(t, "opened", st.Opened, 2)
		assert.Equal(t, "ended", fmt.Sprint(st.Ended), "map[forced close:1]")
	})
}

// TestLookup: a name that a client has sent makes nothing.
func TestLookup(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newApp(t, socketio.Options{})
		a.Of("/news")
		a.OfRegexp(regexp.MustCompile(`^/room-\d+$`))
		names := func() string {
			var all []string
			for _, ns := range a.Namespaces() {
				all = append(all, ns.Name())
			}
			return strings.Join(all, " ")
		}
		assert.Equal(t, "at first", names(), "/ /news")
		for name, want := range map[string]bool{
			"/": true, "/news": true, "news": false, "/room-1": true, "/room-x": false, "/a,b": false, "": false,
			"/room-" + strings.Repeat("1", 600): false,
		} {
			ns, ok := a.Lookup(name)
			assert.Equal(t, name, ok, want)
			assert.True(t, name, !ok || ns.Name() == name)
		}
		assert.Equal(t, "nothing is made", names(), "/ /news")
		c := siotest.Dial(t, a, siotest.Options{Namespace: "/room-1"})
		assert.Equal(t, "with a child", names(), "/ /news /room-1")
		ns, _ := a.Lookup("/room-1")
		assert.Equal(t, "numbers of one", ns.Stats(), socketio.NamespaceStats{Sockets: 1, Children: 1})
		s, _ := ns.Socket(c.ID())
		assert.NoError(t, s.Join("a", "b"))
		assert.Equal(t, "numbers of one", ns.Stats(), socketio.NamespaceStats{Sockets: 1, Rooms: 2, Children: 1})
		a.OfFunc(func(string, *socketio.Handshake) bool { return true })
		_, ok := a.Lookup("/anything")
		assert.True(t, "a function may want any", ok)
		assert.Equal(t, "with a child", names(), "/ /news /room-1")
	})
}

// TestServerContext: it ends with the server.
func TestServerContext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newApp(t, socketio.Options{})
		assert.NoError(t, a.Context().Err())
		a.Close()
		assert.ErrorIs(t, context.Cause(a.Context()), socketio.ErrClosed)
	})
}
