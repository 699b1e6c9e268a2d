package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/alexedwards/scs/v2"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/session"
)

// app is the application. In a session are: "user"; "theme", which only HTTP
// requests write; "clicks", which only sockets write; and "room", the name of
// the room of its windows. That does not change when the session's id does.
type app struct {
	manager  *scs.SessionManager
	sessions *session.Sessions
	srv      *socketio.Server

	telling sync.Mutex
}

// state is what a window shows.
type state struct {
	User    string `json:"user"`
	Theme   string `json:"theme"`
	Clicks  int    `json:"clicks"`
	Windows int    `json:"windows"`
}

func (a *app) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /app/session", a.show)
	mux.Handle("POST /app/login", failing(a.login))
	mux.Handle("POST /app/renew", failing(a.renew))
	mux.Handle("POST /app/theme", failing(a.theme))
	mux.Handle("POST /app/logout", failing(a.logout))
	return mux
}

// refusal is what the client did wrong: a status, and a text for the page.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

// failing makes a handler of a function that may fail.
func failing(f func(r *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
		err := f(r)
		var no *refusal
		switch {
		case errors.As(err, &no):
			http.Error(w, no.text, no.status)
		case err != nil:
			slog.ErrorContext(r.Context(), "the request failed", "path", r.URL.Path, "err", err)
			http.Error(w, "this did not work; please try again", http.StatusInternalServerError)
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	})
}

// show tells the page whose session it has, if any.
func (a *app) show(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(a.state(r.Context())) // the page sees what is missing
}

func (a *app) login(r *http.Request) error {
	name := strings.TrimSpace(r.FormValue("name"))
	if !known(name, r.FormValue("password")) {
		return &refusal{http.StatusUnauthorized, "Wrong name or password."}
	}
	ctx := r.Context()
	if a.manager.GetString(ctx, "user") != name {
		a.manager.Put(ctx, "user", name)
		a.manager.Put(ctx, "room", "windows:"+rand.Text())
		a.manager.Put(ctx, "clicks", 0)
	}
	return a.changeID(ctx)
}

// known is where an application looks the user up, and compares a hash of the
// password.
func known(name, password string) bool {
	return name != "" && utf8.RuneCountInString(name) <= 24 && subtle.ConstantTimeCompare([]byte(password), []byte("gopher")) == 1
}

// changeID gives the session a new id, at every login: somebody may have
// planted or seen the old one. Sockets that are open go on.
func (a *app) changeID(ctx context.Context) error {
	old := a.manager.Token(ctx)
	if err := a.manager.RenewToken(ctx); err != nil {
		return err
	}
	id, _, err := a.manager.Commit(ctx) // now: the sockets look it up at once
	if err != nil {
		return err
	}
	return a.sessions.Renewed(ctx, old, id)
}

// renew is a login once more, as before something important.
func (a *app) renew(r *http.Request) error {
	if a.manager.GetString(r.Context(), "user") == "" {
		return &refusal{http.StatusUnauthorized, "Please sign in."}
	}
	return a.changeID(r.Context())
}

// theme is an HTTP request that writes to the session, also before the login.
func (a *app) theme(r *http.Request) error {
	theme := r.FormValue("theme")
	if !slices.Contains([]string{"auto", "light", "dark"}, theme) {
		return &refusal{http.StatusBadRequest, "There is no such theme."}
	}
	ctx := r.Context()
	a.manager.Put(ctx, "theme", theme)
	id, _, err := a.manager.Commit(ctx)
	if err != nil {
		return err
	}
	return a.tell(id)
}

func (a *app) logout(r *http.Request) error {
	id := a.manager.Token(r.Context())
	return errors.Join(
		a.manager.Destroy(r.Context()),
		a.sessions.Logout(r.Context(), id), // every window of the session, on every node
	)
}

// click changes the session in an event handler: what HTTP requests have
// written since the socket connected stays.
func (a *app) click(ctx context.Context, s *socketio.Socket) error {
	err := a.sessions.Update(ctx, s, func(values map[string]any) error {
		n, _ := values["clicks"].(int)
		values["clicks"] = n + 1
		return nil
	})
	if err != nil {
		return err
	}
	return a.tellAll(s)
}

func (a *app) opened(s *socketio.Socket) { a.report(a.tellAll(s)) }

func (a *app) closed(s *socketio.Socket, _ socketio.Reason) { a.report(a.tellAll(s)) }

func (a *app) report(err error) {
	if err != nil {
		slog.Error("the windows were not told", "err", err)
	}
}

func (a *app) tellAll(s *socketio.Socket) error {
	v, ok := session.From(s)
	if !ok {
		return nil
	}
	return a.tell(v.ID)
}

// tell sends all windows of a session what is in it now.
func (a *app) tell(id string) error {
	a.telling.Lock() // while it is sent, too: what a window gets last is the newest
	defer a.telling.Unlock()
	ctx, err := a.manager.Load(context.Background(), id)
	if err != nil {
		return err
	}
	room := a.manager.GetString(ctx, "room")
	if room == "" {
		return nil // not signed in, or signed out meanwhile
	}
	return a.srv.To(room).Emit("state", a.state(ctx))
}

func (a *app) state(ctx context.Context) state {
	now := state{
		User:   a.manager.GetString(ctx, "user"),
		Theme:  a.manager.GetString(ctx, "theme"),
		Clicks: a.manager.GetInt(ctx, "clicks"),
	}
	room := a.manager.GetString(ctx, "room")
	for _, s := range a.srv.Sockets() {
		if s.InRoom(room) {
			now.Windows++
		}
	}
	return now
}
