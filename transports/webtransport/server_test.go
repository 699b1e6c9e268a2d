package webtransport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/assert"
)

func TestConnect(t *testing.T) {
	t.Parallel()
	h := serve(t, setup{})
	p := h.connect()
	p.send(`421["double",21]`)
	p.expect(`431[42]`)
	p.send(`422["about"]`)
	p.expect(`432[["webtransport","127.0.0.1","header","query"]]`)
	const event = `451-["echo","text",{"_placeholder":true,"num":0}]`
	p.send(event, "bin:\x00\x01\xff")
	p.expect(event, "bin:\x00\x01\xff")
	big := "bin:" + strings.Repeat("\xaa", 900_000)
	p.send(event, big)
	p.expect(event, big)
	for _, b := range []byte(framed(0, `423["double",1]`)) {
		p.raw(string(b))
	}
	p.expect(`433[2]`)
	assert.NoError(t, p.session.CloseWithError(0, ""))
	assert.Equal(t, "reason", await(t, "the disconnect", h.ended), socketio.ReasonTransportClose)
}

// TestUpgrade from polling with packets in flight, both ways: nothing is lost,
// comes twice or in another order.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	const events = 300
	h := serve(t, setup{})
	h.io.On("n", func(s *socketio.Socket, n int) error { return s.Emit("n", n) })
	open := h.poll("GET", "", "")
	assert.True(t, "upgrades "+open, strings.Contains(open, `"upgrades":["websocket","webtransport"]`))
	sid := sidOf(open)
	h.poll("POST", sid, "40")
	var got []string
	take := func(body string) {
		for packet := range strings.SplitSeq(body, "\x1e") {
			if packet != "6" {
				got = append(got, packet)
			}
		}
	}
	take(h.poll("GET", sid, ""))
	post := func(from, to int) {
		var packets []string
		for i := from; i < to; i++ {
			packets = append(packets, fmt.Sprintf(`42["n",%d]`, i))
		}
		h.poll("POST", sid, strings.Join(packets, "\x1e"))
	}
	post(0, 100)
	take(h.poll("GET", sid, ""))
	post(100, 150)
	last := make(chan string, 1)
	go func() { last <- h.poll("GET", sid, "") }()
	p := h.stream("&sid="+sid, nil)
	p.send(`0{"sid":"`+sid+`"}`, "2probe")
	p.expect("3probe")
	take(await(t, "the last poll", last))
	post(150, 200)
	p.send("5")
	for i := 200; i < events; i++ {
		p.send(fmt.Sprintf(`42["n",%d]`, i))
	}
	for len(got) < 1+events {
		got = append(got, p.next())
	}
	assert.True(t, "connected", strings.HasPrefix(got[0], "40"))
	for i, packet := range got[1:] {
		assert.Equal(t, "packet", packet, fmt.Sprintf(`42["n",%d]`, i))
	}
	p.send(`421["about"]`)
	assert.True(t, "on WebTransport", strings.HasPrefix(p.next(), `431[["webtransport",`))
}

// TestEnds: what a client does, and what its connection ends with.
func TestEnds(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		do     func(h *host, p *peer)
		reason socketio.Reason
	}{
		"no pong":       {func(*host, *peer) {}, socketio.ReasonPingTimeout},
		"no bytes":      {func(_ *host, p *peer) { p.raw("\x00") }, socketio.ReasonParseError},
		"2^53":          {func(_ *host, p *peer) { p.raw("\x7f\x00\x20\x00\x00\x00\x00\x00\x00") }, socketio.ReasonParseError},
		"too big":       {func(_ *host, p *peer) { p.raw("\x7f\x00\x00\x00\x00\x00\x0f\x42\x41") }, socketio.ReasonParseError},
		"a binary ping": {func(_ *host, p *peer) { p.send("bin:2") }, socketio.ReasonForcedClose},
		"leaves":        {func(_ *host, p *peer) { p.send("41") }, socketio.ReasonClientNamespaceDisconnect},
		"no more bytes": {func(_ *host, p *peer) { _ = p.st.Close() }, socketio.ReasonTransportClose},
		"reset":         {func(_ *host, p *peer) { p.st.CancelWrite(7) }, socketio.ReasonTransportClose},
		"a close reason": {func(_ *host, p *peer) {
			_ = p.session.CloseWithError(1, strings.Repeat("x", 1000))
		}, socketio.ReasonTransportClose},
		"server disconnects": {func(h *host, p *peer) {
			over := make(chan error, 1)
			go func() { over <- errors.Join(h.io.Emit("last"), h.io.DisconnectSockets(true)) }()
			p.expect(`42["last"]`, "41") // what is unread at the end of a session is lost
			assert.NoError(h.t, <-over)
		}, socketio.ReasonServerNamespaceDisconnect},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := socketio.Options{}
			if name == "no pong" {
				opts.PingInterval, opts.PingTimeout = 100*time.Millisecond, 2*time.Second
			}
			h := serve(t, setup{io: opts})
			p := h.connect()
			tt.do(h, p)
			assert.Equal(t, "reason", await(t, "the disconnect", h.ended), tt.reason)
			if name != "leaves" {
				p.expectEnd()
			}
		})
	}
}

