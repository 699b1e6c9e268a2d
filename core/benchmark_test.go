package socketio_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
)

// These benchmarks run over loopback TCP, because the lean connection exists
// only there. The client allocates nothing, so the allocations reported are
// the server's.

// rawClient is a WebSocket client that only counts the frames it gets.
type rawClient struct {
	net.Conn
	r   *bufio.Reader
	buf [16]byte
}

func dialRaw(tb testing.TB, url string) *rawClient {
	tb.Helper()
	host := strings.TrimPrefix(url, "http://")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close() })
	c := &rawClient{Conn: conn, r: bufio.NewReaderSize(conn, 64<<10)}
	_, err = fmt.Fprintf(conn, "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\n"+
		"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", host)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := http.ReadResponse(c.r, nil); err != nil {
		tb.Fatal(err)
	}
	c.frames(tb, 1) // open
	c.send(tb, frameOf("40"))
	c.frames(tb, 1) // connect
	return c
}

// frameOf is a client's text frame, masked with zeros.
func frameOf(text string) []byte {
	b := []byte{0x81}
	if len(text) < 126 {
		b = append(b, 0x80|byte(len(text)))
	} else {
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(len(text)))
	}
	return append(append(b, 0, 0, 0, 0), text...)
}

func (c *rawClient) send(tb testing.TB, frame []byte) {
	if _, err := c.Write(frame); err != nil {
		tb.Fatal(err)
	}
}

// frames reads n frames and forgets them.
func (c *rawClient) frames(tb testing.TB, n int) {
	for range n {
		if _, err := io.ReadFull(c.r, c.buf[:2]); err != nil {
			tb.Fatal(err)
		}
		size := int(c.buf[1])
		if size == 126 {
			if _, err := io.ReadFull(c.r, c.buf[:2]); err != nil {
				tb.Fatal(err)
			}
			size = int(binary.BigEndian.Uint16(c.buf[:2]))
		}
		if _, err := c.r.Discard(size); err != nil {
			tb.Fatal(err)
		}
	}
}

func benchServer(tb testing.TB) (srv *socketio.Server, url string) {
	tb.Helper()
	srv = socketio.NewServer(nil)
	ts := httptest.NewServer(srv)
	tb.Cleanup(func() {
		srv.Close()
		ts.Close()
	})
	return srv, ts.URL
}

// BenchmarkObserver is one event in and one out, and a broadcast, without an
// observer and with one that does nothing.
func BenchmarkObserver(b *testing.B) {
	for _, bench := range []struct {
		name string
		opts socketio.Options
	}{
		{"off", socketio.Options{}},
		{"nop", socketio.Options{Observer: socketio.NopObserver{}}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			once := observedEcho(b, &bench.opts)
			b.ReportAllocs()
			for b.Loop() {
				once()
			}
		})
	}
}

// observedEcho returns what sends an event and waits for the two that it causes.
func observedEcho(tb testing.TB, o *socketio.Options) (once func()) {
	srv := socketio.NewServer(o)
	ts := httptest.NewServer(srv)
	tb.Cleanup(func() {
		srv.Close()
		ts.Close()
	})
	srv.On("e", func(s *socketio.Socket, v string) {
		_ = s.Emit("e", v)
		_ = srv.Emit("e", v)
	})
	c := dialRaw(tb, ts.URL)
	frame := frameOf(`42["e","hello world"]`)
	return func() {
		c.send(tb, frame)
		c.frames(tb, 2)
	}
}

// TestObserverAllocations: nothing is allocated for an observer that is not
// there, nor by one that does nothing.
func TestObserverAllocations(t *testing.T) {
	off := testing.AllocsPerRun(200, observedEcho(t, nil))
	on := testing.AllocsPerRun(200, observedEcho(t, &socketio.Options{Observer: socketio.NopObserver{}}))
	const most = 15 // 11 for an event in and two out, as before there were observers; pools drop some under the race detector
	if off > most {
		t.Errorf("%.0f allocations without an observer, want %d at most", off, most)
	}
	if on > off+1.5 {
		t.Errorf("%.0f allocations with an observer that does nothing, %.0f without", on, off)
	}
}

type point struct {
	X    float64 `json:"x"`
	Y    float64 `json:"y"`
	Name string  `json:"name"`
}

// exchange is one write of a client, and what the handlers send back.
type exchange struct {
	name     string
	packets  []string
	answers  int // packets
	allocs   int // at most, in all
	register func(*socketio.Server)
}

var typedEvent = socketio.NewEvent[point, point]("typed")

