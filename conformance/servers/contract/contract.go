// Package contract is what CONTRACT.md says a conformance server does, once
// for all of them: each main only mounts it behind its framework.
package contract

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	socketio "github.com/gosio/gosio/core"
)

// Contract is the Socket.IO server of the contract and its HTTP endpoints.
type Contract struct {
	IO *socketio.Server

	parents  []*socketio.Namespace
	reasons  *reasons
	shutdown chan struct{} // closed when a client asks for it
	once     sync.Once
}

// New returns a server with every namespace and handler of the contract.
func New(options socketio.Options) *Contract {
	options.PingInterval = time.Second
	options.PingTimeout = 10 * time.Second
	options.HTTPCompression = 1024
	options.GenerateID = generateID
	c := &Contract{
		IO:       socketio.NewServer(&options),
		reasons:  newReasons(),
		shutdown: make(chan struct{}),
	}
	for _, name := range []string{"/", "/chat", "/admin", "/closed", "/stream"} {
		ns := c.IO.Of(name)
		ns.OnDisconnect(func(s *socketio.Socket, reason socketio.Reason) { c.reasons.set(s.ID(), string(reason)) })
		if name == "/stream" {
			stream(ns)
		} else {
			events(ns)
		}
	}
	c.IO.Of("/admin").UseFunc(needToken)
	c.IO.Of("/closed").UseFunc(func(context.Context, *socketio.Socket) error {
		return &socketio.ConnectError{Message: "closed"}
	})
	c.dynamic()
	return c
}

func needToken(_ context.Context, s *socketio.Socket) error {
	var auth struct{ Token string }
	if err := s.Handshake().DecodeAuth(&auth); err == nil && auth.Token == "secret" {
		return nil
	}
	return &socketio.ConnectError{
		Message: "not authorized",
		Data:    map[string]any{"code": "E_AUTH", "need": []string{"token"}},
	}
}

// counter is what a socket's events "count" or "tock" add up to. Handlers of
// one socket run one after another, so it needs no lock.
type counter struct {
	n       int
	ordered bool
}

var counterKey = socketio.NewKey[*counter]("counter")

func (c *counter) add(i int) {
	c.ordered = c.ordered && i == c.n
	c.n++
}

func newCounter(s *socketio.Socket) { counterKey.Set(s, &counter{ordered: true}) }

func events(ns *socketio.Namespace) {
	ns.OnConnect(newCounter)
	ns.OnConnect(ownRoom)
	ns.UseEvent(mayCount)
	utilities(ns)
	ns.On("message", func(s *socketio.Socket, args ...any) error { return s.Emit("message", args...) })
	ns.On("plain", func(s *socketio.Socket, args ...any) error { return s.Compress(false).Emit("plain", args...) })
	ns.On("echo", func(s *socketio.Socket, args ...any) error { return s.Emit("echo", args...) })
	ns.On("echo-ack", func(a, b, c *any, ack socketio.Ack) error { return ack(Given(a, b, c)...) })
	ns.On("slow", func(ms int, ack socketio.Ack) {
		time.AfterFunc(time.Duration(ms)*time.Millisecond, func() { _ = ack("done") }) // or the client is gone
	})
	ns.On("ask", ask)
	ns.On("ask-room", askRoom)
	ns.On("size", func(s *socketio.Socket, data any) error { return s.Emit("size", size(data)) })
	ns.On("binary", func(args ...any) weight { return weigh(args) })
	ns.On("blob", blob)
	ns.On("whoami", whoami)
	ns.On("join", func(s *socketio.Socket, room string) (bool, error) { return true, s.Join(room) })
	ns.On("leave", func(s *socketio.Socket, room string) bool { s.Leave(room); return true })
	ns.On("rooms", func(s *socketio.Socket) []string {
		rooms := slices.DeleteFunc(slices.Clone(s.Rooms()), func(room string) bool { return room == s.ID() })
		slices.Sort(rooms)
		return rooms
	})
	ns.On("say", say)
	count := func(s *socketio.Socket, i int) {
		c, _ := counterKey.Get(s)
		c.add(i)
	}
	ns.On("count", count)
	ns.On("count-if", count)
	ns.On("counted", func(s *socketio.Socket) map[string]any {
		c, _ := counterKey.Get(s)
		return map[string]any{"count": c.n, "ordered": c.ordered}
	})
	ns.On("kick", func(s *socketio.Socket, whole bool) { s.Disconnect(whole) })
}

// Given returns the arguments that a client has given, of optional ones.
func Given(args ...*any) []any {
	given := []any{}
	for _, arg := range args {
		if arg == nil {
			break
		}
		given = append(given, *arg)
	}
	return given
}

func ask(ctx context.Context, s *socketio.Socket, question any, ms int) (map[string]any, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(ms)*time.Millisecond)
	defer cancel()
	answer, err := socketio.Call[any](ctx, s, "question", question)
	if errors.Is(err, context.DeadlineExceeded) {
		return map[string]any{"error": "timeout"}, nil
	}
	return map[string]any{"answer": answer}, err
}

func askRoom(ctx context.Context, s *socketio.Socket, room string, question any, ms int) (map[string]any, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(ms)*time.Millisecond)
	defer cancel()
	answers, err := socketio.CallAll[any](ctx, s.Namespace().To(room), "question", question)
	missing := errors.Is(err, context.DeadlineExceeded)
	if missing {
		err = nil
	}
	return map[string]any{"answers": answers, "missing": missing}, err
}

func blob(s *socketio.Socket, n int) error {
	of := func(value byte) []byte { return slices.Repeat([]byte{value}, n) }
	parts := []any{of(1), map[string]any{"deep": of(2)}}
	return s.Emit("blob", map[string]any{"name": "blob", "parts": parts}, of(3))
}

func whoami(s *socketio.Socket) map[string]any {
	return map[string]any{"id": s.ID(), "namespace": s.Namespace().Name(), "auth": Auth(s)}
}

// Auth is what a socket's client sent as auth; nothing is an empty object.
func Auth(s *socketio.Socket) json.RawMessage {
	if auth := s.Handshake().Auth; auth != nil {
		return auth
	}
	return json.RawMessage("{}")
}

// audience says who is to hear something.
type audience struct {
	From       string
	To, Except []string
}

func say(s *socketio.Socket, a audience, text string) (bool, error) {
	source := s.Namespace().Except(a.Except...)
	if a.From == "socket" {
		source = s.Except(a.Except...)
	}
	if len(a.To) > 0 { // no room would be nobody
		source = source.To(a.To...)
	}
	return true, source.Emit("said", text)
}

func size(data any) int {
	switch data := data.(type) {
	case string:
		return len(data)
	case []byte:
		return len(data)
	}
	return -1
}

// weight is how much binary there is in arguments.
type weight struct {
	Buffers int `json:"buffers"`
	Bytes   int `json:"bytes"`
}

func weigh(value any) (sum weight) {
	add := func(part any) {
		w := weigh(part)
		sum.Buffers += w.Buffers
		sum.Bytes += w.Bytes
	}
	switch value := value.(type) {
	case []byte:
		return weight{1, len(value)}
	case []any:
		for _, part := range value {
			add(part)
		}
	case map[string]any:
		for _, part := range value {
			add(part)
		}
	}
	return sum
}
