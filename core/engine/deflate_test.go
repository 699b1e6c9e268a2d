package engine_test

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/engine/internal/frame/autobahn"
	"github.com/gosio/gosio/internal/assert"
)

// deflating is a client with permessage-deflate, made of package flate.
type deflating struct {
	*client
	response string
	z        *flate.Writer // with context takeover
	sent     bytes.Buffer
	back     io.Reader
	received []byte // the window of what the server sends
	frames   int    // of those that the server has sent, the compressed
	last     int    // payload bytes of the last frame
}

// deflate opens a WebSocket with an offer. A query with a session id is that of
// an upgrade.
func (h *host) deflate(query, offer string) *deflating {
	h.t.Helper()
	c := h.dial()
	res := c.http(upgradeRequest("&transport=websocket"+query, keyHeaders+"Sec-WebSocket-Extensions: "+offer+"\r\n"))
	assert.Equal(h.t, "status", res.StatusCode, http.StatusSwitchingProtocols)
	d := &deflating{client: c, response: res.Header.Get("Sec-WebSocket-Extensions")}
	if !strings.Contains(query, "sid=") {
		packet := d.packet()
		assert.True(h.t, "open packet", strings.HasPrefix(packet, `0{"sid":"`))
	}
	return d
}

// deflateWriters saves the megabyte that each takes.
var deflateWriters = sync.Pool{New: func() any {
	z, _ := flate.NewWriter(nil, flate.BestSpeed)
	return z
}}

// compressed returns what is sent of a message.
func (d *deflating) compressed(s string) []byte {
	d.sent.Reset()
	if d.z == nil {
		d.z = deflateWriters.Get().(*flate.Writer)
		d.z.Reset(&d.sent)
	} else if strings.Contains(d.response, "client_no_context_takeover") {
		d.z.Reset(&d.sent)
	}
	_, _ = d.z.Write([]byte(s))
	_ = d.z.Flush()
	return bytes.TrimSuffix(d.sent.Bytes(), []byte("\x00\x00\xff\xff"))
}

// done gives the compressor back.
func (d *deflating) done() {
	if d.z != nil {
		deflateWriters.Put(d.z)
		d.z = nil
	}
}

// write sends a message compressed, in frames of at most size bytes.
func (d *deflating) write(op byte, s string, size int) {
	data := d.compressed(s)
	var wire []byte
	for rsv := byte(4); ; op, rsv = autobahn.Continuation, 0 {
		n := min(size, len(data))
		wire = autobahn.Frame{Op: op, RSV: rsv, More: n < len(data), Payload: data[:n]}.Append(wire, mask)
		if data = data[n:]; len(data) == 0 {
			break
		}
	}
	_, _ = d.conn.Write(wire) // the server may have failed the connection
}

// read reads a frame, and what it was before it was compressed.
func (d *deflating) read() (op byte, s string) {
	d.t.Helper()
	var head [2]byte
	_, err := io.ReadFull(d.br, head[:])
	assert.NoError(d.t, err)
	n := int(head[1])
	if n >= 126 {
		ext := make([]byte, 8)
		_, err = io.ReadFull(d.br, ext[8-(2+6*(n-126)):])
		assert.NoError(d.t, err)
		n = int(binary.BigEndian.Uint64(ext))
	}
	data := make([]byte, n)
	_, err = io.ReadFull(d.br, data)
	assert.NoError(d.t, err)
	d.last = n
	assert.Equal(d.t, "FIN, RSV2 and RSV3", head[0]&0xB0, 0x80)
	if head[0]&0x40 == 0 {
		return head[0] & 0xF, string(data)
	}
	d.frames++
	src := strings.NewReader(string(data) + "\x00\x00\xff\xff\x01\x00\x00\xff\xff")
	if d.back == nil {
		d.back = flate.NewReader(src)
	}
	assert.NoError(d.t, d.back.(flate.Resetter).Reset(src, d.received))
	out, err := io.ReadAll(d.back)
	assert.NoError(d.t, err)
	if !strings.Contains(d.response, "server_no_context_takeover") {
		d.received = append(d.received, out...)
		d.received = d.received[max(0, len(d.received)-1<<15):]
	}
	return head[0] & 0xF, string(out)
}

// packet reads a message.
func (d *deflating) packet() string {
	d.t.Helper()
	_, s := d.read()
	return s
}

const browsers = "permessage-deflate; client_max_window_bits" // the offer of Chromium, and of ws

