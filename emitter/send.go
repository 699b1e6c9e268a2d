package emitter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gosio/gosio/core/parser"
	"github.com/gosio/gosio/internal/clusterwire"
)

// Defaults of the options.
const (
	DefaultTimeout = 5 * time.Second
	DefaultMaxSize = 8 << 20
)

// maxRooms is how many rooms servers take in one message.
const maxRooms = 100_000

// Errors that are the caller's to mend. They come wrapped: use errors.Is.
var (
	// ErrTooLarge: the message is larger than MaxSize of the constructor's options.
	ErrTooLarge = errors.New("message is larger than MaxSize of the emitter's options: send less, or say where the clients find it")
	// ErrTooManyRooms: more than 100,000 rooms in one call.
	ErrTooManyRooms = errors.New("more than 100,000 rooms in one call: put the sockets into one room first")
	// ErrNamespace: there is a comma in the name that Of was called with.
	ErrNamespace = errors.New("no server has a namespace with a comma in its name: mend what Of is called with")
)

// link is how messages of one form get to Redis.
type link struct {
	timeout time.Duration // negative: none
	maxSize int           // negative: none
	encode  func(m *clusterwire.Message) (parcel, error)
	send    func(ctx context.Context, p parcel) error
}

// parcel is an encoded message and where it goes.
type parcel struct {
	address string // channel or stream
	payload []byte
	entry   *clusterwire.Entry // in the place of a payload
}

func (p *parcel) size() int {
	if p.entry != nil {
		return len(p.entry.Data)
	}
	return len(p.payload)
}

// options are what all constructors have in common.
func options(timeout time.Duration, maxSize int) link {
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	if maxSize == 0 {
		maxSize = DefaultMaxSize
	}
	return link{timeout: timeout, maxSize: maxSize}
}

// Emit sends an event to each of the sockets once. It fails when the arguments
// cannot be encoded, are more than clients take (10 times []byte), or make a
// message that is too large; and when Redis does not take it in time.
//
// Arguments are what a server's Emit takes: []byte travels as bytes, everything
// else as encoding/json writes it.
func (b Broadcast) Emit(event string, args ...any) error {
	packet, err := encodeEvent(event, args)
	if err != nil || b.nobody() {
		return emitError(event, err)
	}
	return emitError(event, b.e.send(&clusterwire.Message{Type: clusterwire.Broadcast, Target: b.target(), Packet: packet}))
}

// ServerSideEmit sends an event to the servers themselves: to the handlers of
// OnServerSide in Go, and of the namespace's own "on" in Node. It fails like
// [Broadcast.Emit].
func (e *Emitter) ServerSideEmit(event string, args ...any) error {
	packet, err := encodeEvent(event, args)
	if err != nil {
		return emitError(event, err)
	}
	return emitError(event, e.send(&clusterwire.Message{Type: clusterwire.ServerSide, Packet: packet}))
}

// SocketsJoin puts the sockets into the rooms.
func (b Broadcast) SocketsJoin(rooms ...string) error {
	return b.move(clusterwire.Join, "join", rooms)
}

// SocketsLeave takes the sockets out of the rooms.
func (b Broadcast) SocketsLeave(rooms ...string) error {
	return b.move(clusterwire.Leave, "leave", rooms)
}

func (b Broadcast) move(t clusterwire.Type, verb string, rooms []string) error {
	if b.nobody() || len(rooms) == 0 {
		return nil
	}
	return doError("have sockets "+verb+" rooms", b.e.send(&clusterwire.Message{Type: t, Target: b.target(), Rooms: rooms}))
}

// DisconnectSockets disconnects the sockets from the namespace, with closeConn
// their whole connections.
func (b Broadcast) DisconnectSockets(closeConn bool) error {
	if b.nobody() {
		return nil
	}
	return doError("disconnect sockets", b.e.send(&clusterwire.Message{Type: clusterwire.Disconnect, Target: b.target(), Close: closeConn}))
}

func (b *Broadcast) target() clusterwire.Target {
	return clusterwire.Target{Rooms: b.rooms, Except: b.except, Volatile: b.volatile, NoCompress: b.plain, Newest: b.newest, Key: b.key}
}

// encodeEvent encodes an event's name and arguments.
func encodeEvent(event string, args []any) (clusterwire.Packet, error) {
	text, attachments, err := parser.AppendEvent(nil, parser.DefaultNamespace, 0, false, event, args)
	if err != nil {
		return clusterwire.Packet{}, err
	}
	return clusterwire.Packet{Data: text[bytes.IndexByte(text, '['):], Attachments: attachments}, nil
}

// send encodes a message and waits until Redis has it.
func (e *Emitter) send(m *clusterwire.Message) error {
	if strings.ContainsRune(e.namespace, ',') {
		return ErrNamespace
	}
	if len(m.Rooms) > maxRooms || len(m.Target.Rooms) > maxRooms || len(m.Target.Except) > maxRooms {
		return ErrTooManyRooms
	}
	m.UID, m.Namespace = clusterwire.Emitter, e.namespace
	p, err := e.link.encode(m)
	if err != nil {
		return err
	}
	if e.link.maxSize > 0 && p.size() > e.link.maxSize {
		return ErrTooLarge
	}
	ctx, cancel := e.within(e.link.timeout)
	defer cancel()
	if ctx.Err() != nil { // not every client library looks: a pipeline only queues
		return ended(ctx, nil)
	}
	if err = e.link.send(ctx, p); err != nil {
		return fmt.Errorf("redis: %w", ended(ctx, err))
	}
	return nil
}

// ended adds to an error, which may be nil, that the context has ended, and why.
func ended(ctx context.Context, err error) error {
	if at, ok := ctx.Deadline(); ok && !time.Now().Before(at) {
		<-ctx.Done() // connections have the same deadline, and may notice first
	}
	if ctx.Err() == nil {
		return err
	}
	for _, why := range []error{ctx.Err(), context.Cause(ctx)} {
		switch {
		case err == nil:
			err = why
		case !errors.Is(err, why):
			err = fmt.Errorf("%w: %w", err, why)
		}
	}
	return err
}

// maxText is how many bytes of an event's name are in an error.
const maxText = 100

// emitError says which event was not sent. It returns nil for nil.
func emitError(event string, err error) error {
	if err == nil {
		return nil
	}
	if len(event) > maxText {
		n := maxText
		for n > 0 && !utf8.RuneStart(event[n]) {
			n--
		}
		event = event[:n] + "…"
	}
	return fmt.Errorf("emitter: cannot emit %q: %w", event, err)
}

func doError(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("emitter: cannot %s: %w", what, err)
}