var exchanges = []exchange{
	{"echo-string", []string{`42["e","hello world"]`}, 1, 6, func(srv *socketio.Server) {
		srv.On("e", func(s *socketio.Socket, v string) { _ = s.Emit("e", v) })
	}},
	{"echo-any", []string{`42["e",{"x":1.5,"y":2,"name":"p"}]`}, 1, 24, func(srv *socketio.Server) {
		srv.On("e", func(s *socketio.Socket, v any) { _ = s.Emit("e", v) })
	}},
	{"ack-reflected", []string{`421["e",1.5,2]`}, 1, 11, func(srv *socketio.Server) {
		srv.On("e", func(x, y float64) (float64, error) { return x + y, nil })
	}},
	{"ack-typed", []string{`421["typed",{"x":1.5,"y":2,"name":"p"}]`}, 1, 9, func(srv *socketio.Server) {
		typedEvent.Handle(srv, func(_ context.Context, _ *socketio.Socket, p point) (point, error) { return p, nil })
	}},
	{"received-10", slices.Repeat([]string{`42["e","hello world"]`}, 10), 1, 41, func(srv *socketio.Server) {
		n := 0
		srv.On("e", func(s *socketio.Socket, _ string) {
			if n++; n%10 == 0 {
				_ = s.Emit("e", "done")
			}
		})
	}},
	{"sent-10", []string{`42["e"]`}, 10, 16, func(srv *socketio.Server) {
		srv.On("e", func(s *socketio.Socket) {
			for range 10 {
				_ = s.Emit("e", "hello world")
			}
		})
	}},
}

// dial connects a client and returns what exchanges once.
func (e exchange) dial(tb testing.TB) (once func()) {
	tb.Helper()
	srv, url := benchServer(tb)
	e.register(srv)
	c := dialRaw(tb, url)
	var wire []byte
	for _, packet := range e.packets {
		wire = append(wire, frameOf(packet)...)
	}
	return func() {
		c.send(tb, wire)
		c.frames(tb, e.answers)
	}
}

// BenchmarkEvent is one exchange.
func BenchmarkEvent(b *testing.B) {
	for _, e := range exchanges {
		b.Run(e.name, func(b *testing.B) {
			once := e.dial(b)
			b.ReportAllocs()
			for b.Loop() {
				once()
			}
		})
	}
}

// TestEventAllocations guards what an event received and an event sent may
// allocate.
func TestEventAllocations(t *testing.T) {
	for _, e := range exchanges {
		t.Run(e.name, func(t *testing.T) {
			once := e.dial(t)
			for range 100 { // pools and buffers are there
				once()
			}
			most := e.allocs
			if raceDetector { // pools drop some
				most *= 2
			}
			if got := testing.AllocsPerRun(300, once); got > float64(most) {
				t.Errorf("%.0f allocations for %d packets in and %d out, at most %d", got, len(e.packets), e.answers, most)
			}
		})
	}
}

// BenchmarkScopes is one event in and one out by a child of a parent, through
// event middleware, or past listeners, of all scopes.
func BenchmarkScopes(b *testing.B) {
	through := func(next socketio.EventHandler) socketio.EventHandler {
		return func(ctx context.Context, in *socketio.Incoming) error { return next(ctx, in) }
	}
	for _, bench := range []struct {
		name     string
		register func(parent *socketio.Namespace)
	}{
		{"none", func(*socketio.Namespace) {}},
		{"middleware", func(parent *socketio.Namespace) {
			parent.UseEvent(through)
			parent.Child("/room-1").UseEvent(through)
			parent.OnConnect(func(s *socketio.Socket) { s.UseEvent(through) })
		}},
		{"listeners", func(parent *socketio.Namespace) {
			parent.OnAny(func(*socketio.Socket, *socketio.Incoming) {})
			parent.OnAnyOutgoing(func(*socketio.Socket, *socketio.Outgoing) {})
		}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			srv, url := benchServer(b)
			parent := srv.OfRegexp(rooms)
			parent.On("e", func(s *socketio.Socket, v string) { _ = s.Emit("e", v) })
			bench.register(parent)
			c := dialRaw(b, url)
			c.send(b, frameOf("40/room-1,"))
			c.frames(b, 1)
			frame := frameOf(`42/room-1,["e","hello world"]`)
			b.ReportAllocs()
			for b.Loop() {
				c.send(b, frame)
				c.frames(b, 1)
			}
		})
	}
}

// BenchmarkBroadcast is one broadcast to a room, until all have it.
func BenchmarkBroadcast(b *testing.B) {
	for _, members := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(members), func(b *testing.B) {
			srv, clients := benchRoom(b, members)
			b.ReportAllocs()
			for b.Loop() {
				broadcastOnce(b, srv, clients)
			}
		})
	}
}

// BenchmarkTracer is BenchmarkBroadcast with 1,000 recipients that are listed.
func BenchmarkTracer(b *testing.B) {
	srv, clients := benchRoom(b, 1000)
	srv.Observe(&silentTracer{})
	b.ReportAllocs()
	for b.Loop() {
		broadcastOnce(b, srv, clients)
	}
}

