package socketio_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/parser"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// standard is the standard form behind the seam: clients see no difference.
type standard struct{}

func (standard) NewDecoder(limits *parser.Limits) socketio.Decoder {
	return &standardDecoder{parser.Decoder{Limits: limits}}
}

func (standard) Encode(p *parser.Packet, add func(message []byte, binary bool)) error {
	add(p.Append(nil), false)
	for _, a := range p.Attachments {
		add(a, true)
	}
	return nil
}

type standardDecoder struct{ d parser.Decoder }

func (s *standardDecoder) Decode(message []byte, binary bool) (parser.Packet, bool, error) {
	if binary {
		return s.d.Binary(message)
	}
	return s.d.Text(message)
}

// underParser is the test whose servers all have a parser, see newApp.
const underParser = "TestParserChangesNothing/"

// TestParserChangesNothing: what holds of a server holds with Options.Parser.
func TestParserChangesNothing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(*testing.T){
		"Ack": TestAck, "Call": TestCall, "Backlog": TestBacklog, "TypedEvents": TestTypedEvents,
		"OnAny": TestOnAny, "EmitWithAckOrder": TestEmitWithAckOrder, "EmitWithAckTargets": TestEmitWithAckTargets,
		"EmitWithAckVolatile": TestEmitWithAckVolatile, "Reasons": TestReasons, "Shapes": TestShapes,
		"AttachmentTimeout": TestAttachmentTimeout, "AttachmentsBehindBacklog": TestAttachmentsBehindBacklog,
		"Shutdown": TestShutdown, "Handshake": TestHandshake, "Hostile": TestHostile, "BeforeJoining": TestBeforeJoining,
		"Limits": TestLimits, "EmitErrors": TestEmitErrors, "SlowConsumer": TestSlowConsumer, "Binary": TestBinary,
		"Middleware": TestMiddleware, "RefusedEvents": TestRefusedEvents, "Compress": TestCompress,
		"CompressCall": TestCompressCall, "Namespaces": TestNamespaces, "WireOrder": TestWireOrder, "Rejoin": TestRejoin,
		"Parents": TestParents, "Recovery": TestRecovery, "RecoveryNot": TestRecoveryNot, "RecoveryFirst": TestRecoveryFirst,
		"RecoverySlow": TestRecoverySlow, "RecoveryOffset": TestRecoveryOffset, "RecoveryTwice": TestRecoveryTwice,
		"Rooms": TestRooms, "Broadcast": TestBroadcast, "Modifiers": TestModifiers, "Volatile": TestVolatile,
		"Welcome": TestWelcome, "WelcomeOverflow": TestWelcomeOverflow,
	} {
		t.Run(name, test)
	}
}

// faulty is a parser that has its faults.
type faulty struct {
	decode func(message []byte) (parser.Packet, bool, error)
}

var errUnspeakable = errors.New("unspeakable")

func (faulty) Encode(p *parser.Packet, add func(message []byte, binary bool)) error {
	switch p.Event() {
	case "no":
		return errUnspeakable
	case "nothing":
		return nil
	case "panic":
		panic("at the disco")
	}
	return standard{}.Encode(p, add)
}

func (b faulty) NewDecoder(limits *parser.Limits) socketio.Decoder {
	return &faultyDecoder{standard{}.NewDecoder(limits), b.decode}
}

type faultyDecoder struct {
	socketio.Decoder
	decode func(message []byte) (parser.Packet, bool, error)
}

func (d *faultyDecoder) Decode(message []byte, binary bool) (parser.Packet, bool, error) {
	if string(message) == "!" {
		return d.decode(message)
	}
	return d.Decoder.Decode(message, binary)
}

// TestParserThatCannotEncode: the error is that of Emit, and nothing is sent.
func TestParserThatCannotEncode(t *testing.T) {
	for _, recovery := range []*socketio.Recovery{nil, {}} {
		t.Run(fmt.Sprint(recovery != nil), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := newApp(t, socketio.Options{Parser: faulty{}, Recovery: recovery})
				c := a.dial(t)
				s := a.socket(t, c)
				for _, e := range []socketio.Emitter{s, a.Server, a.To(s.ID()), a.Volatile(), s.Volatile()} {
					assert.ErrorIs(t, e.Emit("no"), errUnspeakable)
					assert.True(t, "no message is an error", e.Emit("nothing") != nil)
				}
				assert.True(t, "a panic is an error", a.Emit("panic") != nil)
				a.log.one(t, "at the disco")
				_, err := s.EmitWithAck(t.Context(), "no")
				assert.ErrorIs(t, err, errUnspeakable)
				_, err = a.EmitWithAck(t.Context(), "no")
				assert.True(t, "a call of many fails", err != nil)
				assert.NoError(t, a.Emit("yes", 1))
				var n int
				c.Expect("yes", &n)
				c.ExpectIdle()
			})
		})
	}
}

