package session_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
	"github.com/gosio/gosio/session"
)

func TestMain(m *testing.M) { leak.Main(m) }

func cookie(c *http.Cookie) siotest.Options {
	return siotest.Options{Header: http.Header{"Cookie": {c.Name + "=" + c.Value}}, Timeout: time.Hour}
}

// user is what applications do: a session is somebody's.
func user(v *session.Session) string { return v.String("user") }

func refusedWith(t *testing.T, h http.Handler, o siotest.Options, code session.Code) {
	t.Helper()
	text, err := json.Marshal(siotest.Refused(t, h, o).Data)
	assert.NoError(t, err)
	var e session.Error
	assert.NoError(t, json.Unmarshal(text, &e))
	assert.Equal(t, "code", e.Code, code)
}

func serve(t *testing.T, p session.Provider, c session.Config) (*socketio.Server, *session.Sessions) {
	t.Helper()
	srv := socketio.NewServer(nil)
	t.Cleanup(srv.Close)
	x := session.New(p, c)
	srv.Use(x)
	srv.On("who", func(s *socketio.Socket) string { return s.Identity() })
	srv.On("items", func(s *socketio.Socket) int { n, _ := session.Value[int](s, "items"); return n })
	srv.On("add", func(ctx context.Context, s *socketio.Socket) error {
		return x.Update(ctx, s, func(v map[string]any) error { n, _ := v["items"].(int); v["items"] = n + 1; return nil })
	})
	return srv, x
}

func TestHandshake(t *testing.T) {
	t.Parallel()
	store := session.NewMemory("sid", time.Hour)
	alice := store.Create(map[string]any{"user": "alice", "items": 2})
	guest := store.Create(nil)
	gone := store.Create(map[string]any{"user": "alice"})
	assert.NoError(t, store.Destroy(context.Background(), gone))
	down := errors.New("store is down")
	tests := []struct {
		name   string
		store  session.Provider
		config session.Config
		cookie string
		want   session.Code // empty: alice
	}{
		{"signed in", store, session.Config{User: user}, alice, ""},
		{"no cookie", store, session.Config{User: user}, "", session.CodeMissing},
		{"nobody's session", store, session.Config{User: user}, guest, session.CodeMissing},
		{"unknown", store, session.Config{User: user}, "x", session.CodeMissing},
		{"A-J06 replayed after logout", store, session.Config{User: user}, gone, session.CodeMissing},
		{"required", store, session.Config{User: user, Require: func(v *session.Session) error { return errors.New("no") }}, alice, session.CodeForbidden},
		{"required, with a code", store, session.Config{User: user, Require: func(v *session.Session) error { return session.ErrInvalid }}, alice, session.CodeInvalid},
		{"unknown, optional", store, session.Config{Optional: true}, "", ""},
		{"store is down", broken{down}, session.Config{User: user}, alice, session.CodeUnavailable},
		{"store is down, optional", broken{down}, session.Config{Optional: true}, alice, session.CodeUnavailable},
		{"tampered with, optional", broken{session.ErrInvalid}, session.Config{Optional: true}, alice, session.CodeInvalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv, _ := serve(t, tt.store, tt.config)
			o := cookie(store.Cookie(tt.cookie))
			if tt.want != "" {
				srv.OnConnect(func(*socketio.Socket) { t.Error("joined") })
				refusedWith(t, srv, o, tt.want)
				return
			}
			c := siotest.Dial(t, srv, o)
			var who string
			c.Call("who").Decode(&who)
			assert.Equal(t, "identity", who, map[bool]string{true: "alice"}[tt.cookie != ""])
		})
	}
}

// broken is a store that says one thing only.
type broken struct{ err error }

func (b broken) Load(context.Context, *http.Request) (*session.Session, error) { return nil, b.err }

// TestUpdate: what an HTTP request writes between the handshake and an event
// is still there afterwards.
func TestUpdate(t *testing.T) {
	t.Parallel()
	store := session.NewMemory("sid", time.Hour)
	id := store.Create(map[string]any{"user": "alice", "items": 1, "theme": "light"})
	srv, _ := serve(t, store, session.Config{User: user})
	c := siotest.Dial(t, srv, cookie(store.Cookie(id)))
	ctx := context.Background()
	self := &session.Session{ID: id}
	assert.NoError(t, store.Update(ctx, self, func(v map[string]any) error { v["theme"] = "dark"; return nil }))
	c.Call("add")
	c.Call("add")
	now, err := store.Reload(ctx, self)
	assert.NoError(t, err)
	assert.Equal(t, "values", now.Values, map[string]any{"user": "alice", "items": 3, "theme": "dark"})
	var items int
	c.Call("items").Decode(&items)
	assert.Equal(t, "items as the socket sees them", items, 3)
}