// TestDeflateNegotiation: what is answered to an offer.
func TestDeflateNegotiation(t *testing.T) {
	t.Parallel()
	const none = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
	both := &engine.PerMessageDeflate{ServerContextTakeover: true, ClientContextTakeover: true}
	tests := []struct {
		opts  *engine.PerMessageDeflate
		offer string
		want  string
	}{
		{nil, browsers, ""},
		{new(engine.PerMessageDeflate), browsers, none},
		{new(engine.PerMessageDeflate), "permessage-deflate", none},
		{new(engine.PerMessageDeflate), "PerMessage-Deflate ; Client_Max_Window_Bits = 15", none},
		{new(engine.PerMessageDeflate), "permessage-deflate; server_no_context_takeover; client_no_context_takeover", none},
		{new(engine.PerMessageDeflate), "x-webkit-deflate-frame, permessage-deflate", none},
		{new(engine.PerMessageDeflate), "permessage-deflate; server_max_window_bits=15", none + "; server_max_window_bits=15"},
		{new(engine.PerMessageDeflate), "permessage-deflate; server_max_window_bits=10", none + "; server_max_window_bits=10"},
		{new(engine.PerMessageDeflate), `permessage-deflate; server_max_window_bits="9"`, none + "; server_max_window_bits=9"},
		{new(engine.PerMessageDeflate), "permessage-deflate; client_max_window_bits=8", none},
		{new(engine.PerMessageDeflate), "permessage-deflate; unknown, permessage-deflate; server_max_window_bits=8", none + "; server_max_window_bits=8"},
		{new(engine.PerMessageDeflate), `other; a="x, permessage-deflate;y"; b, permessage-deflate`, none},
		{new(engine.PerMessageDeflate), "permessage-deflate\r\nSec-WebSocket-Extensions: foo", none},
		{new(engine.PerMessageDeflate), "foo\r\nSec-WebSocket-Extensions: permessage-deflate", none},
		{both, browsers, "permessage-deflate"},
		{both, "permessage-deflate; server_no_context_takeover", "permessage-deflate; server_no_context_takeover"},
		{both, "permessage-deflate; client_no_context_takeover", "permessage-deflate; client_no_context_takeover"},
		{both, "permessage-deflate; server_max_window_bits=14", "permessage-deflate; server_no_context_takeover; server_max_window_bits=14"},
		{both, "permessage-deflate; server_max_window_bits=15", "permessage-deflate; server_max_window_bits=15"},
		{&engine.PerMessageDeflate{ClientContextTakeover: true}, browsers, "permessage-deflate; server_no_context_takeover"},
		{&engine.PerMessageDeflate{ServerContextTakeover: true}, browsers, "permessage-deflate; client_no_context_takeover"},
	}
	for _, bad := range []string{
		"", ",", ";", "permessage-deflat", "deflate-frame", "permessage-deflate;", "permessage-deflate;;client_no_context_takeover",
		"permessage-deflate; server_no_context_takeover=1", "permessage-deflate; client_no_context_takeover=",
		"permessage-deflate; client_no_context_takeover; client_no_context_takeover", "permessage-deflate; server_max_window_bits",
		"permessage-deflate; server_max_window_bits=7", "permessage-deflate; server_max_window_bits=16",
		"permessage-deflate; server_max_window_bits=08", "permessage-deflate; server_max_window_bits=+9",
		"permessage-deflate; server_max_window_bits=99999999999999999999", `permessage-deflate; server_max_window_bits="9`,
		"permessage-deflate; server_max_window_bits=9; server_max_window_bits=9", "permessage-deflate; client_max_window_bits=",
		"permessage-deflate; client_max_window_bits=16", "permessage-deflate; client_max_window_bits; client_max_window_bits",
		"permessage-deflate=1", `"permessage-deflate"`,
	} {
		tests = append(tests, struct {
			opts  *engine.PerMessageDeflate
			offer string
			want  string
		}{both, bad, ""})
	}
	for _, tt := range tests {
		t.Run(tt.offer, func(t *testing.T) {
			t.Parallel()
			h := serve(t, setup{opts: engine.Options{PerMessageDeflate: tt.opts}})
			d := h.deflate("", tt.offer)
			assert.Equal(t, "answer", d.response, tt.want)
			d.send("4x")
			assert.Equal(t, "echo", d.packet(), "4x")
			if tt.want == "" { // then a compressed message is a protocol error
				d.write(autobahn.Text, "4x", 100)
				d.expectClose(1002)
			}
		})
	}
}