// TestDecoderThatErrs: whatever a decoder returns, it is a matter of its own
// connection.
func TestDecoderThatErrs(t *testing.T) {
	packet := func(p parser.Packet) func([]byte) (parser.Packet, bool, error) {
		return func([]byte) (parser.Packet, bool, error) { return p, true, nil }
	}
	event := parser.Packet{Type: parser.Event, Namespace: "/", Data: []byte(`["e"]`)}
	with := func(change func(p *parser.Packet)) func([]byte) (parser.Packet, bool, error) {
		p := event
		change(&p)
		return packet(p)
	}
	for name, decode := range map[string]func([]byte) (parser.Packet, bool, error){
		"an error":      func([]byte) (parser.Packet, bool, error) { return event, true, errUnspeakable },
		"a nil pointer": func([]byte) (parser.Packet, bool, error) { return event, true, (*badError)(nil) },
		"a broken Is":   func([]byte) (parser.Packet, bool, error) { return event, true, &badError{is: func() { panic("Is") }} },
		"a broken As":   func([]byte) (parser.Packet, bool, error) { return event, true, &badError{as: func() { panic("As") }} },
		"a broken Unwrap": func([]byte) (parser.Packet, bool, error) {
			return event, true, &badError{unwrap: func() { panic("Unwrap") }}
		},
		"a panic":          func([]byte) (parser.Packet, bool, error) { panic("at the disco") },
		"nothing":          packet(parser.Packet{}),
		"type":             with(func(p *parser.Packet) { p.Type = 9 }),
		"namespace":        with(func(p *parser.Packet) { p.Namespace = "a" }),
		"comma":            with(func(p *parser.Packet) { p.Namespace = "/a,b" }),
		"no namespace":     with(func(p *parser.Packet) { p.Namespace = "" }),
		"long namespace":   with(func(p *parser.Packet) { p.Namespace = "/" + strings.Repeat("a", 600) }),
		"namespace's text": with(func(p *parser.Packet) { p.Namespace = "/\xff" }),
		"id":               with(func(p *parser.Packet) { p.ID, p.HasID = 1<<53, true }),
		"no data":          with(func(p *parser.Packet) { p.Data = nil }),
		"empty data":       with(func(p *parser.Packet) { p.Data = []byte{} }),
		"no JSON":          with(func(p *parser.Packet) { p.Data = []byte(`["e",`) }),
		"no UTF-8":         with(func(p *parser.Packet) { p.Data = []byte("[\"e\xff\"]") }),
		"deep": with(func(p *parser.Packet) {
			p.Data = []byte(`["e",` + strings.Repeat("[", 128) + strings.Repeat("]", 128) + `]`)
		}),
		"reserved":    with(func(p *parser.Packet) { p.Data = []byte(`["disconnect"]`) }),
		"binary type": with(func(p *parser.Packet) { p.Type = parser.BinaryEvent }),
		"plain type":  with(func(p *parser.Packet) { p.Attachments = [][]byte{{}} }),
		"placeholder": with(func(p *parser.Packet) {
			p.Type, p.Attachments, p.Data = parser.BinaryEvent, [][]byte{{}}, []byte(`["e",{"_placeholder":true,"num":1}]`)
		}),
		"attachments": with(func(p *parser.Packet) { p.Type, p.Attachments = parser.BinaryEvent, make([][]byte, 11) }),
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := newApp(t, socketio.Options{Parser: faulty{decode: decode}})
				a.On("e", func() { t.Error("handled") })
				a.On("ping", func() string { return "pong" })
				reasons := make(chan socketio.Reason, 2)
				a.OnDisconnect(func(_ *socketio.Socket, r socketio.Reason) { reasons <- r })
				bystander, c := a.dial(t), a.dial(t)
				_ = c.Conn().Send("4!")
				select {
				case r := <-reasons:
					assert.Equal(t, "reason", r, socketio.ReasonForcedClose)
				case <-time.After(time.Minute):
					t.Fatal("the client is still connected")
				}
				c.ExpectDisconnect(siotest.TransportClose)
				assert.Equal(t, "bystander", bystander.Call("ping").String(), `["pong"]`)
				synctest.Wait()
				lines := a.log.take()
				want := 1
				if name == "a panic" {
					want = 2
				}
				assert.Equal(t, "log lines", len(lines), want)
			})
		})
	}
}

// TestParserOrEIO3: the two options exclude each other.
func TestParserOrEIO3(t *testing.T) {
	t.Parallel()
	got := panicText(func() {
		socketio.NewServer(&socketio.Options{Parser: faulty{}, AllowEIO3: true})
	})
	assert.True(t, got, strings.HasPrefix(got, "socketio: Options.Parser and Options.AllowEIO3 exclude each other"))
}

// decoderless makes no decoder.
type decoderless struct{ faulty }

func (decoderless) NewDecoder(*parser.Limits) socketio.Decoder { return nil }

// TestNoDecoder: a connection without a decoder ends; the standard form is not
// taken for that of the parser.
func TestNoDecoder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := socketio.NewServer(&socketio.Options{Parser: decoderless{}})
		defer srv.Close()
		srv.OnConnect(func(*socketio.Socket) { t.Error("connected") })
		c := siotest.Open(t, srv, siotest.Options{})
		assert.NoError(t, c.Send("40"))
		c.ExpectClosed()
	})
}
