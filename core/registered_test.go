package socketio_test

import (
	"context"
	"net/http"
	"reflect"
	"regexp"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/assert"
)

// TestRegistered: what a namespace has itself, parents apart from their children.
func TestRegistered(t *testing.T) {
	t.Parallel()
	srv := socketio.NewServer(nil)
	defer srv.Close()
	assert.Equal(t, "nothing", srv.Registered(), socketio.Registered{})
	assert.Equal(t, "no parents", len(srv.Parents()), 0)
	parent := srv.OfRegexp(regexp.MustCompile(`^/room-\d+$`))
	other := srv.OfFunc(func(string, *socketio.Handshake) bool { return false })
	assert.Equal(t, "parents", srv.Parents(), []*socketio.Namespace{parent, other})

	parent.On("say", func() {})
	off := parent.On("gone", func() {})
	off()
	child := parent.Child("/room-1")
	child.Once("once", func() {})
	child.On("again", func() {})
	assert.Equal(t, "parent", parent.Registered(), socketio.Registered{Events: []string{"say"}})
	assert.Equal(t, "child", parent.Child("/room-1").Registered(), socketio.Registered{Events: []string{"again", "once"}})

	srv.UseFunc(func(context.Context, *socketio.Socket) error { return nil })
	for range 2 {
		srv.UseEvent(func(next socketio.EventHandler) socketio.EventHandler { return next })
	}
	srv.OnAny(func(*socketio.Socket, *socketio.Incoming) {})
	srv.OnAnyOutgoing(func(*socketio.Socket, *socketio.Outgoing) {})
	srv.OnRoom(func(socketio.RoomEvent) {})
	srv.OnGap(func(socketio.GapEvent) {})
	for range 3 {
		srv.OnConnect(func(*socketio.Socket) {})
	}
	srv.OnDisconnecting(func(*socketio.Socket, socketio.Reason) {})
	srv.OnDisconnect(func(*socketio.Socket, socketio.Reason) {})
	srv.OnServerSide("sum", func() {})
	assert.Equal(t, "all", srv.Registered(), socketio.Registered{
		ServerSide: []string{"sum"}, Middleware: 1, EventMiddleware: 2, Any: 1, AnyOutgoing: 1, Room: 1, Gap: 1, Connect: 3, Disconnecting: 1, Disconnect: 1,
	})
}

// TestOptionsInForce: defaults, what was set, and what has no limit.
func TestOptionsInForce(t *testing.T) {
	t.Parallel()
	srv := socketio.NewServer(nil)
	defer srv.Close()
	o := srv.Options()
	l := o.Limits
	assert.Equal(t, "times", []time.Duration{o.PingInterval, o.AckTimeout, o.ConnectTimeout, o.UpgradeTimeout, l.WriteTimeout, l.MiddlewareTimeout},
		[]time.Duration{25 * time.Second, 20 * time.Second, 45 * time.Second, 10 * time.Second, 10 * time.Second, 20 * time.Second})
	assert.Equal(t, "transports", o.Transports, []string{"polling", "websocket"})
	assert.Equal(t, "numbers", []int64{l.MaxHTTPBufferSize, l.SendBuffer, l.ReceiveBuffer, int64(l.Rooms), int64(l.Handshake), int64(l.Connections), l.Memory},
		[]int64{1e6, 4 << 20, 1 << 20, 10_000, 16 << 10, -1, 0})

	o.Transports[0] = "changed"
	assert.Equal(t, "a copy", srv.Options().Transports[0], "polling")

	srv = socketio.NewServer(&socketio.Options{
		PingInterval: time.Minute, AckTimeout: -1, Transports: []string{"websocket"},
		AllowRequest: func(*http.Request) error { return nil },
		Limits:       socketio.Limits{Rooms: -1, MaxHTTPBufferSize: -5, WriteTimeout: -1, Connections: 7, EventName: 10, BodyTimeout: time.Hour},
	})
	defer srv.Close()
	o = srv.Options()
	assert.Equal(t, "times", []time.Duration{o.PingInterval, o.AckTimeout, o.Limits.WriteTimeout, o.Limits.BodyTimeout}, []time.Duration{time.Minute, -1, -1, time.Hour})
	assert.Equal(t, "numbers", []int64{o.Limits.MaxHTTPBufferSize, int64(o.Limits.Rooms), int64(o.Limits.Connections), int64(o.Limits.EventName)}, []int64{-1, -1, 7, 10})
	assert.True(t, "functions", o.AllowRequest != nil)
}

// TestNoLimitsInForce: -1 stands for each limit and time that has no bound.
func TestNoLimitsInForce(t *testing.T) {
	t.Parallel()
	o := socketio.Options{UpgradeTimeout: -5, ConnectTimeout: -5, AckTimeout: -5, ShutdownSpread: -5, Recovery: new(socketio.Recovery)}
	limits, recovery := reflect.ValueOf(&o.Limits).Elem(), reflect.ValueOf(o.Recovery).Elem()
	for _, v := range []reflect.Value{limits, recovery} {
		for i := range v.NumField() {
			v.Field(i).SetInt(-5)
		}
	}
	o.Limits.CloseTimeout = 0 // must not be negative
	srv := socketio.NewServer(&o)
	defer srv.Close()
	is := srv.Options()
	assert.Equal(t, "times", []time.Duration{is.UpgradeTimeout, is.ConnectTimeout, is.AckTimeout, is.ShutdownSpread}, []time.Duration{-1, -1, -1, -1})
	for _, v := range []reflect.Value{reflect.ValueOf(is.Limits), reflect.ValueOf(*is.Recovery)} {
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; name != "CloseTimeout" {
				assert.Equal(t, name, v.Field(i).Int(), -1)
			}
		}
	}
}
