package mounttest

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/assert"
)

// Run checks everything that a mount has to do, whatever its framework is.
func Run(t *testing.T, mount Mount) {
	t.Helper()
	run(t, mount.client)
	t.Run("subprotocol", func(t *testing.T) {
		t.Parallel()
		subprotocol(t, mount)
	})
	t.Run("time before the first packet", func(t *testing.T) {
		t.Parallel()
		openDelay(t, mount)
	})
	t.Run("reader of a poll", func(t *testing.T) {
		t.Parallel()
		slowReaders(t, mount)
	})
	t.Run("client certificate", func(t *testing.T) {
		t.Parallel()
		clientCertificate(t, mount)
	})
	t.Run("Unix socket", func(t *testing.T) {
		t.Parallel()
		unixSocket(t, mount)
	})
}

// RunTLS is the part of [Run] that can differ where the application itself ends
// TLS.
func RunTLS(t *testing.T, mount Mount) {
	t.Helper()
	certificate := serverCertificate()
	run(t, func(t *testing.T, srv *socketio.Server) *Client {
		return mount.overTLS(t, srv, &tls.Config{Certificates: []tls.Certificate{certificate}})()
	})
}

// run checks what can be tried on a network of any kind. start mounts srv and
// returns a client for that.
func run(t *testing.T, start func(t *testing.T, srv *socketio.Server) *Client) {
	t.Helper()
	for _, tc := range []struct {
		name string
		run  func(*testing.T, *App, *Client)
	}{
		{"polling", func(t *testing.T, _ *App, c *Client) { exchange(c.Open()) }},
		{"websocket", func(t *testing.T, _ *App, c *Client) { exchange(c.Dial()) }},
		{"upgrade", func(t *testing.T, _ *App, c *Client) { s := c.Open(); s.Upgrade(); exchange(s) }},
		{"without the slash", withoutSlash},
		{"below the path", below},
		{"methods", methods},
		{"refused requests", refused},
		{"browser client", browserClient},
		{"origins", origins},
		{"behind a proxy", proxied},
		{"behind a proxy with a base path", stripped},
		{"behind a proxy that changes the host", anotherHost},
		{"Connection header", connectionHeader},
		{"pipelined frame", pipelined},
		{"forms of requests", forms},
		{"flood of connects", flood},
		{"handshake", handshake},
		{"one connection for many sessions", interleaved},
		{"abandoned poll", abandoned},
		{"client closes", clientCloses},
		{"server disconnects", serverDisconnects},
		{"shutdown", shutdown},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			app := NewApp(t)
			tc.run(t, app, start(t, app.Server))
		})
	}
	t.Run("headers and cookie", func(t *testing.T) {
		t.Parallel()
		ownHeaders(t, start(t, headersApp(t).Server))
	})
	t.Run("compressed", func(t *testing.T) {
		t.Parallel()
		app := NewAppWith(t, socketio.Options{PerMessageDeflate: new(socketio.PerMessageDeflate)})
		compressed(t, start(t, app.Server))
	})
}

// Drive checks polling, WebSocket, the upgrade and the end of sessions. edit,
// unless it is nil, prepares each client.
func Drive(t *testing.T, app *App, url string, edit func(*Client)) {
	t.Helper()
	client := func() *Client {
		c := NewClient(t, url)
		if edit != nil {
			edit(c)
		}
		return c
	}
	polling := client().Open()
	exchange(polling)
	exchange(client().Dial())
	s := client().Open()
	s.Upgrade()
	exchange(s)
	polling.Send("1")
	assert.Equal(t, "reason", Wait(t, "the disconnect", app.Gone), socketio.ReasonTransportClose)
}

func exchange(s *Session) {
	s.c.t.Helper()
	s.Echo("hello")
	s.Echo(strings.Repeat("long ", 20_000)) // more than any buffer on the way
	event := `451-["echo",{"_placeholder":true,"num":0}]`
	data := "b" + base64.StdEncoding.EncodeToString([]byte{0, 0x1e, 0xff})
	if s.ws == nil {
		s.Send(event + "\x1e" + data)
	} else {
		s.Send(event)
		s.Send(data)
	}
	assert.Equal(s.c.t, "binary event", s.Recv(), event)
	assert.Equal(s.c.t, "attachment", s.Recv(), data)
	s.Echo("bye")
}

func withoutSlash(_ *testing.T, _ *App, c *Client) {
	c.Slash = "" // the stock client's addTrailingSlash: false
	exchange(c.Open())
	exchange(c.Dial())
	s := c.Open()
	s.Upgrade()
	exchange(s)
}

func below(_ *testing.T, _ *App, c *Client) {
	c.Slash = "/some/where/"
	exchange(c.Open())
}

