package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"reflect"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/parser"
	"github.com/gosio/gosio/internal/lease"
	"github.com/gosio/gosio/internal/loglimit"
)

// Config configures [New]. The zero value of each field means its documented
// default.
type Config struct {
	// User returns the user of a session, who becomes the socket's identity. An empty
	// result refuses the client as not signed in. Default: every session is let in,
	// with a hash of its id as identity. When a check finds that the session belongs to
	// another user now, the socket ends, and the client reconnects as that user.
	User func(s *Session) string
	// Require, if not nil, decides in the handshake and in every check whether a
	// session is let in. An [*Error] is sent to the client as it is, any other error as
	// ErrForbidden.
	Require func(s *Session) error
	// Optional lets clients without a session in; such clients have no identity. A
	// cookie that was tampered with is refused, and so is a session that User or
	// Require does not let in.
	Optional bool
	// Room, if not nil, names a room that the socket joins in the handshake; empty:
	// none. The socket keeps the room when the session changes.
	Room func(s *Session) string
	// Check is the time between two checks of a live socket, a tenth more or less. A
	// check loads the session again; if the client has sent an event since the last
	// check, the session is touched first. A session that is not there is looked for once
	// more, a second later: it may have a new id of which [Sessions.Renewed] is about to
	// tell. Default 60 s; negative: no checks.
	Check time.Duration
	// EndedEvent is the event sent just before a socket is disconnected from its
	// namespace, and before the connection is closed because of a logout; its argument
	// is an [Error] that says why. Default "session:ended".
	EndedEvent string
	// Bus carries logouts to the other nodes of a cluster. Default: one node.
	Bus Bus
	// Logger gets a line for each refusal and each failure of the store. Lines of a
	// kind are limited to ten, then one in ten seconds. Nil means slog.Default().
	Logger *slog.Logger
}

// Sessions is namespace middleware that lets in clients with a session, and ends
// their sockets when the session ends. Any number of namespaces may use it, each
// once. Its methods may be called concurrently. Make a Sessions with [New].
type Sessions struct {
	provider Provider
	config   Config
	writes   writes
	queue    lease.Queue // of calls that wait for the store
	away     away
	noted    loglimit.Limiter // of log lines

	mu   sync.Mutex
	live map[string]map[*life]struct{} // by hash of the session's id
}

var (
	_ socketio.Middleware = (*Sessions)(nil)
	_ socketio.CookieUser = (*Sessions)(nil)
	_ socketio.Attacher   = (*Sessions)(nil)
)

// New returns middleware over a provider's sessions.
func New(p Provider, c Config) *Sessions {
	switch {
	case isNil(p):
		panic("session: New without a Provider: give it the one for your sessions, such as sessionscs.New(manager), or NewMemory")
	case c.Bus != nil && isNil(c.Bus):
		panic("session: Config.Bus is a nil pointer: leave Bus out for one node")
	case parser.IsReserved(c.EndedEvent):
		panic("session: Config.EndedEvent is an event of Socket.IO's own, such as \"disconnect\": no client would hear of it; choose another name")
	}
	switch {
	case c.Check == 0:
		c.Check = time.Minute
	case c.Check < 0:
		c.Check = 0
	}
	if c.EndedEvent == "" {
		c.EndedEvent = "session:ended"
	}
	if c.Bus == nil {
		c.Bus = NewBus()
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	x := &Sessions{provider: p, config: c, live: make(map[string]map[*life]struct{})}
	x.queue.Report = x.checkHangs
	c.Bus.Watch(x.heard)
	return x
}

// checkHangs logs that a call of the provider does not return, or is refused
// because too many do not.
func (x *Sessions) checkHangs(abandoned int, refused bool) {
	running, limit := slog.Int("running", abandoned), slog.Int("limit", lease.MaxAbandoned)
	if refused {
		x.noted.Log(x.config.Logger, slog.LevelError, "checks refused", "session: no check begins until earlier checks return", running, limit)
		return
	}
	x.noted.Log(x.config.Logger, slog.LevelError, "check hangs", "session: a check does not return; providers must return when their context ends, and User and Require must not wait", running, limit)
}

// isNil also finds the nil pointer that an interface hides.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	r := reflect.ValueOf(v)
	return r.Kind() == reflect.Pointer && r.IsNil()
}

// UsesCookies implements [socketio.CookieUser].
func (x *Sessions) UsesCookies() bool { return true }

// Attach implements [socketio.Attacher].
func (x *Sessions) Attach(ns *socketio.Namespace) {
	ns.OnConnect(x.joined)
	ns.UseEvent(x.guard)
}

// Handshake implements [socketio.Middleware].
func (x *Sessions) Handshake(ctx context.Context, s *socketio.Socket) error {
	l := newLife(x, s)
	context.AfterFunc(s.Context(), l.stop) // before code of the application, which may panic
	v, err := x.admit(ctx, l)
	if err != nil {
		l.stop()
		return x.refuse(s, err)
	}
	all, _ := lives.Get(s)
	lives.Set(s, append(all[:len(all):len(all)], l))
	b := l.bond
	s.RecoverIf(func(_ context.Context, next *socketio.Socket) bool { return b.holds(x.of(next)) })
	if v == nil {
		return nil
	}
	s.SetIdentity(x.identity(v))
	if x.config.Room == nil {
		return nil
	}
	if room := x.config.Room(v); room != "" {
		return s.Join(room)
	}
	return nil
}

