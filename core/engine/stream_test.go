package engine_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/pipe"
)

var allTransports = []string{engine.Polling, engine.WebSocket, engine.WebTransport}

// pipeStream is a stream whose client ends the connection when it is told to.
type pipeStream struct{ *pipe.Conn }

func (s pipeStream) CloseWrite() error { return s.Close() }

// streamClient is a client of ServeStream that does only what it is told.
type streamClient struct {
	h    *host
	conn net.Conn
	br   *bufio.Reader
	res  *httptest.ResponseRecorder
	over chan struct{} // closed when ServeStream has returned
}

// stream asks for WebTransport; header holds names and values in turn.
func (h *host) stream(query string, header ...string) *streamClient {
	h.t.Helper()
	client, server := pipe.New()
	return h.streamWith(query, client, func(context.Context) (engine.Stream, error) { return pipeStream{server}, nil }, header...)
}

func (h *host) streamWith(query string, client net.Conn, accept func(context.Context) (engine.Stream, error), header ...string) *streamClient {
	h.t.Helper()
	r := httptest.NewRequestWithContext(h.t.Context(), http.MethodConnect, "/engine.io/?"+query, nil)
	r.Host = "example"
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	c := &streamClient{h: h, conn: client, br: bufio.NewReader(client), res: httptest.NewRecorder(), over: make(chan struct{})}
	assert.NoError(h.t, client.SetDeadline(time.Now().Add(h.patience)))
	h.t.Cleanup(func() { _ = client.Close(); <-c.over })
	go func() {
		defer close(c.over)
		h.srv.ServeStream(c.res, r, accept)
	}()
	return c
}

const streamQuery = "EIO=4&transport=webtransport"

// streamed is a frame.
func streamed(kind byte, packet string) string {
	switch n := len(packet); {
	case n < 126:
		return string([]byte{kind | byte(n)}) + packet
	case n <= 0xffff:
		return string(binary.BigEndian.AppendUint16([]byte{kind | 126}, uint16(n))) + packet
	default:
		return string(binary.BigEndian.AppendUint64([]byte{kind | 127}, uint64(n))) + packet
	}
}

func (c *streamClient) raw(s string) {
	c.h.t.Helper()
	_, err := io.WriteString(c.conn, s)
	assert.NoError(c.h.t, err)
}

func (c *streamClient) send(packets ...string) {
	c.h.t.Helper()
	var wire strings.Builder
	for _, p := range packets {
		wire.WriteString(streamed(0, p))
	}
	c.raw(wire.String())
}

// next reads a frame.
func (c *streamClient) next() (packet string, isBinary bool) {
	c.h.t.Helper()
	head, err := c.br.ReadByte()
	assert.NoError(c.h.t, err)
	n := uint64(head &^ 0x80)
	if n >= 126 {
		ext := make([]byte, 8)
		_, err := io.ReadFull(c.br, ext[6*(127-n):])
		assert.NoError(c.h.t, err)
		n = binary.BigEndian.Uint64(ext)
	}
	data := make([]byte, n)
	_, err = io.ReadFull(c.br, data)
	assert.NoError(c.h.t, err)
	return string(data), head&0x80 != 0
}

// expect reads texts.
func (c *streamClient) expect(packets ...string) {
	c.h.t.Helper()
	for _, want := range packets {
		got, isBinary := c.next()
		assert.Equal(c.h.t, "packet", got, want)
		assert.True(c.h.t, "text", !isBinary)
	}
}

// open opens a session.
func (c *streamClient) open() (sid string) {
	c.h.t.Helper()
	c.send("0")
	packet, _ := c.next()
	assert.True(c.h.t, "open packet", strings.HasPrefix(packet, `0{"sid":"`) && strings.Contains(packet, `"upgrades":[]`))
	return sidOf(packet)
}

// expectEnd reads the end of the stream.
func (c *streamClient) expectEnd() {
	c.h.t.Helper()
	rest, err := io.ReadAll(c.br)
	assert.Equal(c.h.t, "before the end", string(rest), "")
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		c.h.t.Fatal("the stream is not closed")
	}
	await(c.h, "ServeStream", c.over)
}

func withStreams(o engine.Options) setup {
	o.Transports = allTransports
	return setup{opts: o}
}