// TestDeflateLibrary is a session with a client that is not ours.
func TestDeflateLibrary(t *testing.T) {
	t.Parallel()
	for _, opts := range []engine.PerMessageDeflate{{}, {ServerContextTakeover: true, ClientContextTakeover: true}, {Level: 9, Threshold: -1}} {
		for _, mode := range []websocket.CompressionMode{websocket.CompressionContextTakeover, websocket.CompressionNoContextTakeover} {
			t.Run(fmt.Sprint(opts, mode), func(t *testing.T) {
				both(t, func(t *testing.T, serve starter) {
					h := serve(t, setup{opts: engine.Options{PerMessageDeflate: &opts}})
					ctx := context.Background()
					c, _, err := websocket.Dial(ctx, h.base+"&transport=websocket", &websocket.DialOptions{
						HTTPClient: h.http, CompressionMode: mode, CompressionThreshold: 1,
					})
					assert.NoError(t, err)
					c.SetReadLimit(-1)
					_, _, err = c.Read(ctx)
					assert.NoError(t, err)
					for i, size := range []int{0, 1, 125, 1022, 1023, 1024, 32_000, 33_000, 300_000} {
						for _, typ := range []websocket.MessageType{websocket.MessageText, websocket.MessageBinary} {
							want := "4" + strings.Repeat(fmt.Sprint("text ", i, ", "), size/8)
							assert.NoError(t, c.Write(ctx, typ, []byte(want)))
							got, echo, err := c.Read(ctx)
							assert.NoError(t, err)
							assert.Equal(t, "echo", string(echo) == want && got == typ, true)
						}
					}
					assert.NoError(t, c.Close(websocket.StatusNormalClosure, ""))
					h.ended(engine.ReasonTransportClose)
				})
			})
		}
	}
}

// noise cannot be compressed.
func noise(n int) string {
	random := rand.New(rand.NewPCG(1, 2)) // the same in every run: tests say what it takes
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return string(b)
}

// TestDeflateWhich: which messages are sent compressed.
func TestDeflateWhich(t *testing.T) {
	t.Parallel()
	a := func(n int) engine.Message { return text(strings.Repeat("a", n-1)) }
	tests := []struct {
		name       string
		opts       engine.PerMessageDeflate
		offer      string
		msg        engine.Message
		compressed bool
	}{
		{"below the threshold", engine.PerMessageDeflate{}, browsers, a(1023), false},
		{"at the threshold", engine.PerMessageDeflate{}, browsers, a(1024), true},
		{"another threshold", engine.PerMessageDeflate{Threshold: 20}, browsers, a(20), true},
		{"below that", engine.PerMessageDeflate{Threshold: 20}, browsers, a(19), false},
		{"no threshold", engine.PerMessageDeflate{Threshold: -1}, browsers, a(100), true},
		{"Compress(false)", engine.PerMessageDeflate{}, browsers, a(5000).Compress(false), false},
		{"Compress(true)", engine.PerMessageDeflate{}, browsers, a(5000).Compress(false).Compress(true), true},
		{"binary", engine.PerMessageDeflate{}, browsers, engine.Binary(bytes.Repeat([]byte("b"), 1024)), true},
		{"noise", engine.PerMessageDeflate{}, browsers, engine.Binary([]byte(noise(5000))), false},
		{"long noise", engine.PerMessageDeflate{}, browsers, engine.Binary([]byte(noise(500_000))), false},
		{"noise with takeover", engine.PerMessageDeflate{ServerContextTakeover: true}, browsers, engine.Binary([]byte(noise(5000))), false},
		{"short, and not shorter", engine.PerMessageDeflate{Threshold: -1}, browsers, text("?"), false},
		{"long", engine.PerMessageDeflate{}, browsers, a(900_000), true},
		{"long, with takeover", engine.PerMessageDeflate{ServerContextTakeover: true}, browsers, a(900_000), true},
		{"within a small window", engine.PerMessageDeflate{}, "permessage-deflate; server_max_window_bits=11", a(2048), true},
		{"over a small window", engine.PerMessageDeflate{}, "permessage-deflate; server_max_window_bits=11", a(2049), false},
		{"not agreed", engine.PerMessageDeflate{}, "other", a(5000), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			both(t, func(t *testing.T, serve starter) {
				h := serve(t, setup{opts: engine.Options{PerMessageDeflate: &tt.opts}})
				d := h.deflate("", tt.offer)
				s := <-h.app.sessions
				for n := 1; n <= 2; n++ { // the second time it is known already
					assert.NoError(t, s.Send(text("before"), tt.msg, text("behind")))
					assert.Equal(t, "before", d.packet(), "4before")
					_, got := d.read()
					want := string(tt.msg.Payload())
					assert.Equal(t, "data", strings.TrimPrefix(got, "4") == want, true)
					assert.Equal(t, "compressed frames", d.frames, map[bool]int{true: n}[tt.compressed])
					assert.Equal(t, "behind", d.packet(), "4behind")
				}
				assert.NoError(t, s.Send(text("last")))
				assert.Equal(t, "last", d.packet(), "4last")
			})
		})
	}
}

