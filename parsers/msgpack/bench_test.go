package msgpack_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/parser"
	"github.com/gosio/gosio/parsers/msgpack"
)

// wire is a WebSocket client that allocates nothing: what is reported is the
// server's.
type wire struct {
	net.Conn
	r *bufio.Reader
}

// frame is a client's frame, masked with zeros.
func frame(message []byte, bin bool) []byte {
	b := []byte{0x81}
	if bin {
		b[0] = 0x82
	}
	if len(message) < 126 {
		b = append(b, 0x80|byte(len(message)))
	} else {
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(len(message)))
	}
	return append(append(b, 0, 0, 0, 0), message...)
}

// skip reads n frames and returns the bytes that they have carried.
func (w *wire) skip(tb testing.TB, n int) (total int) {
	for range n {
		head, err := w.r.Peek(4)
		if err != nil {
			tb.Fatal(err)
		}
		size, start := int(head[1]), 2
		if size == 126 {
			size, start = int(binary.BigEndian.Uint16(head[2:])), 4
		}
		if _, err := w.r.Discard(start + size); err != nil {
			tb.Fatal(err)
		}
		total += size
	}
	return total
}

func (w *wire) send(tb testing.TB, frames []byte) {
	if _, err := w.Write(frames); err != nil {
		tb.Fatal(err)
	}
}

// connect joins "/" of a server with that parser.
func connect(b *testing.B, srv *socketio.Server, bin bool) *wire {
	b.Helper()
	ts := httptest.NewServer(srv)
	host := strings.TrimPrefix(ts.URL, "http://")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = conn.Close()
		srv.Close()
		ts.Close()
	})
	w := &wire{conn, bufio.NewReaderSize(conn, 64<<10)}
	if _, err := io.WriteString(conn, "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: "+host+"\r\nUpgrade: websocket\r\n"+
		"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"); err != nil {
		b.Fatal(err)
	}
	if _, err := http.ReadResponse(w.r, nil); err != nil {
		b.Fatal(err)
	}
	w.skip(b, 1) // open
	w.send(b, frames(b, "0", nil, bin))
	w.skip(b, 1)
	return w
}

// frames are a packet as clients send it.
func frames(b *testing.B, text string, attachments [][]byte, bin bool) []byte {
	b.Helper()
	if !bin {
		out := frame([]byte("4"+text), false)
		for _, a := range attachments {
			out = append(out, frame(a, true)...)
		}
		return out
	}
	p := packet(b, text, attachments)
	return frame(encode(b, &p), true)
}

var shapes = []struct {
	name, text  string
	attachments [][]byte
}{
	{"chat", `2["message","hello world"]`, nil},
	{"object", `2["move",{"id":12345,"x":1.5,"y":-20.25,"name":"player one","tags":["a","b"],"alive":true}]`, nil},
	{"numbers", `2["points",[` + strings.TrimSuffix(strings.Repeat("1,200,70000,1.25,", 64), ",") + `]]`, nil},
	{"fractions", `2["points",[` + strings.TrimSuffix(strings.Repeat("52.520008,13.404954,", 128), ",") + `]]`, nil},
	{"bytes", `51-["blob",{"_placeholder":true,"num":0}]`, [][]byte{bytes.Repeat([]byte{1, 2, 3, 4}, 256)}},
}

// BenchmarkEcho is one event in and the same out again, by both parsers. The
// metrics are the bytes of the messages on the wire, without WebSocket's headers.
func BenchmarkEcho(b *testing.B) {
	for _, s := range shapes {
		for _, bin := range []bool{false, true} {
			name, o := s.name+"/standard", socketio.Options{}
			if bin {
				name, o.Parser = s.name+"/msgpack", msgpack.Parser{}
			}
			b.Run(name, func(b *testing.B) {
				srv := socketio.NewServer(&o)
				p := packet(b, s.text, s.attachments)
				if s.attachments != nil {
					srv.On(p.Event(), func(s *socketio.Socket, v []byte) { _ = s.Emit("e", v) })
				} else {
					srv.On(p.Event(), func(s *socketio.Socket, v raw) { _ = s.Emit("e", v) })
				}
				w := connect(b, srv, bin)
				in, out := frames(b, s.text, s.attachments, bin), 1
				if !bin {
					out += len(s.attachments)
				}
				down := 0
				b.ReportAllocs()
				for b.Loop() {
					w.send(b, in)
					down = w.skip(b, out)
				}
				b.ReportMetric(float64(down), "wire-B")
			})
		}
	}
}

// raw is what a handler takes that passes an argument on.
type raw []byte

func (r raw) MarshalJSON() ([]byte, error) { return r, nil }
func (r *raw) UnmarshalJSON(b []byte) error {
	*r = append((*r)[:0], b...)
	return nil
}

// BenchmarkCodec is a packet's way through both parsers alone.
func BenchmarkCodec(b *testing.B) {
	for _, s := range shapes {
		p := packet(b, s.text, s.attachments)
		message := encode(b, &p)
		text := p.Append(nil)
		b.Run(s.name+"/standard/decode", func(b *testing.B) {
			var d parser.Decoder
			b.ReportAllocs()
			for b.Loop() {
				_, done, err := d.Text(text)
				for _, a := range s.attachments {
					_, done, err = d.Binary(a)
				}
				if !done || err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(s.name+"/msgpack/decode", func(b *testing.B) {
			d := msgpack.Parser{}.NewDecoder(nil)
			b.ReportAllocs()
			for b.Loop() {
				p, _, err := d.Decode(message, true)
				if err == nil {
					err = p.Check(nil)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(s.name+"/msgpack/encode", func(b *testing.B) {
			size := 0
			add := func(m []byte, _ bool) { size += len(m) }
			b.ReportAllocs()
			for b.Loop() {
				if err := (msgpack.Parser{}).Encode(&p, add); err != nil {
					b.Fatal(err)
				}
			}
			if size == 0 {
				b.Fatal("nothing was encoded")
			}
		})
	}
}

// TestAllocations guards what a packet costs: decoding it allocates nothing but
// its attachments and what is too large to be kept, and encoding it nothing:
// least of all for each value.
func TestAllocations(t *testing.T) { //nolint:paralleltest // counts allocations
	for _, s := range shapes {
		p := packet(t, s.text, s.attachments)
		message := encode(t, &p)
		d := msgpack.Parser{}.NewDecoder(nil)
		decoding := testing.AllocsPerRun(100, func() {
			if _, _, err := d.Decode(message, true); err != nil {
				t.Fatal(err)
			}
		})
		encoding := testing.AllocsPerRun(100, func() {
			if err := (msgpack.Parser{}).Encode(&p, func([]byte, bool) {}); err != nil {
				t.Fatal(err)
			}
		})
		most := 0.0
		switch s.name {
		case "bytes":
			most = 2 // the list, and what is in it
		case "numbers", "fractions":
			most = 6 // a buffer that grows, and is too large to be kept
		}
		if decoding > most || encoding > 8 { // a pool drops some of what it is given under the race detector
			t.Errorf("%s: %.0f allocations to decode, %.0f to encode", s.name, decoding, encoding)
		}
	}
}
