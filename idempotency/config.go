package idempotency

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/loglimit"
	"github.com/gosio/gosio/internal/subnet"
)

// Config configures [New]. The zero value of each field but Key means its documented
// default.
type Config struct {
	// Key finds the name that the client has given to an event, of at most 256 bytes: the
	// same whenever it sends the event again, and another one for each other event; a
	// random UUID is best. "" handles the event as without this package. [Field] and
	// [Arg] are ready ones. It runs on the socket's dispatcher. Required.
	Key func(in *socketio.Incoming) string
	// Events are the names of the events that it is for. Default: all.
	Events []string
	// Scope says whose event it is: the keys of one scope are nobody else's, so that no
	// client can take the key of another, or read its acknowledgement. Default: the
	// identity; of a socket without one the address, so a client that moves from one
	// network to another has another scope then.
	Scope func(in *socketio.Incoming) string

	// Keep is how long an acknowledgement is kept. Default: 1 h.
	Keep time.Duration
	// Lease is how long a handler may take. After that another server handles the event
	// if it comes once more, as the first one may be gone. On the same server the event
	// is not handled twice at a time: while its handler runs one that comes once more
	// waits, for Lease at most, and is then not acknowledged. So bound handlers that may
	// hang. It is also how long an event waits for its acknowledgement when the handler
	// has returned; then any server handles it if it comes once more. Default: 1 min.
	Lease time.Duration
	// MaxAck bounds, in bytes, an acknowledgement that is kept; one that is larger is
	// sent, and the log says so: the event is handled again if it comes again. Default:
	// 64 KB.
	MaxAck int

	// Store is where acknowledgements are kept. Default: NewMemory(MemoryOptions{}).
	Store Store
	// StoreTimeout bounds the wait for the store. A question that fails, or is one of
	// more than 1,000 that wait, is a failure for its event alone. After three failures
	// in a row the store is asked again after a second. Default: 1 s.
	StoreTimeout time.Duration
	// HandleAnyway handles events while the store fails, so that they may be handled
	// twice. Default: they are not handled, and not acknowledged; a client with retries
	// sends them again.
	HandleAnyway bool

	// OnRepeat hears of each event that was not handled because it has been before, on
	// the socket's dispatcher.
	OnRepeat func(in *socketio.Incoming)
	// Logger hears of failures of the store. Default: warnings go to slog.Default().
	Logger *slog.Logger
}

// Field is the key in a field, a string, of an event's first argument, an object.
func Field(name string) func(in *socketio.Incoming) string {
	return func(in *socketio.Incoming) (key string) {
		var object map[string]json.RawMessage
		if in.Arg(0, &object) != nil || json.Unmarshal(object[name], &key) != nil {
			return ""
		}
		return key
	}
}

// Arg is the key in the argument, a string, that has i others before it.
func Arg(i int) func(in *socketio.Incoming) string {
	return func(in *socketio.Incoming) (key string) {
		if in.Arg(i, &key) != nil {
			return ""
		}
		return key
	}
}

func (c Config) withDefaults() Config {
	if c.Key == nil {
		panic("idempotency: Config.Key is needed: idempotency.Field(\"key\"), for instance")
	}
	if c.Keep < 0 || c.Lease < 0 || c.MaxAck < 0 || c.StoreTimeout < 0 {
		panic("idempotency: Keep, Lease, MaxAck and StoreTimeout are not negative")
	}
	c.Events = slices.Clone(c.Events)
	if c.Scope == nil {
		c.Scope = scopeOf
	}
	if c.Keep == 0 {
		c.Keep = time.Hour
	}
	if c.Lease == 0 {
		c.Lease = time.Minute
	}
	if c.MaxAck == 0 {
		c.MaxAck = 64 << 10
	}
	if c.Store == nil {
		c.Store = NewMemory(MemoryOptions{})
	}
	if c.StoreTimeout == 0 {
		c.StoreTimeout = time.Second
	}
	if c.Logger == nil {
		c.Logger = loglimit.Default()
	}
	return c
}

func scopeOf(in *socketio.Incoming) string {
	if id := in.Socket.Identity(); id != "" {
		return "user " + id
	}
	return "address " + subnet.Of(in.Socket.Handshake().Address)
}

// idOf names an event for a store: a name says nothing of what it is made of.
func idOf(in *socketio.Incoming, scope, key string) ID {
	ns := in.Socket.Namespace().Name()
	return ID{Key: hash(scope, ns, in.Event, key), Scope: hash(scope)}
}

// hash is of texts that may hold any characters.
func hash(texts ...string) string {
	h := sha256.New()
	for _, text := range texts {
		_, _ = io.WriteString(h, strconv.Itoa(len(text))+":"+text)
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// contentOf is what an event says, without its binary values.
func contentOf(in *socketio.Incoming) string {
	texts := make([]string, in.Len())
	for i := range texts {
		var raw json.RawMessage
		_ = in.Arg(i, &raw) // what does not decode is the same each time
		texts[i] = string(raw)
	}
	return hash(texts...)
}

func newToken() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand
	return base64.RawURLEncoding.EncodeToString(b[:])
}
