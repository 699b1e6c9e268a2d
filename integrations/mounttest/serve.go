package mounttest

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/pipe"
)

// A Mount serves an application, with srv mounted in it, on ln until the test
// ends, and returns the mount's path without a slash at the end: "/socket.io".
// Tests call it several times, also at once, and some in virtual time: see
// [Virtual].
type Mount func(t *testing.T, srv *socketio.Server, ln net.Listener) (path string)

// Start serves the application on the loopback interface, and returns the
// mount's URL.
func (m Mount) Start(t *testing.T, srv *socketio.Server) (url string) {
	t.Helper()
	ln := Listen(t)
	return "http://" + ln.Addr().String() + m(t, srv, ln)
}

// client starts the application and returns a client.
func (m Mount) client(t *testing.T, srv *socketio.Server) *Client {
	return NewClient(t, m.Start(t, srv))
}

// Listen returns a listener on the loopback interface, for a server.
func Listen(t testing.TB) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NoError(t, err)
	return ln
}

// A Network is a network in memory: a listener for one server, and the way to it.
type Network interface {
	net.Listener
	DialContext(ctx context.Context, network, addr string) (net.Conn, error)
}

// Virtual runs a test in virtual time, as [synctest.Test] does: a wait costs
// nothing, and a margin of a millisecond is enough. n is for a server and, with
// [NewClientVia], its clients. What the test starts must end with it, or within a
// virtual minute; what a library starts once and for all must be running before.
func Virtual(t *testing.T, test func(t *testing.T, n Network)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		t.Cleanup(func() { time.Sleep(time.Minute) }) // fasthttp's workers end within ten seconds
		test(t, pipe.Listen())
	})
}

// virtual runs a check of a mount in virtual time.
func (m Mount) virtual(t *testing.T, o socketio.Options, check func(t *testing.T, app *App, c *Client)) {
	t.Helper()
	Virtual(t, func(t *testing.T, n Network) {
		app := NewAppWith(t, o)
		path := m(t, app.Server, n)
		check(t, app, NewClientVia(t, "http://"+n.Addr().String()+path, n.DialContext))
	})
}

// Serve runs h on the loopback interface until the test ends and returns its
// URL. A line in the server's error log fails the test, whichever it is: a
// write to a hijacked connection, a superfluous WriteHeader, a panic. Lines
// that contain one of except are expected.
func Serve(t testing.TB, h http.Handler, except ...string) string {
	t.Helper()
	return ServeOn(t, &http.Server{Handler: h}, except...)
}

// ServeOn is Serve for a server with settings of its own.
func ServeOn(t testing.TB, hs *http.Server, except ...string) string {
	t.Helper()
	return ServeListener(t, hs, Listen(t), except...)
}

// ServeListener is ServeOn with a listener, which may be one of a [Network].
func ServeListener(t testing.TB, hs *http.Server, ln net.Listener, except ...string) string {
	lines := new(Log)
	hs.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(lines, nil), slog.LevelError)
	done := make(chan struct{})
	go func() { // ends with the server
		defer close(done)
		_ = hs.Serve(ln) // always an error: it was closed
	}()
	t.Cleanup(func() {
		hs.Close()
		<-done
		for line := range strings.Lines(lines.String()) {
			if !slices.ContainsFunc(except, func(e string) bool { return strings.Contains(line, e) }) {
				t.Errorf("error log: %s", line)
			}
		}
	})
	return "http://" + ln.Addr().String()
}