// TestLogout: live sockets of that session end, on every server of the bus,
// and its cookie is worth nothing.
func TestLogout(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"websocket", "polling"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { logout(t, transport) })
		})
	}
}

func logout(t *testing.T, transport string) {
	store, bus := session.NewMemory("sid", time.Hour), session.NewBus()
	one, sessions := serve(t, store, session.Config{User: user, Bus: bus})
	two, _ := serve(t, store, session.Config{User: user, Bus: bus})
	alice, bob := store.Create(map[string]any{"user": "alice"}), store.Create(map[string]any{"user": "bob"})
	o := cookie(store.Cookie(alice))
	o.Transport = transport
	tabs := []*siotest.Client{siotest.Dial(t, one, o), siotest.Dial(t, one, o), siotest.Dial(t, two, o)}
	other := siotest.Dial(t, two, cookie(store.Cookie(bob)))

	r, _ := http.NewRequest("POST", "/logout", nil)
	r.AddCookie(store.Cookie(alice))
	start := time.Now()
	assert.NoError(t, sessions.LogoutRequest(context.Background(), r))
	for _, tab := range tabs {
		var why session.Error
		tab.Expect("session:ended", &why) // at once; a reconnect to learn it takes a second
		assert.Equal(t, "why", why.Code, session.CodeEnded)
		tab.ExpectDisconnect(siotest.TransportClose)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("took %s, want less than a second", took)
	}
	refusedWith(t, one, o, session.CodeMissing)
	var who string
	other.Call("who").Decode(&who)
	assert.Equal(t, "other", who, "bob")
	assert.NoError(t, sessions.LogoutRequest(context.Background(), r)) // nobody is signed in
}

// TestPublicNamespaceSurvives a logout.
func TestPublicNamespaceSurvives(t *testing.T) {
	t.Parallel()
	store := session.NewMemory("sid", time.Hour)
	srv, sessions := serve(t, store, session.Config{User: user})
	srv.Of("/public").On("ping", func() {})
	id := store.Create(map[string]any{"user": "alice"})
	c := siotest.Dial(t, srv, cookie(store.Cookie(id)))
	public := c.Of("/public", nil)
	assert.NoError(t, sessions.Logout(context.Background(), id))
	var why session.Error
	c.Expect("session:ended", &why)
	assert.Equal(t, "why", why.Code, session.CodeEnded)
	c.ExpectDisconnect(siotest.ServerDisconnect)
	public.Call("ping")
}

// TestRenewed is A-J06: the id changes at login, and its sockets follow.
func TestRenewed(t *testing.T) {
	t.Parallel()
	store := session.NewMemory("sid", time.Hour)
	srv, sessions := serve(t, store, session.Config{})
	old := store.Create(map[string]any{"items": 5})
	c := siotest.Dial(t, srv, cookie(store.Cookie(old)))
	id, err := store.Rotate(old)
	assert.NoError(t, err)
	assert.NoError(t, sessions.Renewed(context.Background(), old, id))
	c.Call("add")
	var items int
	c.Call("items").Decode(&items)
	assert.Equal(t, "items", items, 6)
	refusedWith(t, srv, cookie(store.Cookie(old)), session.CodeMissing) // whoever knew the old one
	assert.NoError(t, sessions.Logout(context.Background(), old))       // means nobody now
	c.Call("items")
	assert.NoError(t, sessions.Logout(context.Background(), id))
	c.Expect("session:ended")
	c.ExpectDisconnect(siotest.TransportClose)
}

// TestCheck: what nobody told the socket it finds out, and being used keeps a
// session alive.
func TestCheck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := session.NewMemory("sid", 10*time.Minute)
		srv, _ := serve(t, store, session.Config{User: user})
		start, ends := time.Now(), make(chan time.Duration, 3)
		srv.OnDisconnect(func(*socketio.Socket, socketio.Reason) { ends <- time.Since(start) })
		busy := store.Create(map[string]any{"user": "busy"})
		idle := store.Create(map[string]any{"user": "idle"})
		a, b := siotest.Dial(t, srv, cookie(store.Cookie(busy))), siotest.Dial(t, srv, cookie(store.Cookie(idle)))
		for range 20 {
			a.Call("who")
			time.Sleep(time.Minute)
		}
		b.ExpectDisconnect(siotest.TransportClose)
		assert.Equal(t, "idle", <-ends, 10*time.Minute)
		time.Sleep(time.Minute)
		assert.NoError(t, store.Destroy(context.Background(), busy))
		destroyed := time.Since(start)
		a.ExpectDisconnect(siotest.TransportClose)
		// The next check comes after 66 seconds at most, and the one that decides half a second
		// to one and a half after that.
		if took := <-ends - destroyed; took < 500*time.Millisecond || took > 67500*time.Millisecond {
			t.Errorf("found after %s, want at the next check, and the one after that", took)
		}
	})
}