// TestDeflateTakeover: what a message costs that was sent before.
func TestDeflateTakeover(t *testing.T) {
	t.Parallel()
	msg := text(fmt.Sprintf("%x", noise(2000)))
	for takeover, want := range map[bool]func(first, second int) bool{
		true:  func(first, second int) bool { return second < first/10 },
		false: func(first, second int) bool { return second == first },
	} {
		h := serve(t, setup{opts: engine.Options{PerMessageDeflate: &engine.PerMessageDeflate{ServerContextTakeover: takeover}}})
		d := h.deflate("", browsers)
		s := <-h.app.sessions
		for range 20 { // more than the window holds
			assert.NoError(t, s.Send(msg))
			assert.Equal(t, "data", d.packet() == "4"+string(msg.Payload()), true)
		}
		second := d.last
		assert.Equal(t, "compressed", d.frames, 20)
		d = h.deflate("", browsers)
		s = <-h.app.sessions
		assert.NoError(t, s.Send(msg))
		assert.Equal(t, "data", d.packet() == "4"+string(msg.Payload()), true)
		assert.True(t, fmt.Sprintf("takeover %v: %d bytes, then %d", takeover, d.last, second), want(d.last, second))
	}
}

// TestDeflateUpgrade: what was queued before the upgrade, and what comes after.
func TestDeflateUpgrade(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := serve(t, setup{opts: engine.Options{PerMessageDeflate: new(engine.PerMessageDeflate)}})
		sid := h.open()
		s := <-h.app.sessions
		d := h.deflate("&sid="+sid, browsers)
		d.write(autobahn.Text, "2probe", 3)
		assert.Equal(t, "probe", d.packet(), "3probe")
		h.get(sid)
		assert.NoError(t, s.Send(text(strings.Repeat("queued", 1000))))
		d.write(autobahn.Text, "5", 100)
		assert.Equal(t, "queued", d.packet(), "4"+strings.Repeat("queued", 1000))
		assert.NoError(t, s.Send(text(strings.Repeat("sent", 1000))))
		assert.Equal(t, "sent", d.packet(), "4"+strings.Repeat("sent", 1000))
		assert.Equal(t, "compressed", d.frames, 2)
		d.write(autobahn.Text, "4"+strings.Repeat("echo", 1000), 10)
		assert.Equal(t, "echo", d.packet(), "4"+strings.Repeat("echo", 1000))
	})
}

// TestDeflateBroken: what ends the connection, and with which code.
func TestDeflateBroken(t *testing.T) {
	t.Parallel()
	raw := func(op, rsv byte, payload string) []byte {
		return frames(autobahn.Frame{Op: op, RSV: rsv, Payload: []byte(payload)})
	}
	for name, tt := range map[string]struct {
		wire []byte
		code int
	}{
		"garbage":        {raw(autobahn.Text, 4, "\xff\xff\xff"), 1007},
		"truncated":      {raw(autobahn.Text, 4, "\xf2\x48\xcd"), 1007},
		"not UTF-8":      {raw(autobahn.Text, 4, "\x00\x01\x00\xfe\xff\xff\x00"), 1007},
		"RSV1 on a ping": {raw(autobahn.Ping, 4, ""), 1002},
		"RSV2":           {raw(autobahn.Text, 2, "4x"), 1002},
	} {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, serve starter) {
				h := serve(t, setup{opts: engine.Options{PerMessageDeflate: new(engine.PerMessageDeflate)}})
				d := h.deflate("", browsers)
				d.raw(tt.wire)
				d.expectClose(tt.code)
				h.ended(engine.ReasonTransportError)
			})
		})
	}
}