// TestSlowConsumer: a client that withholds flow control is let go.
func TestSlowConsumer(t *testing.T) {
	t.Parallel()
	h := serve(t, setup{io: socketio.Options{Limits: socketio.Limits{WriteTimeout: time.Second}}}) // a busy machine needs some of it for the handshake
	p := h.connect()
	for range 3 {
		assert.NoError(t, h.io.Emit("big", strings.Repeat("x", 1<<20)))
	}
	assert.Equal(t, "reason", await(t, "the disconnect", h.ended), socketio.ReasonTransportError)
	await(t, "the end of the WebTransport session", p.session.Context().Done())
}

// TestUnwantedStreams are reset, and datagrams dropped; the client lives on.
func TestUnwantedStreams(t *testing.T) {
	t.Parallel()
	h := serve(t, setup{})
	p := h.connect()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for range 1000 {
		st, err := p.session.OpenStreamSync(ctx)
		assert.NoError(t, err)
		_, err = st.Write([]byte("\x010"))
		if err == nil {
			_, err = st.Read(make([]byte, 1))
		}
		var reset *wtStreamError
		assert.True(t, fmt.Sprintf("reset: %v", err), errors.As(err, &reset) && reset.ErrorCode == refused)
		uni, err := p.session.OpenUniStreamSync(ctx)
		assert.NoError(t, err)
		_, _ = uni.Write([]byte("x")) // reset sooner or later
		_ = uni.Close()
		assert.NoError(t, p.session.SendDatagram([]byte("x")))
	}
	p.send(`421["double",21]`)
	p.expect(`431[42]`)
	assert.Equal(t, "connections", h.io.Connections(), 1)
}

// TestNoStream: who opens none, or says nothing on it, is let go in time.
func TestNoStream(t *testing.T) {
	t.Parallel()
	h := serve(t, setup{io: socketio.Options{UpgradeTimeout: time.Second}})
	none := h.session("", nil)
	uni := h.session("", nil)
	st, err := uni.OpenUniStream()
	assert.NoError(t, err)
	_, err = st.Write([]byte("\x010"))
	assert.NoError(t, err)
	silent := h.stream("", nil)
	silent.raw("\x05")
	for name, session := range map[string]<-chan struct{}{
		"none": none.Context().Done(), "unidirectional": uni.Context().Done(), "silent": silent.session.Context().Done(),
	} {
		await(t, name, session)
	}
	assert.Equal(t, "connections", h.io.Connections(), 0)
}

// TestRefused: requests that get an answer instead of a session.
func TestRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		io     socketio.Options
		query  string
		path   string
		header http.Header
		status int
	}{
		"another path":   {path: "/chat/", status: 404},
		"another origin": {header: http.Header{"Origin": {"https://evil.example"}}, status: 403},
		"no TLS":         {header: http.Header{"Origin": {"http://HOST"}}, status: 403},
		"same origin":    {header: http.Header{"Origin": {"https://HOST"}}, status: 200},
		"listed origin": {
			io:     socketio.Options{CORS: socketio.CORS{Origins: []string{"https://app.example"}}},
			header: http.Header{"Origin": {"https://app.example"}}, status: 200,
		},
		"AllowRequest": {io: socketio.Options{AllowRequest: func(r *http.Request) error {
			if r.Header.Get("X-Token") != "right" {
				return &socketio.RequestError{Code: 4, Status: 401}
			}
			return nil
		}}, header: http.Header{"X-Token": {"wrong"}}, status: 401},
		"unknown sid": {query: "&sid=__proto__", status: 400},
		"revision":    {query: "&EIO=3", status: 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := serve(t, setup{io: tt.io})
			if tt.path != "" {
				h.url = strings.Replace(h.url, "/socket.io/", tt.path, 1)
			}
			if origin := tt.header.Get("Origin"); origin != "" {
				host, _, _ := strings.Cut(strings.TrimPrefix(h.url, "https://"), "/")
				tt.header.Set("Origin", strings.Replace(origin, "HOST", host, 1))
			}
			res, _, err := h.dial(tt.query, tt.header)
			if res == nil {
				t.Fatal(err)
			}
			assert.Equal(t, "status", res.StatusCode, tt.status)
		})
	}
}

// TestMaxConnections counts what is open, not what has been.
func TestMaxConnections(t *testing.T) {
	t.Parallel()
	h := serve(t, setup{opts: Options{MaxConnections: 2}})
	first, _ := h.connect(), h.connect()
	_, _, err := h.dial("", nil)
	assert.True(t, "a third is refused", err != nil)
	assert.NoError(t, first.session.CloseWithError(0, ""))
	await(t, "the disconnect", h.ended)
	for end := time.Now().Add(patience); err != nil && time.Now().Before(end); {
		_, _, err = h.dial("", nil)
	}
	assert.NoError(t, err)
}