func TestStream(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serveIn(t, withStreams(engine.Options{}))
		c := h.stream(streamQuery)
		sid := c.open()
		s := h.session()
		assert.Equal(t, "transport", s.Transport(), engine.WebTransport)
		c.send("4one", "4two")
		c.expect("4one", "4two")
		for _, n := range []int{1, 125, 126, 65534, 65535, 65536, 999_999} {
			text, data := "4"+strings.Repeat("x", n), strings.Repeat("\xff", n)
			c.send(text)
			c.expect(text)
			c.raw(streamed(0x80, data))
			got, isBinary := c.next()
			assert.True(t, "echo of binary data", got == data && isBinary)
		}
		c.raw("\x80")
		c.expect("b") // an empty binary message as clients take it
		h.get(sid).refused(t, 400, badRequest)
		res := h.dial().http(upgradeRequest("&transport=websocket&sid="+sid, keyHeaders))
		assert.Equal(t, "from WebTransport to WebSocket: accepted to be closed", res.StatusCode, 101)
		for _, b := range []byte(streamed(0, "4slowly")) {
			c.raw(string(b))
			synctest.Wait()
		}
		c.expect("4slowly")
		assert.NoError(t, s.Send(text("last")))
		began := time.Now()
		s.Close()
		c.expect("4last")
		c.expectEnd()
		assert.Equal(t, "told at once: after", time.Since(began), 0)
		h.ended(engine.ReasonForcedClose)
	})
}

func TestStreamHeartbeat(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serveIn(t, withStreams(engine.Options{}))
		c := h.stream(streamQuery)
		c.open()
		began := time.Now()
		c.expect("2")
		c.send("3")
		c.expect("2")
		c.expectEnd()
		assert.Equal(t, "after", time.Since(began), (25+25+20)*time.Second)
		h.ended(engine.ReasonPingTimeout)
	})
}

// TestStreamEnds: how a session ends, and that everything is gone then.
func TestStreamEnds(t *testing.T) {
	t.Parallel()
	const partial = "\x054x"
	for name, tt := range map[string]struct {
		do     func(h *host, c *streamClient)
		reason engine.Reason
	}{
		"no bytes":           {func(_ *host, c *streamClient) { c.raw("\x00") }, engine.ReasonParseError},
		"2^53":               {func(_ *host, c *streamClient) { c.raw("\x7f\x00\x20\x00\x00\x00\x00\x00\x00") }, engine.ReasonParseError},
		"2^64-1":             {func(_ *host, c *streamClient) { c.raw(strings.Repeat("\xff", 9)) }, engine.ReasonParseError},
		"length not minimal": {func(_ *host, c *streamClient) { c.raw("\x7e\x00\x014") }, engine.ReasonParseError},
		"over the limit":     {func(_ *host, c *streamClient) { c.raw("\x7f\x00\x00\x00\x00\x00\x0f\x42\x41") }, engine.ReasonParseError},
		"not UTF-8":          {func(_ *host, c *streamClient) { c.raw("\x024\xff") }, engine.ReasonParseError},
		"unknown packet":     {func(_ *host, c *streamClient) { c.send("9") }, engine.ReasonParseError},
		"ping":               {func(_ *host, c *streamClient) { c.send("2") }, engine.ReasonTransportError},
		"incomplete":         {func(_ *host, c *streamClient) { c.raw(partial) }, engine.ReasonTransportError},
		"client":             {func(_ *host, c *streamClient) { _ = c.conn.Close() }, engine.ReasonTransportClose},
		"client in a frame":  {func(_ *host, c *streamClient) { c.raw(partial); _ = c.conn.Close() }, engine.ReasonTransportClose},
		"Server.Close":       {func(h *host, _ *streamClient) { h.srv.Close() }, engine.ReasonServerShuttingDown},
		"Server.Shutdown": {func(h *host, _ *streamClient) {
			assert.NoError(h.t, h.srv.Shutdown(context.Background()))
		}, engine.ReasonServerShuttingDown},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serveIn(t, withStreams(engine.Options{MessageTimeout: 20 * time.Second}))
				c := h.stream(streamQuery)
				c.open()
				tt.do(h, c)
				h.ended(tt.reason)
				c.expectEnd()
				h.forgotten()
			})
		})
	}
}

// TestStreamSlowConsumer: a client that does not read costs SendBuffer and is
// cut after WriteTimeout.
func TestStreamSlowConsumer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serveIn(t, withStreams(engine.Options{}))
		c := h.stream(streamQuery)
		c.open()
		s := h.session()
		began := time.Now()
		assert.NoError(t, s.Send(text(strings.Repeat("x", 1<<20))))
		synctest.Wait()
		assert.True(t, "a volatile message is dropped", !s.SendVolatile(text("v")))
		err := h.ended(engine.ReasonTransportError)
		assert.True(t, "slow consumer", errors.Is(err, engine.ErrSlowConsumer))
		assert.Equal(t, "after", time.Since(began), 10*time.Second)
	})
}