// outage is a store that counts, and that can be cut off.
type outage struct {
	*session.Memory
	down    atomic.Bool
	touched atomic.Int32
}

func (o *outage) Reload(ctx context.Context, s *session.Session) (*session.Session, error) {
	if o.down.Load() {
		return nil, errors.New("dial tcp 10.0.0.7: refused")
	}
	return o.Memory.Reload(ctx, s)
}

func (o *outage) Touch(ctx context.Context, s *session.Session) error {
	o.touched.Add(1)
	return o.Memory.Touch(ctx, s)
}

// TestTouchIsThrottled: once for each check, however much a client sends.
func TestTouchIsThrottled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &outage{Memory: session.NewMemory("sid", time.Hour)}
		srv, _ := serve(t, store, session.Config{User: user})
		c := siotest.Dial(t, srv, cookie(store.Cookie(store.Create(map[string]any{"user": "a"}))))
		for range 30 {
			for range 20 {
				c.Call("who")
			}
			time.Sleep(10 * time.Second)
		}
		if n := store.touched.Load(); n < 4 || n > 6 {
			t.Errorf("touched %d times in 5 minutes, want once a minute", n)
		}
		n := store.touched.Load()
		c.ExpectNone(30 * time.Minute)
		if store.touched.Load() > n+1 {
			t.Error("touched without anything sent")
		}
	})
}

// TestStoreIsDown: an outage ends nobody before the session's own expiry.
func TestStoreIsDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &outage{Memory: session.NewMemory("sid", 20*time.Minute)}
		srv, _ := serve(t, store, session.Config{User: user})
		start, end := time.Now(), make(chan time.Duration, 1)
		srv.OnDisconnect(func(*socketio.Socket, socketio.Reason) { end <- time.Since(start) })
		c := siotest.Dial(t, srv, cookie(store.Cookie(store.Create(map[string]any{"user": "a"}))))
		store.down.Store(true)
		c.ExpectNone(19 * time.Minute)
		c.ExpectDisconnect(siotest.TransportClose)
		assert.Equal(t, "end", <-end, 20*time.Minute)
	})
}

// lateStore saves an update a moment after the session was deleted, as stores
// without transactions can.
type lateStore struct {
	*session.Memory
	saving  func()
	revived atomic.Bool
	exists  atomic.Bool
}

func (l *lateStore) Update(_ context.Context, s *session.Session, change func(map[string]any) error) error {
	err := change(map[string]any{})
	l.saving()
	l.exists.Store(true)
	l.revived.Store(true)
	return err
}

func (l *lateStore) Destroy(ctx context.Context, id string) error {
	l.exists.Store(false)
	return l.Memory.Destroy(ctx, id)
}

// TestLogoutIsFinal: neither an update under way nor a closing socket brings a
// session back.
func TestLogoutIsFinal(t *testing.T) {
	t.Parallel()
	store := &lateStore{Memory: session.NewMemory("sid", time.Hour)}
	srv, sessions := serve(t, store, session.Config{User: user})
	gone := make(chan struct{})
	srv.OnDisconnect(func(*socketio.Socket, socketio.Reason) { close(gone) })
	id := store.Create(map[string]any{"user": "alice"})
	store.saving = func() { assert.NoError(t, sessions.Logout(context.Background(), id)) }
	c := siotest.Dial(t, srv, cookie(store.Cookie(id)))
	c.Emit("add")
	c.Expect("session:ended")
	c.ExpectDisconnect(siotest.TransportClose)
	<-gone
	assert.Equal(t, "saved too late", store.revived.Load(), true)
	assert.Equal(t, "exists", store.exists.Load(), false)
}

// TestLoggedOutWhileJoining: there is no moment in which a logout is missed.
func TestLoggedOutWhileJoining(t *testing.T) {
	t.Parallel()
	store := session.NewMemory("sid", time.Hour)
	var sessions *session.Sessions
	srv := socketio.NewServer(nil)
	defer srv.Close()
	id := store.Create(map[string]any{"user": "alice"})
	loaded := &joining{Memory: store, then: func() { assert.NoError(t, sessions.Logout(context.Background(), id)) }}
	sessions = session.New(loaded, session.Config{User: user})
	srv.Use(sessions)
	srv.OnConnect(func(*socketio.Socket) { t.Error("a session that was logged out has joined") })
	refusedWith(t, srv, cookie(store.Cookie(id)), session.CodeMissing)
}

type joining struct {
	*session.Memory
	then func()
}

func (j *joining) Load(ctx context.Context, r *http.Request) (*session.Session, error) {
	v, err := j.Memory.Load(ctx, r)
	j.then()
	return v, err
}

