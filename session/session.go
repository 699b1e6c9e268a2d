package session

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	socketio "github.com/gosio/gosio/core"
)

// Session is a session as it was when it was loaded. It must not be changed.
type Session struct {
	// ID is the session's key in its store. Whoever knows the id can use the session:
	// keep it out of logs and events.
	ID string
	// Ref is what the provider needs besides ID to load the session again, or empty.
	// After the session was renewed Ref is empty.
	Ref string
	// Values are the values that the application has stored.
	Values map[string]any
	// ExpiresAt is the time at which the session ends unless it is extended. Zero: not
	// known.
	ExpiresAt time.Time
}

// String returns the value if it is a string, otherwise the empty string.
func (v *Session) String(key string) string {
	s, _ := v.Values[key].(string)
	return s
}

// LogValue implements slog.LogValuer: a part of a hash, which opens nothing.
func (v *Session) LogValue() slog.Value {
	if v == nil {
		return slog.StringValue("")
	}
	return slog.StringValue(hash(v.ID)[:8])
}

// hash returns what identifies a session outside of its store, in place of its id.
func hash(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:16])
}

// Provider loads sessions from a store. A provider may also implement [Reloader],
// [Toucher], [Updater] and [Destroyer]. Its methods are called concurrently and
// must return when ctx ends. An error that is neither [ErrMissing] nor [ErrInvalid]
// means that the store could not be asked: new clients are refused with
// [ErrUnavailable], and live sockets stay until their session expires.
type Provider interface {
	// Load returns the session whose cookie the request has.
	Load(ctx context.Context, r *http.Request) (*Session, error)
}

// Reloader is implemented by providers that can look a session up again.
type Reloader interface {
	// Reload returns the session as it is now, or ErrMissing.
	Reload(ctx context.Context, s *Session) (*Session, error)
}

// Toucher is implemented by providers whose sessions live on by being used.
type Toucher interface {
	// Touch extends the session by the session's own time to live, and never
	// shortens the session's life; where the store does not tell that time, Touch
	// only looks whether the session is there. It must not bring back a session
	// that is gone: where the store has no transactions, [Sessions] deletes what
	// a touch has saved during a logout.
	Touch(ctx context.Context, s *Session) error
}

// Updater is implemented by providers that can change a session without the
// request and the response of an HTTP handler.
type Updater interface {
	// Update loads the session, lets change alter its values and saves them,
	// unless change returns an error, which it returns. ErrMissing if the
	// session is gone. It does not shorten the session's life if it can avoid that.
	Update(ctx context.Context, s *Session, change func(values map[string]any) error) error
}

// Destroyer is implemented by providers that can delete a session.
type Destroyer interface {
	// Destroy deletes the session with that id. That there is none is no error.
	Destroy(ctx context.Context, id string) error
}

// Code says why a client is refused or ended. The codes are stable.
type Code string

// The codes, and what a front end does about them.
const (
	// CodeMissing: there is no cookie, or no session with it. Show the login.
	CodeMissing Code = "session_missing"
	// CodeInvalid: the cookie was tampered with, or belongs to no session.
	CodeInvalid Code = "session_invalid"
	// CodeEnded: the session was logged out, or has expired. Show the login.
	CodeEnded Code = "session_ended"
	// CodeForbidden: Config.Require does not agree.
	CodeForbidden Code = "forbidden"
	// CodeUnavailable: the store cannot be asked just now. Try again later.
	CodeUnavailable Code = "session_unavailable"
)

// Error is a refusal as clients get it: err.data of the stock client's
// connect_error, error.data of a failed acknowledgement, and the argument of
// Config.EndedEvent.
type Error struct {
	Code      Code   `json:"code"`
	Message   string `json:"message"`
	Retryable bool   `json:"retryable"`
}

// Error implements error.
func (e *Error) Error() string { return "session: " + e.Message }

// What providers return, and clients get. Any other error of a provider is
// ErrUnavailable to clients.
var (
	ErrMissing     = &Error{Code: CodeMissing, Message: "not signed in"}
	ErrInvalid     = &Error{Code: CodeInvalid, Message: "session is invalid"}
	ErrEnded       = &Error{Code: CodeEnded, Message: "session has ended"}
	ErrForbidden   = &Error{Code: CodeForbidden, Message: "not allowed"}
	ErrUnavailable = &Error{Code: CodeUnavailable, Message: "sessions are unavailable", Retryable: true}
)

// ErrReadOnly says that the provider cannot change sessions: it is no [Updater].
var ErrReadOnly = errors.New("session: the provider cannot change sessions: it has to implement session.Updater")

// told returns what a client is told of an error.
func told(err error) *Error {
	if e := (*Error)(nil); errors.As(err, &e) && e != nil {
		return e
	}
	return ErrUnavailable
}

func failure(e *Error) error {
	return &socketio.Error{Code: socketio.CodeForbidden, Message: e.Message, Data: e}
}

// Value returns a value of the socket's session as a T: directly if it is one,
// otherwise by way of its JSON, as stores that keep JSON need it. False if
// there is no session, no such value, or it does not fit.
func Value[T any](s *socketio.Socket, key string) (v T, ok bool) {
	session, ok := From(s)
	if !ok {
		return v, false
	}
	raw, ok := session.Values[key]
	if !ok {
		return v, false
	}
	if v, ok = raw.(T); ok {
		return v, true
	}
	text, err := json.Marshal(raw)
	if err != nil || json.Unmarshal(text, &v) != nil {
		var none T
		return none, false
	}
	return v, true
}