type silentTracer struct{ socketio.NopObserver }

func (*silentTracer) Trace(socketio.EmitInfo) int { return 1000 }

func benchRoom(tb testing.TB, members int) (*socketio.Server, []*rawClient) {
	tb.Helper()
	srv, url := benchServer(tb)
	joined := make(chan error, 1) // the client waits for the hook, see Namespace.OnConnect
	srv.OnConnect(func(s *socketio.Socket) { joined <- s.Join("room") })
	clients := make([]*rawClient, members)
	for i := range clients {
		clients[i] = dialRaw(tb, url)
		if err := <-joined; err != nil {
			tb.Fatal(err)
		}
	}
	return srv, clients
}

func broadcastOnce(tb testing.TB, srv *socketio.Server, clients []*rawClient) {
	if err := srv.To("room").Emit("news", "hello"); err != nil {
		tb.Fatal(err)
	}
	for _, c := range clients {
		c.frames(tb, 1)
	}
}

// BenchmarkJoinDuringBroadcasts is a socket that joins a room of 1,000 and leaves it, while
// nothing is sent and during 200 broadcasts to the room a second.
func BenchmarkJoinDuringBroadcasts(b *testing.B) {
	for _, name := range []string{"silence", "broadcasts"} {
		b.Run(name, func(b *testing.B) {
			srv, clients := benchRoom(b, 1000)
			s := srv.Sockets()[0]
			for _, c := range clients {
				go func() { _, _ = io.Copy(io.Discard, c.r) }() // until it is closed
			}
			var stop atomic.Bool
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				for name == "broadcasts" && !stop.Load() {
					_ = srv.To("room").Emit("news", "hello")
					time.Sleep(5 * time.Millisecond)
				}
			}()
			var took []time.Duration
			for b.Loop() {
				begin := time.Now()
				_ = s.Join("room")
				s.Leave("room")
				took = append(took, time.Since(begin))
			}
			stop.Store(true)
			<-ended
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Nanoseconds()), "ns-p50")
			b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds()), "ns-p99")
		})
	}
}

// TestBroadcastAllocations guards the rule that a recipient costs no
// allocation: the message is encoded and framed once.
func TestBroadcastAllocations(t *testing.T) {
	few, fewClients := benchRoom(t, 10)
	many, manyClients := benchRoom(t, 210)
	base := testing.AllocsPerRun(50, func() { broadcastOnce(t, few, fewClients) })
	got := testing.AllocsPerRun(50, func() { broadcastOnce(t, many, manyClients) })
	if perRecipient := (got - base) / 200; perRecipient > 0.5 { // pools drop some under the race detector
		t.Errorf("%.0f allocations for 10 recipients, %.0f for 210: %.2f for each more, want none", base, got, perRecipient)
	}
}

// BenchmarkEmitWithAck is one broadcast to a room, until all have acknowledged.
func BenchmarkEmitWithAck(b *testing.B) {
	for _, members := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(members), func(b *testing.B) {
			srv, clients := benchRoom(b, members)
			b.ReportAllocs()
			for id := 0; b.Loop(); id++ {
				callOnce(b, srv, clients, id)
			}
		})
	}
}

// callOnce knows the id of the broadcast: the event is the same for everybody.
func callOnce(tb testing.TB, srv *socketio.Server, clients []*rawClient, id int) {
	ack := frameOf(fmt.Sprintf(`43%d["yes"]`, id))
	missing := make(chan error, 1)
	go func() {
		replies, err := srv.To("room").EmitWithAck(context.Background(), "question", "?")
		if err == nil && len(replies) != len(clients) {
			err = fmt.Errorf("%d replies", len(replies))
		}
		missing <- err
	}()
	for _, c := range clients {
		c.frames(tb, 1)
		c.send(tb, ack)
	}
	if err := <-missing; err != nil {
		tb.Fatal(err)
	}
}

// TestEmitWithAckAllocations: a recipient costs its reply, and its place among
// what is awaited, not a message of its own.
func TestEmitWithAckAllocations(t *testing.T) {
	few, fewClients := benchRoom(t, 10)
	many, manyClients := benchRoom(t, 110)
	id := -1 // the same for both
	once := func() {
		id++
		callOnce(t, few, fewClients, id)
	}
	base := testing.AllocsPerRun(30, once)
	id = -1
	got := testing.AllocsPerRun(30, func() {
		id++
		callOnce(t, many, manyClients, id)
	})
	if perRecipient := (got - base) / 100; perRecipient > 4 {
		t.Errorf("%.0f allocations for 10 recipients, %.0f for 110: %.2f for each more, want 3", base, got, perRecipient)
	}
}