// TestDeflateBomb: 1 MB that would become 1 GB ends where the limit is, and
// takes no more memory than that.
func TestDeflateBomb(t *testing.T) { //nolint:paralleltest // it looks at the whole heap
	var one bytes.Buffer
	z, _ := flate.NewWriter(&one, flate.BestCompression)
	_, _ = z.Write(make([]byte, 1<<20))
	_ = z.Flush()
	bomb := bytes.Repeat(one.Bytes(), 900_000/one.Len()) // a megabyte each
	wire := frames(autobahn.Frame{Op: autobahn.Binary, RSV: 4, Payload: bytes.TrimSuffix(bomb, []byte("\x00\x00\xff\xff"))})
	h := serve(t, setup{opts: engine.Options{PerMessageDeflate: new(engine.PerMessageDeflate)}})
	d := h.deflate("", browsers)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	go func() { _, _ = d.conn.Write(wire) }()
	d.expectClose(1009)
	runtime.ReadMemStats(&after)
	grown := after.TotalAlloc - before.TotalAlloc
	assert.True(t, fmt.Sprintf("at most 10 MB, got %d", grown), grown < 10<<20)
	h.ended(engine.ReasonTransportError)
}

// TestDeflateBroadcast sends the same messages to many, who take them at their
// own pace, and one by one to others at the same time.
func TestDeflateBroadcast(t *testing.T) {
	t.Parallel()
	for _, opts := range []engine.PerMessageDeflate{{}, {ServerContextTakeover: true, ClientContextTakeover: true}} {
		h := serve(t, setup{opts: engine.Options{PerMessageDeflate: &opts, SendBuffer: -1}})
		const clients, rounds = 10, 20
		var all []*deflating
		var sessions []*engine.Session
		for range clients {
			all = append(all, h.deflate("", browsers))
			sessions = append(sessions, <-h.app.sessions)
		}
		msg := func(i int) string { return strings.Repeat(fmt.Sprint("round ", i, " "), 10+100*(i%4)+5000*(i%7/6)) }
		var wg sync.WaitGroup
		for _, d := range all {
			wg.Go(func() {
				for i := range rounds {
					if got := d.packet(); got != "4"+msg(i) {
						t.Errorf("round %d: got %.50q", i, got)
					}
				}
			})
		}
		for i := range rounds {
			m := text(msg(i))
			for _, s := range sessions {
				assert.NoError(t, s.Send(m))
			}
		}
		wg.Wait()
		for _, d := range all {
			assert.True(t, "messages came compressed", d.frames >= rounds/2)
		}
	}
}

// TestDeflateIdleMemory is what an idle connection costs: with takeover a
// window for each direction.
func TestDeflateIdleMemory(t *testing.T) { //nolint:paralleltest // it looks at the whole heap
	for _, tt := range []struct {
		opts *engine.PerMessageDeflate
		most int64
	}{
		{nil, 4 << 10},
		{new(engine.PerMessageDeflate), 4 << 10},
		{&engine.PerMessageDeflate{ClientContextTakeover: true}, 37 << 10},
		{&engine.PerMessageDeflate{ServerContextTakeover: true}, 37 << 10},
		{&engine.PerMessageDeflate{ServerContextTakeover: true, ClientContextTakeover: true}, 70 << 10},
	} {
		h := serve(t, setup{opts: engine.Options{PingInterval: time.Hour, PerMessageDeflate: tt.opts}})
		heap := func() int64 {
			var m runtime.MemStats
			for range 4 {
				runtime.GC()
			}
			runtime.ReadMemStats(&m)
			return int64(m.HeapAlloc)
		}
		before := heap()
		const n = 20
		clients := make([]*client, n)
		for i := range clients {
			d := h.deflate("", browsers)
			for range 3 {
				if tt.opts == nil {
					d.send("4" + strings.Repeat("x", 20_000))
				} else {
					d.write(autobahn.Text, "4"+strings.Repeat("x", 20_000), 1<<20)
				}
				d.packet()
			}
			d.done()
			clients[i] = d.client
			clients[i].br = nil
		}
		each := (heap() - before) / n
		t.Logf("%+v: %d bytes", tt.opts, each)
		assert.True(t, fmt.Sprintf("%+v: at most %d bytes of heap per session, got %d", tt.opts, tt.most, each), each <= tt.most)
	}
}