func methods(t *testing.T, _ *App, c *Client) {
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
		for _, slash := range []string{"", "/"} {
			a := c.Do(method, slash+"?EIO=4&transport=polling", "")
			assert.Equal(t, method+" status", a.Status, http.StatusBadRequest)
			assert.Equal(t, method+" body", a.Body, `{"code":2,"message":"Bad handshake method"}`)
		}
	}
}

func refused(t *testing.T, _ *App, c *Client) {
	for query, want := range map[string]string{
		"?EIO=4&transport=carrier":         `{"code":0,"message":"Transport unknown"}`,
		"?EIO=4&transport=polling&sid=abc": `{"code":1,"message":"Session ID unknown"}`,
		"?EIO=4&transport=websocket":       `{"code":3,"message":"Bad request"}`,
		"?EIO=3&transport=polling":         `{"code":5,"message":"Unsupported protocol version"}`,
	} {
		a := c.Do("GET", "/"+query, "")
		assert.Equal(t, query, a.Status, http.StatusBadRequest)
		assert.Equal(t, query, a.Body, want)
		assert.Equal(t, query, a.Header.Values("Content-Type"), []string{"application/json"})
	}
	s := c.Open()
	a := c.Do("POST", s.suffix(), strings.Repeat("x", 1_000_001))
	assert.Equal(t, "body over the limit", a.Status, http.StatusRequestEntityTooLarge)
}

func browserClient(t *testing.T, _ *App, c *Client) {
	get := c.Do("GET", "/socket.io.js", "")
	assert.Equal(t, "GET", get.Status, http.StatusOK)
	assert.True(t, "a script", strings.Contains(get.Header.Get("Content-Type"), "javascript") && len(get.Body) > 1000)
	head := c.Do("HEAD", "/socket.io.js", "")
	assert.Equal(t, "HEAD", head.Status, http.StatusOK)
	assert.Equal(t, "HEAD body", head.Body, "")
	assert.Equal(t, "HEAD type", head.Header.Get("Content-Type"), get.Header.Get("Content-Type"))
	assert.Equal(t, "missing build", c.Do("GET", "/socket.io.msgpack.min.js", "").Status, http.StatusNotFound)
}

const allowOrigin = "Access-Control-Allow-Origin"

func origins(t *testing.T, _ *App, c *Client) {
	c.Header.Set("Origin", Origin)
	s := c.Open()
	assert.Equal(t, "handshake", s.First.Values(allowOrigin), []string{Origin})
	exchange(s)
	s = c.Dial()
	exchange(s)
	c.Header.Set("Access-Control-Request-Method", "POST")
	for _, suffix := range []string{"", "/", "/?EIO=4&transport=polling"} {
		a := c.Do("OPTIONS", suffix, "")
		assert.Equal(t, "preflight", a.Status, http.StatusNoContent)
		assert.Equal(t, "preflight", a.Header.Values(allowOrigin), []string{Origin})
	}
	s = c.Open()
	c.Header.Set("Origin", "https://evil.example")
	for name, a := range map[string]Answer{
		"preflight": c.Do("OPTIONS", "/?EIO=4&transport=polling", ""),
		"GET":       c.Do("GET", "/?EIO=4&transport=polling", ""),
		"POST":      c.Do("POST", s.suffix(), "40"),
		"WebSocket": c.Refused(),
	} {
		assert.Equal(t, name, a.Status, http.StatusForbidden)
		assert.Equal(t, name, a.Header.Values(allowOrigin), nil)
	}
}

func connectionHeader(_ *testing.T, _ *App, c *Client) {
	for _, v := range []string{"upgrade", "keep-alive, Upgrade"} { // AWS ALB, Firefox
		c.Header.Set("Connection", v)
		exchange(c.Dial())
		s := c.Open()
		s.Upgrade()
		exchange(s)
	}
}

// pipelined sends the first frame in the same packet as the handshake.
func pipelined(t *testing.T, _ *App, c *Client) {
	conn, u := c.connect()
	_, err := fmt.Fprintf(conn, "GET %s/?EIO=4&transport=websocket HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n\x81\x82\x00\x00\x00\x0040", u.Path, u.Host)
	assert.NoError(t, err)
	br := bufio.NewReader(conn)
	resp, err := http.ReadResponse(br, nil) //nolint:bodyclose // the body of a 101 is the connection
	assert.NoError(t, err)
	assert.Equal(t, "status", resp.StatusCode, http.StatusSwitchingProtocols)
	for _, want := range []string{"0{", "40{"} {
		if got := readFrame(t, br); !strings.HasPrefix(got, want) {
			t.Fatalf("got %q, want %s…", got, want)
		}
	}
}