// admit loads the session; nil for a client that may stay anonymous.
func (x *Sessions) admit(ctx context.Context, l *life) (*Session, error) {
	v, err := x.provider.Load(ctx, l.socket.Handshake().Request())
	if err != nil && told(err) == ErrMissing && x.config.Optional {
		return nil, nil
	}
	if err == nil {
		err = x.acceptable(v)
	}
	if err != nil {
		return nil, err
	}
	// Watched before it is looked up once more: a logout finds the socket, or
	// the look finds the logout.
	l.begin(v)
	if r, ok := x.provider.(Reloader); ok {
		if v, err = r.Reload(ctx, v); err == nil {
			err = x.acceptable(v)
		}
		if err != nil {
			return nil, err
		}
		v = l.admitted(v)
	}
	if e := l.ended(); e != nil {
		return nil, e
	}
	x.writes.begin(hash(v.ID))
	return v, nil
}

func (x *Sessions) acceptable(v *Session) error {
	switch {
	case v == nil || v.ID == "":
		return ErrMissing
	case !v.ExpiresAt.IsZero() && !time.Now().Before(v.ExpiresAt):
		return ErrEnded
	case x.config.User != nil && x.config.User(v) == "":
		return ErrMissing
	case x.config.Require != nil:
		if err := x.config.Require(v); err != nil {
			if e := told(err); e != ErrUnavailable {
				return e
			}
			return ErrForbidden
		}
	}
	return nil
}

// user is empty where sessions are nobody's.
func (x *Sessions) user(v *Session) string {
	if x.config.User == nil {
		return ""
	}
	return x.config.User(v)
}

func (x *Sessions) identity(v *Session) string {
	if x.config.User != nil {
		return x.config.User(v)
	}
	return "session:" + hash(v.ID)
}

// refuse logs why a client is turned down. Errors of providers may be logged:
// they come from the store, not from the client.
func (x *Sessions) refuse(s *socketio.Socket, err error) error {
	e := told(err)
	address, code := slog.String("address", clip(s.Handshake().Address)), slog.String("code", string(e.Code))
	if e == ErrUnavailable {
		x.note(slog.LevelError, "cannot load", "session: cannot load", s, address, code, slog.Any("error", err))
	} else {
		x.note(slog.LevelWarn, "refused "+string(e.Code), "session: refused", s, address, code)
	}
	return &socketio.ConnectError{Message: e.Message, Data: e}
}

// note logs a line about a socket. Lines of a kind share a limit: clients cannot
// make the log grow as they like.
func (x *Sessions) note(level slog.Level, kind, msg string, s *socketio.Socket, attrs ...slog.Attr) {
	attrs = append([]slog.Attr{slog.Any("namespace", s.Namespace().LogValue()), slog.Any("socket", s.LogValue())}, attrs...)
	x.noted.Log(x.config.Logger, level, kind, msg, attrs...)
}

// clip bounds what a client may have sent, in a log line.
func clip(text string) string { return text[:min(len(text), 256)] }

// joined ends a socket whose session has ended while it was joining.
func (x *Sessions) joined(s *socketio.Socket) {
	if l := x.of(s); l != nil {
		l.lease.Joined()
	}
}

// guard runs before every handler.
func (x *Sessions) guard(next socketio.EventHandler) socketio.EventHandler {
	return func(ctx context.Context, in *socketio.Incoming) error {
		l := x.of(in.Socket)
		if l == nil { // the socket joined before the namespace had the middleware
			return failure(ErrMissing)
		}
		if e := l.ended(); e != nil {
			return failure(e)
		}
		l.active.Store(true)
		return next(ctx, in)
	}
}

// Update changes the session of a socket: it loads what is stored now, lets
// change alter it, and saves. It fails with [ErrMissing] or [ErrEnded] when the
// session is gone, with [ErrReadOnly] when the provider cannot, and with what
// change returns. Keys that change does not alter keep what HTTP requests have
// written. Updates of one session by sockets of this Sessions wait for each
// other; see the provider for what others write in the very same moment.
// change must not call Update. It is called again when the session is renewed
// meanwhile, with the values of the new one.
func (x *Sessions) Update(ctx context.Context, s *socketio.Socket, change func(values map[string]any) error) error {
	u, ok := x.provider.(Updater)
	if !ok {
		return ErrReadOnly
	}
	l := x.of(s)
	if l == nil {
		return ErrMissing
	}
	return l.update(ctx, u, change)
}

