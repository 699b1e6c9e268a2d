package inspector_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
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

type handlers struct {
	Events []struct {
		Namespace, Event  string
		Registered, Child bool
		Servers           int
		Count, Errors     uint64
		P50, P99, Longest float64
	}
	More       int
	Namespaces []struct {
		Name, Kind                                                                 string
		Handlers, ServerSide, Middleware, EventMiddleware, Any, AnyOutgoing, Hooks int
	}
	Settings []struct {
		Name, Value string
		Differ      map[string]string
	}
}

func (h handlers) events() string {
	var lines []string
	for _, e := range h.Events {
		lines = append(lines, fmt.Sprintf("%s %q %t %t %d %d/%d", e.Namespace, e.Event, e.Registered, e.Child, e.Servers, e.Errors, e.Count))
	}
	return strings.Join(lines, "\n")
}

// TestHandlers: what is registered where, with what has become of it.
func TestHandlers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv, _ := start(t, socketio.Options{Limits: socketio.Limits{Rooms: 7, Connections: -1}}, inspector.Options{Allow: everybody, ServerID: "one"})
		srv.On("slow", func(ms int) error {
			time.Sleep(time.Duration(ms) * time.Millisecond)
			if ms == 100 {
				return errors.New("too slow")
			}
			return nil
		})
		srv.On("never", func() {})
		srv.UseFunc(func(context.Context, *socketio.Socket) error { return nil })
		parent := srv.OfRegexp(regexp.MustCompile(`^/room-\d+$`))
		parent.On("say", func() {})
		parent.UseEvent(func(next socketio.EventHandler) socketio.EventHandler { return next })
		parent.Child("/room-7").On("seven", func() {})
		srv.OnConnect(func(s *socketio.Socket) { s.On("own", func() {}) })
		ann := siotest.Dial(t, srv, siotest.Options{})
		room := ann.Of("/room-1", nil)
		for i := range 100 {
			ann.Call("slow", 1+i/98*99) // two of them take 100 ms
		}
		ann.Call("own")
		room.Call("say")
		for i := range 3 {
			ann.Emit(fmt.Sprint("unknown ", i))
		}
		room.Emit("unknown")
		synctest.Wait()
		c := siotest.Dial(t, srv, page(nil))
		ask[any](c, "rooms", query{}) // of the inspector: it does not count
		h := ask[handlers](c, "handlers", query{}).Is
		assert.Equal(t, "events", h.events(), `/ "slow" true false 1 2/100
/ "" false false 1 0/3
/ "own" false false 1 0/1
^/room-\d+$ "" false false 1 0/1
^/room-\d+$ "say" true false 1 0/1
/ "never" true false 1 0/0
^/room-\d+$ "seven" false true 1 0/0`)
		e := h.Events[0]
		assert.True(t, fmt.Sprint(e), e.P50 >= 1 && e.P50 <= 1.25 && e.P99 == 100 && e.Longest == 100)
		assert.Equal(t, "namespaces", fmt.Sprint(h.Namespaces), `[{/ namespace 2 0 1 0 0 0 1} {^/room-\d+$ parent 1 0 0 1 0 0 0} {^/room-\d+$ children 1 0 0 0 0 0 0}]`)
		settings := make(map[string]string)
		for _, s := range h.Settings {
			settings[s.Name] = s.Value
		}
		for name, want := range map[string]string{
			"Limits.Rooms": "7", "Limits.Connections": "none", "Limits.Memory": "GOMEMLIMIT", "PingInterval": "25s", "Transports": "polling, websocket",
			"Limits.SendBuffer": "4194304", "Recovery": "off", "Adapter": "off",
		} {
			assert.Equal(t, name, settings[name], want)
		}
		assert.Equal(t, "of one namespace", ask[handlers](c, "handlers", query{"namespace": parent.Name(), "event": "s"}).Is.events(),
			`^/room-\d+$ "say" true false 1 0/1
^/room-\d+$ "seven" false true 1 0/0`)
		h = ask[handlers](c, "handlers", query{"limit": 1}).Is
		assert.Equal(t, "some", fmt.Sprint(len(h.Events), h.More), "1 6")
	})
}

// TestHandlersAreBounded: whatever events and namespaces there are.
func TestHandlersAreBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv, _ := start(t, socketio.Options{}, inspector.Options{Allow: everybody})
		ann := siotest.Dial(t, srv, siotest.Options{})
		s, _ := srv.Socket(ann.ID())
		for i := range 600 {
			s.Once(fmt.Sprint("once ", i), func() {})
			ann.Call(fmt.Sprint("once ", i))
		}
		for i := range 300 {
			ns := srv.Of(fmt.Sprint("/", i))
			ns.On("say", func() {})
			c := ann.Of(ns.Name(), nil)
			c.Call("say")
			c.Disconnect()
			synctest.Wait()
		}
		c := siotest.Dial(t, srv, page(nil))
		h := ask[handlers](c, "handlers", query{}).Is
		assert.Equal(t, "lines", fmt.Sprint(len(h.Events), len(h.Namespaces)), "200 200")
		assert.Equal(t, "more", h.More > 500 && h.More < 900, true)
		assert.Equal(t, "the rest is one", h.Events[0].Event == "" && h.Events[0].Count == 100, true)
	})
}

// TestHandlersCluster: what servers have counted is added up.
func TestHandlersCluster(t *testing.T) {
	bubble(t, func(t *testing.T) {
		servers := adaptertest.Cluster(t, 3, socketio.Options{Logger: quiet})
		for i, srv := range servers {
			inspector.New(srv, inspector.Options{Allow: everybody, ServerID: fmt.Sprint("server ", i), Logger: quiet})
			srv.On("slow", func(ms int) { time.Sleep(time.Duration(ms) * time.Millisecond) })
			c := siotest.Dial(t, srv, siotest.Options{})
			for range 10 {
				c.Call("slow", 1+i*10)
			}
		}
		servers[2].On("more", func() {})
		h := ask[handlers](siotest.Dial(t, servers[0], page(nil)), "handlers", query{}).Is
		assert.Equal(t, "events", h.events(), `/ "slow" true false 3 0/30
/ "more" true false 1 0/0`)
		e := h.Events[0]
		assert.True(t, fmt.Sprint(e), e.P50 >= 11 && e.P50 <= 14 && e.P99 == 21 && e.Longest == 21)
		assert.Equal(t, "settings are the same", len(h.Settings[0].Differ), 0)
	})
}