func timeout(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// readFrame reads one unmasked frame of less than 64 KB.
func readFrame(t testing.TB, br *bufio.Reader) string {
	t.Helper()
	var head [4]byte
	_, err := io.ReadFull(br, head[:2])
	assert.NoError(t, err)
	n := int(head[1])
	if n == 126 {
		_, err = io.ReadFull(br, head[2:])
		assert.NoError(t, err)
		n = int(head[2])<<8 | int(head[3])
	}
	data := make([]byte, n)
	_, err = io.ReadFull(br, data)
	assert.NoError(t, err)
	return string(data)
}

// handshake compares what the socket knows of its first request, also after
// the framework has reused what it held that request in.
func handshake(t *testing.T, app *App, c *Client) {
	c.Header["X-Twice"] = []string{"one", "two"}
	c.Header.Set("Cookie", "a=1; b=2")
	c.Query = "&token=first"
	for name, open := range map[string]func() *Session{"polling": c.Open, "websocket": c.Dial} {
		s := open()
		h := Wait(t, "the socket", app.Connected).Handshake()
		for range 3 {
			s.Echo("overwrite")
		}
		assert.Equal(t, name+" address", h.Address, "127.0.0.1")
		assert.True(t, name+" peer", strings.HasPrefix(h.RemoteAddr, "127.0.0.1:"))
		assert.Equal(t, name+" method", h.Method, "GET")
		assert.Equal(t, name+" query", h.Query().Get("token"), "first")
		assert.Equal(t, name+" headers", h.Header()["X-Twice"], []string{"one", "two"})
		assert.Equal(t, name+" host", "http://"+h.Host, c.url[:len("http://")+len(h.Host)])
		r := h.Request()
		assert.True(t, name+" path", strings.HasSuffix(c.url, strings.TrimSuffix(r.URL.Path, "/")))
		b, err := r.Cookie("b")
		assert.NoError(t, err)
		assert.Equal(t, name+" cookie", b.Value, "2")
	}
}

// interleaved: five sessions share one keep-alive connection, and each keeps
// what its own handshake said.
func interleaved(t *testing.T, app *App, c *Client) {
	c.transport.MaxConnsPerHost = 1
	sessions := make([]*Session, 5)
	sockets := make([]*socketio.Socket, 5)
	for i := range sessions {
		c.Header.Set("X-User", fmt.Sprint("user-", i))
		c.Query = fmt.Sprint("&n=", i)
		sessions[i] = c.Open()
		sockets[i] = Wait(t, "the socket", app.Connected)
	}
	for round := range 3 {
		for i, s := range sessions {
			c.Header.Set("X-User", "none")
			s.Echo(fmt.Sprint(round, "-", i))
		}
	}
	for i, s := range sockets {
		h := s.Handshake()
		assert.Equal(t, "header", h.Header().Get("X-User"), fmt.Sprint("user-", i))
		assert.Equal(t, "query", h.Query().Get("n"), fmt.Sprint(i))
	}
}

func abandoned(t *testing.T, app *App, c *Client) {
	_, abandon := c.Open().Park()
	abandon()
	assert.Equal(t, "reason", Wait(t, "the disconnect", app.Gone), socketio.ReasonTransportError)
}

func clientCloses(t *testing.T, app *App, c *Client) {
	s := c.Open()
	Wait(t, "the socket", app.Connected) // the answer to CONNECT comes before the hooks
	s.Send("1")
	assert.Equal(t, "polling", Wait(t, "the disconnect", app.Gone), socketio.ReasonTransportClose)
	s = c.Dial()
	Wait(t, "the socket", app.Connected)
	_ = s.ws.CloseNow() // without a close frame
	assert.Equal(t, "websocket", Wait(t, "the disconnect", app.Gone), socketio.ReasonTransportClose)
}

func serverDisconnects(t *testing.T, app *App, c *Client) {
	s := c.Dial()
	Wait(t, "the socket", app.Connected).Disconnect(true)
	assert.Equal(t, "close frame", s.UntilClosed(), websocket.StatusNoStatusRcvd)
}

// UntilClosed reads what is still to come, then the close frame. It returns
// its code.
func (s *Session) UntilClosed() websocket.StatusCode {
	ctx := timeout(s.c.t)
	for {
		if _, _, err := s.ws.Read(ctx); err != nil {
			return websocket.CloseStatus(err)
		}
	}
}

// shutdown ends a parked poll and a WebSocket before it returns.
func shutdown(t *testing.T, app *App, c *Client) {
	poll, _ := c.Open().Park()
	s := c.Dial()
	closed := make(chan websocket.StatusCode, 1)
	go func() { closed <- s.UntilClosed() }() // ends with the WebSocket
	assert.NoError(t, app.Shutdown(timeout(t)))
	assert.Equal(t, "close frame", Wait(t, "the close", closed), websocket.StatusServiceRestart)
	a := Wait(t, "the answer to the poll", poll)
	assert.True(t, "the poll is answered: "+a.Body, a.Status == http.StatusOK && strings.HasSuffix(a.Body, "1"))
	assert.Equal(t, "new ones are refused", c.Do("GET", "/?EIO=4&transport=polling", "").Status, http.StatusServiceUnavailable)
}