// Logout deletes a session, if the provider is a [Destroyer], and ends its live
// sockets on every node. Call it where the application logs a user out. If the
// application deletes the session itself, call Logout after that. A check or an
// update that saves the session at this moment, on any node, deletes it again.
func (x *Sessions) Logout(ctx context.Context, id string) error {
	if id == "" {
		return nil
	}
	if d, ok := x.provider.(Destroyer); ok {
		if err := d.Destroy(ctx, id); err != nil {
			return err
		}
	}
	e := Event{Session: hash(id)}
	x.heard(e) // also when the bus is down
	return x.config.Bus.Publish(ctx, e)
}

// LogoutRequest is Logout of the session that a request has. Call it before
// the session is deleted, which it cannot find afterwards.
func (x *Sessions) LogoutRequest(ctx context.Context, r *http.Request) error {
	v, err := x.provider.Load(ctx, r)
	switch {
	case err != nil && told(err) == ErrUnavailable:
		return err
	case err != nil:
		return nil // nobody is signed in
	}
	return x.Logout(ctx, v.ID)
}

// Renewed tells that a session has a new id, as every session should get at a login.
// Its live sockets stay, with the new id. What is still stored under the old id is
// deleted, if the provider is a [Destroyer], so that the old id is of no use any
// more. If Renewed is not called, the session's sockets are disconnected at their
// next check, and reconnect with the new cookie.
func (x *Sessions) Renewed(ctx context.Context, oldID, newID string) error {
	if oldID == "" || newID == "" || oldID == newID {
		return nil
	}
	e := Event{Session: hash(oldID), RenewedAs: newID}
	x.heard(e)
	err := x.config.Bus.Publish(ctx, e)
	if d, ok := x.provider.(Destroyer); ok {
		err = errors.Join(err, d.Destroy(ctx, oldID))
	}
	return err
}

// heard handles an event of the bus. It does not wait for the store, as the next
// event may be a logout.
func (x *Sessions) heard(e Event) {
	for _, l := range x.hearers(e.Session) {
		switch {
		case e.Session == "":
			l.lease.Check()
		case e.RenewedAs != "":
			l.renew(e.RenewedAs)
		default:
			l.logout()
		}
	}
	if e.RenewedAs == "" {
		x.away.end(e.Session)
	}
	if e.Session == "" {
		return
	}
	if id := x.writes.end(e.Session); id != "" {
		x.queue.AddUrgent(func() {
			defer x.writes.deleted(e.Session)
			x.destroy(id)
		}, func() {
			defer x.writes.deleted(e.Session)
			x.noted.Log(x.config.Logger, slog.LevelError, "cannot delete", "session: cannot delete", slog.Any("error", errStuck))
		})
	}
}

// errStuck: the queue does not call the store.
var errStuck = errors.New("the store is not called, as earlier calls do not return")

// hearers returns the lives of a session; all lives for an empty key.
func (x *Sessions) hearers(key string) (found []*life) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if key != "" {
		return slices.Collect(maps.Keys(x.live[key]))
	}
	for _, set := range x.live {
		found = slices.AppendSeq(found, maps.Keys(set))
	}
	return found
}

// write runs a function that saves a session, one function at a time for each
// session. If the session has ended meanwhile, the function may have stored it again,
// and write deletes it.
func (x *Sessions) write(ctx context.Context, id string, save func() error) error {
	w, err := x.writes.take(ctx, id)
	if err != nil {
		return err
	}
	defer func() {
		if x.writes.leave(w) {
			x.destroy(id)
		}
	}()
	return save()
}

// destroy deletes a session that a save may have stored again after its logout.
func (x *Sessions) destroy(id string) {
	d, ok := x.provider.(Destroyer)
	if !ok {
		return
	}
	defer func() { // on a goroutine of ours, perhaps
		if p := recover(); p != nil {
			x.noted.Log(x.config.Logger, slog.LevelError, "cannot delete: panic", "session: cannot delete", slog.String("panic", fmt.Sprint(p)), slog.String("stack", string(debug.Stack())))
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), lease.Patience)
	defer cancel()
	if err := d.Destroy(ctx, id); err != nil {
		x.noted.Log(x.config.Logger, slog.LevelError, "cannot delete", "session: cannot delete", slog.Any("error", err))
	}
}

// track has a life hear of the session with that hash.
func (x *Sessions) track(l *life, key string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.live[key] == nil {
		x.live[key] = make(map[*life]struct{}, 1)
	}
	x.live[key][l] = struct{}{}
}

func (x *Sessions) untrack(l *life, key string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.live[key], l)
	if len(x.live[key]) == 0 {
		delete(x.live, key)
	}
}

// lives are those of a socket, one for each Sessions of its namespace.
var lives = socketio.NewKey[[]*life]("session")

func (x *Sessions) of(s *socketio.Socket) *life {
	all, _ := lives.Get(s)
	for _, l := range all {
		if l.sessions == x {
			return l
		}
	}
	return nil
}

// From returns the session of a socket as it was at its last check: nil and
// false if there is none.
func From(s *socketio.Socket) (*Session, bool) {
	all, _ := lives.Get(s)
	for _, l := range all {
		if v := l.session.Load(); v != nil {
			return v, true
		}
	}
	return nil, false
}