func TestStreamUpgrade(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serveIn(t, withStreams(engine.Options{}))
		open := h.do(request{query: "&transport=polling"})
		assert.True(t, "upgrades", strings.Contains(open.body, `"upgrades":["websocket","webtransport"]`))
		sid := sidOf(open.body)
		s := h.session()
		poll := h.poll(sid)
		c := h.stream(streamQuery + "&sid=" + sid)
		c.send(`0{"sid":"`+sid+`"}`, "2probe")
		c.expect("3probe")
		h.answered(poll, "6")
		second := h.stream(streamQuery + "&sid=" + sid)
		second.send(`0{"sid":"`+sid+`"}`, "2probe")
		second.expectEnd()
		assert.NoError(t, s.Send(engine.Binary([]byte("data"))))
		h.posted(sid, "4by polling")
		c.send("5", "4by stream")
		data, isBinary := c.next()
		assert.True(t, "what was queued, in kind", data == "data" && isBinary)
		c.expect("4by polling", "4by stream")
		assert.Equal(t, "transport", s.Transport(), engine.WebTransport)
		h.get(sid).refused(t, 400, badRequest)
		h.alive()
	})
}

// TestStreamUpgradeFails: the session lives on where it was.
func TestStreamUpgradeFails(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(h *host, c *streamClient){
		"message":     func(_ *host, c *streamClient) { c.send("4x") },
		"noop":        func(_ *host, c *streamClient) { c.send("6") },
		"no bytes":    func(_ *host, c *streamClient) { c.raw("\x00") },
		"binary":      func(_ *host, c *streamClient) { c.raw(streamed(0x80, "2probe")) },
		"cut":         func(_ *host, c *streamClient) { _ = c.conn.Close() },
		"nothing":     func(*host, *streamClient) {},
		"probe alone": func(_ *host, c *streamClient) { c.send("2probe"); c.expect("3probe") },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serveIn(t, withStreams(engine.Options{}))
				sid := h.open()
				c := h.stream(streamQuery)
				c.send(`0{"sid":"` + sid + `"}`)
				do(h, c)
				c.expectEnd()
				h.posted(sid, "4x")
				assert.Equal(t, "echo", h.get(sid).body, "4x")
				h.alive()
			})
		})
	}
}

// TestStreamOpening: what begins with anything else than an open packet for a
// session that may upgrade is closed, and so is what does not begin in time.
func TestStreamOpening(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		first string
		code  engine.Code // of OnRefused; -1: it is not told
		after time.Duration
	}{
		"nothing":          {"", -1, 10 * time.Second},
		"half a header":    {"\x7e\x00", -1, 10 * time.Second},
		"half a packet":    {"\x050{", -1, 10 * time.Second},
		"no bytes":         {"\x00", -1, 0},
		"probe":            {streamed(0, "2probe"), -1, 0},
		"binary":           {streamed(0x80, "0"), -1, 0},
		"sid is a number":  {streamed(0, `0{"sid":1}`), -1, 0},
		"sid is null":      {streamed(0, `0{"sid":null}`), -1, 0},
		"sid is empty":     {streamed(0, `0{"sid":""}`), -1, 0},
		"no sid":           {streamed(0, `0{}`), -1, 0},
		"no object":        {streamed(0, `0null`), -1, 0},
		"no JSON":          {streamed(0, `0{"sid"`), -1, 0},
		"1 MB":             {streamed(0, `0{"sid":"`+strings.Repeat("x", 1<<20)+`"}`)[:100], -1, 0},
		"__proto__":        {streamed(0, `0{"sid":"__proto__"}`), engine.CodeSessionIDUnknown, 0},
		"unknown sid":      {streamed(0, `0{"sid":"`+strings.Repeat("x", 400)+`"}`), engine.CodeSessionIDUnknown, 0},
		"on WebSocket":     {`0{"sid":"WS"}`, engine.CodeBadRequest, 0},
		"on WebTransport":  {`0{"sid":"WT"}`, engine.CodeBadRequest, 0},
		"of somebody else": {`0{"sid":"OTHER"}`, engine.CodeForbidden, 0},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				refused := make(chan engine.Code, 1)
				h := serveIn(t, withStreams(engine.Options{
					FirstPollTimeout: -1,
					OnRefused:        func(_ *http.Request, e *engine.RequestError) { refused <- e.Code },
					Pin:              func(r *http.Request) string { return r.Header.Get("User") },
				}))
				_, ws := h.wsOpen("")
				wt := h.stream(streamQuery).open()
				other := sidOf(h.do(request{query: "&transport=polling", header: []string{"User", "u"}}).body)
				first := tt.first
				if strings.HasPrefix(first, "0") {
					first = streamed(0, strings.NewReplacer("WS", ws, "WT", wt, "OTHER", other).Replace(first))
				}
				began := time.Now()
				c := h.stream(streamQuery)
				c.raw(first)
				c.expectEnd()
				assert.Equal(t, "after", time.Since(began), tt.after)
				got := engine.Code(-1)
				select {
				case got = <-refused:
				default:
				}
				assert.Equal(t, "code", got, tt.code)
				assert.Equal(t, "sessions", h.srv.Count(), 3)
			})
		})
	}
}