// TestUpdateAgainstLogout is for the race detector.
func TestUpdateAgainstLogout(t *testing.T) {
	t.Parallel()
	store := session.NewMemory("sid", time.Hour)
	srv, sessions := serve(t, store, session.Config{User: user, Check: time.Millisecond})
	var group sync.WaitGroup
	for range 20 {
		id := store.Create(map[string]any{"user": "alice"})
		c := siotest.Dial(t, srv, cookie(store.Cookie(id)))
		c.Call("who") // the server knows the socket by then
		s, _ := srv.Socket(c.ID())
		for range 5 {
			c.Emit("add")
		}
		group.Go(func() { assert.NoError(t, sessions.Logout(context.Background(), id)) })
		group.Go(func() { <-s.Context().Done() })
	}
	group.Wait()
}

func TestWrongWiringPanics(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, want string
		wire       func()
	}{
		{"no provider", "session: New without", func() { session.New(nil, session.Config{}) }},
		{"a provider of none", "session: New without", func() { session.New((*session.Memory)(nil), session.Config{}) }},
		{"a bus of none", "session: Config.Bus", func() {
			session.New(session.NewMemory("sid", time.Hour), session.Config{Bus: (*noBus)(nil)})
		}},
		{"a bus of no server", "session: NewClusterBus without", func() { session.NewClusterBus(nil) }},
		{"two buses of a server", "session: NewClusterBus for a server that has one", func() {
			srv := socketio.NewServer(nil)
			defer srv.Close()
			session.NewClusterBus(srv)
			session.NewClusterBus(srv)
		}},
		{"an event of Socket.IO's", "session: Config.EndedEvent", func() {
			session.New(session.NewMemory("sid", time.Hour), session.Config{EndedEvent: "disconnect"})
		}},
		{"memory with a name of two", "session: NewMemory", func() { session.NewMemory("my sid", time.Hour) }},
		{"memory without a name", "session: NewMemory", func() { session.NewMemory("", time.Hour) }},
		{"A-J09 every origin", "socketio: CORS.Origins", func() {
			srv := socketio.NewServer(&socketio.Options{CORS: socketio.CORS{Origins: []string{"*"}}})
			defer srv.Close()
			srv.Use(session.New(session.NewMemory("sid", time.Hour), session.Config{}))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if p, _ := recover().(string); !strings.HasPrefix(p, tt.want) {
					t.Errorf("panic %q, want %q", p, tt.want)
				}
			}()
			tt.wire()
		})
	}
}

type noBus struct{ session.Bus }

// TestForeignOrigin is A-J09: a page of another site, with the victim's cookie.
func TestForeignOrigin(t *testing.T) {
	t.Parallel()
	store := session.NewMemory("sid", time.Hour)
	srv, _ := serve(t, store, session.Config{User: user})
	id := store.Create(map[string]any{"user": "alice"})
	for _, origin := range []string{"https://evil.test", "null"} {
		for _, transport := range []string{"polling", "websocket"} {
			r, _ := http.NewRequest("GET", "http://server.test/socket.io/?EIO=4&transport="+transport, nil)
			r.AddCookie(store.Cookie(id))
			r.Header.Set("Origin", origin)
			w := &recorder{header: http.Header{}}
			srv.ServeHTTP(w, r)
			assert.Equal(t, origin+" "+transport, w.status, http.StatusForbidden)
		}
	}
}

type recorder struct {
	header http.Header
	status int
}

func (w *recorder) Header() http.Header         { return w.header }
func (w *recorder) WriteHeader(status int)      { w.status = status }
func (w *recorder) Write(b []byte) (int, error) { return len(b), nil }

func TestSessionIsNotLogged(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	v := &session.Session{ID: "secret-id", Ref: "secret-ref", Values: map[string]any{"a": "secret-value"}}
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "session", v, "none", (*session.Session)(nil))
	if strings.Contains(b.String(), "secret") {
		t.Errorf("logged: %s", b.String())
	}
}

func TestValue(t *testing.T) {
	t.Parallel()
	type account struct{ Name string }
	store := session.NewMemory("sid", time.Hour)
	id := store.Create(map[string]any{"account": map[string]any{"Name": "alice"}, "n": 3.0})
	srv, _ := serve(t, store, session.Config{})
	srv.On("values", func(s *socketio.Socket) []any {
		a, aok := session.Value[account](s, "account")
		n, nok := session.Value[int](s, "n")
		_, sok := session.Value[string](s, "n")
		_, mok := session.Value[string](s, "missing")
		return []any{a.Name, aok, n, nok, sok, mok}
	})
	var got []any
	siotest.Dial(t, srv, cookie(store.Cookie(id))).Call("values").Decode(&got)
	assert.Equal(t, "values", got, []any{"alice", true, 3.0, true, false, false})
}