// TestIdleConnection: a connection that carries nobody is closed, one that
// carries a quiet client is not.
func TestIdleConnection(t *testing.T) {
	t.Parallel()
	h := serve(t, setup{idle: time.Second})
	p := h.connect()
	idle := h.quic()
	await(t, "the end of an idle connection", idle.Context().Done())
	p.send(`421["double",21]`)
	p.expect(`431[42]`)
}

// TestHalfARequest: a connection whose request does not come, but for its first
// byte, carries nobody either.
func TestHalfARequest(t *testing.T) {
	t.Parallel()
	h := serve(t, setup{idle: time.Second})
	conn := h.quic()
	st, err := conn.OpenStream()
	assert.NoError(t, err)
	_, err = st.Write([]byte{1}) // a HEADERS frame, without its length
	assert.NoError(t, err)
	await(t, "the end of the connection", conn.Context().Done())
}

// TestShutdown: clients get what they are owed, and the socket is free.
func TestShutdown(t *testing.T) {
	t.Parallel()
	h := serve(t, setup{})
	p := h.connect()
	waiting := h.session("", nil) // has no stream yet
	assert.NoError(t, h.io.Emit("last"))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	over := make(chan error, 1)
	go func() { over <- h.io.Shutdown(ctx) }()
	p.expect(`42["last"]`)
	p.expectEnd()
	assert.NoError(t, await(t, "Shutdown", over))
	assert.Equal(t, "reason", await(t, "the disconnect", h.ended), socketio.ReasonServerShuttingDown)
	await(t, "the end of the session without a stream", waiting.Context().Done())
	res, _, _ := h.dial("", nil)
	assert.True(t, "a new session is refused", res != nil && res.StatusCode == http.StatusServiceUnavailable)
	assert.NoError(t, h.h3.Shutdown(ctx))
	err := await(t, "Serve", h.served)
	assert.ErrorIs(t, err, http.ErrServerClosed)
	h.served <- err // for the cleanup
	assert.NoError(t, h.h3.Shutdown(ctx))
	assert.ErrorIs(t, h.h3.ListenAndServe(), http.ErrServerClosed)
}

// TestShutdownCuts what has not ended by itself.
func TestShutdownCuts(t *testing.T) {
	t.Parallel()
	h := serve(t, setup{})
	p := h.connect()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	assert.ErrorIs(t, h.h3.Shutdown(ctx), context.DeadlineExceeded)
	await(t, "the end of the session", p.session.Context().Done())
	assert.Equal(t, "reason", await(t, "the disconnect", h.ended), socketio.ReasonTransportClose)
}

// TestShutdownBlocked: code of the application that keeps a client's goroutine does
// not keep Shutdown and Close.
func TestShutdownBlocked(t *testing.T) {
	t.Parallel()
	h := serve(t, setup{})
	entered, release := make(chan struct{}), make(chan struct{})
	h.io.OfFunc(func(name string, _ *socketio.Handshake) bool {
		if name == "/stuck" {
			close(entered)
			<-release
		}
		return false
	})
	p := h.connect()
	p.send("40/stuck,")
	await(t, "OfFunc", entered)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	assert.ErrorIs(t, h.io.Shutdown(ctx), context.DeadlineExceeded)
	ended := make(chan error, 2)
	go func() { ended <- h.h3.Shutdown(ctx) }()
	go func() { h.h3.Close(); ended <- context.DeadlineExceeded }()
	assert.ErrorIs(t, await(t, "Shutdown and Close", ended), context.DeadlineExceeded)
	assert.ErrorIs(t, await(t, "Shutdown and Close", ended), context.DeadlineExceeded)
	await(t, "the end of the session", p.session.Context().Done())
	close(release)
}

func TestWiring(t *testing.T) {
	t.Parallel()
	both := socketio.NewServer(&socketio.Options{Transports: []string{"polling", "webtransport"}})
	without := socketio.NewServer(nil)
	t.Cleanup(both.Close)
	t.Cleanup(without.Close)
	usable := &tls.Config{Certificates: []tls.Certificate{certificate()}}
	asked := &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, errors.ErrUnsupported }}
	for name, tt := range map[string]struct {
		io   *socketio.Server
		o    Options
		want string
	}{
		"no server":           {nil, Options{TLSConfig: usable}, "the server is nil"},
		"no TLS":              {both, Options{}, "TLSConfig is missing"},
		"no certificate":      {both, Options{TLSConfig: new(tls.Config)}, "no certificate"},
		"no slash":            {both, Options{TLSConfig: usable, Path: "socket.io"}, "begins with a slash"},
		"not allowed":         {without, Options{TLSConfig: usable}, `"webtransport"`},
		"certificate":         {both, Options{TLSConfig: usable}, ""},
		"certificate on call": {both, Options{TLSConfig: asked, Path: "/"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				got, _ := recover().(string)
				assert.True(t, "a panic of ours: "+got, (tt.want == "" && got == "") ||
					(tt.want != "" && strings.HasPrefix(got, "socketio: ") && strings.Contains(got, tt.want)))
			}()
			New(tt.io, tt.o)
		})
	}
}