// TestStreamRefused: requests that are answered without a stream.
func TestStreamRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		opts   engine.Options
		query  string
		header []string
		status int
		body   string
	}{
		"not enabled":    {engine.Options{Transports: []string{engine.Polling}}, streamQuery, nil, 400, `"code":0,`},
		"transport":      {engine.Options{}, "EIO=4&transport=polling", nil, 400, `"code":0,`},
		"revision":       {engine.Options{}, "EIO=3&transport=webtransport", nil, 400, `"code":5,`},
		"repeated":       {engine.Options{}, streamQuery + "&EIO=4", nil, 400, `"code":3,`},
		"long":           {engine.Options{}, streamQuery + "&x=" + strings.Repeat("x", 17_000), nil, 431, `"code":3,`},
		"unknown sid":    {engine.Options{}, streamQuery + "&sid=x", nil, 400, `"code":1,`},
		"another origin": {engine.Options{}, streamQuery, []string{"Origin", "https://evil.example"}, 403, `"code":4,`},
		"AllowRequest": {engine.Options{AllowRequest: func(*http.Request) error { return errors.New("no") }},
			streamQuery, nil, 403, `"code":4,`},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				if tt.opts.Transports == nil {
					tt.opts.Transports = allTransports
				}
				h := serveIn(t, setup{opts: tt.opts})
				client, _ := pipe.New()
				c := h.streamWith(tt.query, client, func(context.Context) (engine.Stream, error) {
					t.Error("accepted")
					return nil, net.ErrClosed
				}, tt.header...)
				<-c.over
				assert.Equal(t, "status", c.res.Code, tt.status)
				assert.True(t, "body "+c.res.Body.String(), strings.Contains(c.res.Body.String(), tt.body))
			})
		})
	}
}

// TestStreamWithoutID: no session without an id.
func TestStreamWithoutID(t *testing.T) {
	bubble(t, func(t *testing.T) {
		refused := make(chan engine.Code, 1)
		h := serveIn(t, withStreams(engine.Options{
			GenerateID: func(*http.Request) (string, error) { return "", errors.New("none left") },
			OnRefused:  func(_ *http.Request, e *engine.RequestError) { refused <- e.Code },
		}))
		c := h.stream(streamQuery)
		c.send("0")
		c.expectEnd()
		assert.Equal(t, "code", await(h, "OnRefused", refused), engine.CodeBadRequest)
	})
}

// TestStreamForAnother: the request's session and the stream's have to be the
// same.
func TestStreamForAnother(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serveIn(t, withStreams(engine.Options{}))
		one, two := h.open(), h.open()
		for _, first := range []string{"0", `0{"sid":"` + two + `"}`} {
			c := h.stream(streamQuery + "&sid=" + one)
			c.send(first)
			c.expectEnd()
		}
		h.alive()
		assert.Equal(t, "sessions", h.srv.Count(), 2)
	})
}

// TestStreamAccept: waiting for a stream ends in time, and with the server.
func TestStreamAccept(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		end   func(h *host)
		after time.Duration
	}{
		"UpgradeTimeout": {func(*host) {}, 10 * time.Second},
		"shutdown":       {func(h *host) { h.srv.Close() }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serveIn(t, withStreams(engine.Options{}))
				client, _ := pipe.New()
				began := time.Now()
				c := h.streamWith(streamQuery, client, func(ctx context.Context) (engine.Stream, error) {
					<-ctx.Done()
					return nil, ctx.Err()
				})
				synctest.Wait()
				tt.end(h)
				<-c.over
				assert.Equal(t, "after", time.Since(began), tt.after)
			})
		})
	}
}

// TestStreamIsNoHTTPTransport: the name alone opens nothing over HTTP.
func TestStreamIsNoHTTPTransport(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serveIn(t, withStreams(engine.Options{}))
		const transportUnknown = `{"code":0,"message":"Transport unknown"}`
		h.do(request{query: "&transport=webtransport"}).refused(t, 400, transportUnknown)
		h.do(request{query: "&transport=webtransport&sid=" + h.open()}).refused(t, 400, transportUnknown)
	})
}

// TestStreamUpgradeDisabled: with NoUpgrade polling sessions stay where they are.
func TestStreamUpgradeDisabled(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serveIn(t, withStreams(engine.Options{NoUpgrade: true}))
		open := h.do(request{query: "&transport=polling"})
		assert.True(t, "upgrades", strings.Contains(open.body, `"upgrades":[]`))
		c := h.stream(streamQuery)
		c.send(`0{"sid":"` + sidOf(open.body) + `"}`)
		c.expectEnd()
		h.alive()
	})
}
