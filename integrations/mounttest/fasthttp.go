package mounttest

import (
	"crypto/rand"
	"errors"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/assert"
)

// Checks for mounts on HTTP servers other than that of net/http.

// Contained checks that a function of the application's which panics, or ends its
// goroutine, costs one request, on every transport: the process and its other
// clients go on.
func Contained(t *testing.T, mount Mount) {
	t.Helper()
	containedAll(t, nil, func(func(header string)) Mount { return mount })
}

// ContainedNext is Contained for a mount whose Config has a function Next, by which
// the application passes requests on to other routes, as Fiber's middleware has.
// mount returns a mount with a Next that calls bad with the request's header X-Bad,
// and passes nothing on.
func ContainedNext(t *testing.T, mount func(bad func(header string)) Mount) {
	t.Helper()
	const next = "Next"
	containedAll(t, []badCall{{next, "GET"}, {next, "POST"}}, mount)
}

// badCall is a function that ends its goroutine in a request by polling.
type badCall struct{ where, method string }

func containedAll(t *testing.T, more []badCall, mount func(bad func(header string)) Mount) {
	t.Helper()
	for name, e := range map[string]struct {
		end    func()
		status int // of the answer to a polling request; 0: none
	}{
		"panic":           {func() { panic("no such tenant") }, http.StatusInternalServerError}, //nolint:forbidigo // the application panics
		"ErrAbortHandler": {func() { panic(http.ErrAbortHandler) }, 0},
		"Goexit":          {runtime.Goexit, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			contained(t, e.end, e.status, more, mount)
		})
	}
}

func contained(t *testing.T, end func(), status int, more []badCall, mount func(bad func(header string)) Mount) {
	bad := func(r *http.Request, where string) {
		if r.Header.Get("X-Bad") == where {
			end()
		}
	}
	app := NewAppWith(t, socketio.Options{
		AllowRequest: func(r *http.Request) error {
			bad(r, "AllowRequest")
			if r.Header.Get("X-Bad") == "OnRefused" {
				return errors.New("no")
			}
			return nil
		},
		OnRefused:  func(r *http.Request, _ *socketio.RequestError) { bad(r, "OnRefused") },
		Pin:        func(r *http.Request) string { bad(r, "Pin"); return "" },
		Headers:    func(_ http.Header, r *http.Request, _ bool) { bad(r, "Headers") },
		GenerateID: func(r *http.Request) (string, error) { bad(r, "GenerateID"); return rand.Text(), nil },
	})
	url := mount(func(header string) {
		if header == "Next" {
			end()
		}
	}).Start(t, app.Server)
	good, c := NewClient(t, url), NewClient(t, url)
	polling, ws := good.Open(), good.Dial()
	const first = "/?EIO=4&transport=polling"
	later := first + "&sid=" + polling.ID
	for _, try := range append([]badCall{
		{"AllowRequest", "GET"},
		{"OnRefused", "GET"},
		{"Pin", "GET"},
		{"Headers", "GET"},
		{"GenerateID", "GET"},
		{"Pin", "POST"},
		{"Headers", "POST"},
	}, more...) {
		c.Header.Set("X-Bad", try.where)
		path, body := first, ""
		if try.method == "POST" {
			path, body = later, "3"
		}
		assert.Equal(t, try.where+" "+try.method, c.Status(try.method, path, body), status)
	}
	for _, where := range []string{"AllowRequest", "OnRefused", "Headers", "GenerateID"} {
		c.Header.Set("X-Bad", where)
		assert.Equal(t, where+", WebSocket", c.Refused().Status, 0)
	}
	ws.Echo("still there")
	good.Open().Echo("and somebody new")
}

// OneWrite checks that the 101 and the open packet are one write, as they are with
// a writer of the kind that package mount calls Bare.
func OneWrite(t *testing.T, mount Mount) {
	t.Helper()
	Virtual(t, func(t *testing.T, n Network) {
		counting := &countingListener{Listener: n}
		path := mount(t, NewApp(t).Server, counting)
		c := NewClientVia(t, "http://"+n.Addr().String()+path, n.DialContext)
		resp, br := c.raw("GET", "?EIO=4&transport=websocket", "HTTP/1.1", upgradeLines, "")
		assert.Equal(t, "status", resp.StatusCode, http.StatusSwitchingProtocols)
		assert.True(t, "an open packet", strings.HasPrefix(readFrame(t, br), "0{"))
		assert.Equal(t, "writes", counting.writes.Load(), 1)
	})
}

// countingListener counts what the server writes.
type countingListener struct {
	net.Listener
	writes atomic.Int64
}

// Accept implements net.Listener.
func (l *countingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return countingConn{conn, &l.writes}, nil
}

type countingConn struct {
	net.Conn
	writes *atomic.Int64
}

// Write implements net.Conn.
func (c countingConn) Write(b []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(b)
}

// ForwardedFor checks a mount in an application that passes X-Forwarded-For on as
// it came, from a proxy on this machine: a client behind a proxy that appends to
// the header does not choose its address, and an address is never anything else.
func ForwardedFor(t *testing.T, mount Mount) {
	t.Helper()
	app := NewApp(t)
	c := mount.client(t, app.Server)
	for header, want := range map[string]string{
		"203.0.113.9":                               "203.0.113.9",
		"198.51.100.1, 203.0.113.9":                 "203.0.113.9",
		"198.51.100.1,198.51.100.2 ,\t203.0.113.9":  "203.0.113.9",
		strings.Repeat("x", 3000) + ", 203.0.113.9": "203.0.113.9",
		"::ffff:203.0.113.9":                        "203.0.113.9",
		"203.0.113.9:4711":                          "203.0.113.9",
		"2001:DB8:0::9":                             "2001:db8::9",
		"[2001:db8::9]:4711":                        "2001:db8::9",
		"fe80::1%" + strings.Repeat("x", 3000):      "fe80::1",
		"198.51.100.1, unknown":                     "127.0.0.1",
		"198.51.100.1,":                             "127.0.0.1",
		strings.Repeat("x", 3000):                   "127.0.0.1",
		"<script>":                                  "127.0.0.1",
		"":                                          "127.0.0.1",
	} {
		c.Header.Set("X-Forwarded-For", header)
		c.Open()
		s := Wait(t, "the socket", app.Connected)
		assert.Equal(t, header[:min(len(header), 40)], s.Handshake().Address, want)
	}
}

// HeaderKeptOnce checks that a WebSocket holds the header of its request once, as its
// Handshake has it, and not in the forms of another HTTP server, too. The mount's
// server must take headers of 16 KB. As HeaderKeptOnce measures memory, its caller
// must not be parallel.
func HeaderKeptOnce(t *testing.T, mount Mount) {
	t.Helper()
	app := NewApp(t)
	url := mount.Start(t, app.Server)
	const conns, header = 25, 15_000
	var small uint64
	for i, size := range []int{10, header} {
		before := heap()
		for range conns {
			c := NewClient(t, url)
			c.Header.Set("Cookie", strings.Repeat("c", size))
			c.Dial()
			c.Header.Del("Cookie")
			Wait(t, "the socket", app.Connected)
		}
		if i == 0 {
			small = heap() - before
			continue
		}
		Collected(t, "more than the header twice, on both sides", func() bool {
			return heap() > before+small+conns*header*5/2
		})
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
