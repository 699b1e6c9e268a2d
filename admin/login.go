package admin

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/failures"
	"github.com/gosio/gosio/internal/loglimit"
	"github.com/gosio/gosio/internal/passwords"
)

// What is known of a socket of the UI.
var (
	userKey    = socketio.NewKey[string]("admin user")
	sessionKey = socketio.NewKey[string]("admin session") // a new one, of which the UI does not know yet
)

// errInvalid is what the UI reopens its dialog for: it compares the text.
var errInvalid = &socketio.ConnectError{Message: "invalid credentials"}

// gate decides who may see the namespace.
type gate struct {
	opts     *Options
	failures failures.Limiter
	noted    loglimit.Limiter
	users    *passwords.Table
}

func newGate(o *Options) *gate {
	g := &gate{opts: o, users: o.table}
	g.failures.Limit = max(o.FailuresPerMinute, 0)
	return g
}

// admit is the middleware of the namespace.
func (g *gate) admit(ctx context.Context, s *socketio.Socket) error {
	s.EndSession() // the UI gets everything anew
	var sent struct{ Username, Password, SessionID any }
	_ = s.Handshake().DecodeAuth(&sent) // what is no string is empty
	c := Credentials{text(sent.Username), text(sent.Password)}
	id := text(sent.SessionID)
	if g.opts.Open {
		return nil
	}
	user, err := g.attempt(ctx, s, c, id)
	if err != nil {
		return g.refuse(s, err)
	}
	userKey.Set(s, user)
	return nil
}

// attempt is login within the limit of failures.
func (g *gate) attempt(ctx context.Context, s *socketio.Socket, c Credentials, id string) (user string, err error) {
	done, err := g.failures.Begin(ctx, s.Handshake().Address)
	if err != nil {
		return "", err
	}
	failed := true // a panic of Authenticate, or of Sessions, too
	defer func() { done(failed) }()
	user, err = g.login(ctx, s, c, id)
	failed = err != nil
	return user, err
}

func (g *gate) refuse(s *socketio.Socket, err error) error {
	g.noted.Log(g.opts.Logger, slog.LevelWarn, "login", "admin: login refused",
		slog.String("address", loglimit.Clip(s.Handshake().Address)), slog.Any("error", err))
	return errInvalid
}

// login returns who it is.
func (g *gate) login(ctx context.Context, s *socketio.Socket, c Credentials, id string) (user string, err error) {
	if id != "" && g.opts.SessionLifetime > 0 {
		user, ok, err := g.opts.Sessions.User(ctx, id)
		if ok && err == nil {
			return user, nil
		}
		if err != nil {
			g.opts.Logger.Error("admin: sessions cannot be read", "error", err)
		}
		if c == (Credentials{}) {
			return "", errors.New("unknown session")
		}
	}
	if err := g.verify(ctx, s, c); err != nil {
		return "", err
	}
	if g.opts.SessionLifetime > 0 {
		var b [16]byte
		_, _ = rand.Read(b[:]) // never fails: crypto/rand
		id := hex.EncodeToString(b[:])
		if err := g.opts.Sessions.Save(ctx, id, c.Username, g.opts.SessionLifetime); err != nil {
			g.opts.Logger.Error("admin: a session cannot be stored", "error", err)
		} else {
			sessionKey.Set(s, id)
		}
	}
	g.opts.Logger.Info("admin: login", "user", loglimit.Clip(c.Username), "address", s.Handshake().Address)
	return c.Username, nil
}

func (g *gate) verify(ctx context.Context, s *socketio.Socket, c Credentials) error {
	if f := g.opts.Authenticate; f != nil {
		return f(ctx, s, c)
	}
	return g.users.Verify(ctx, c.Username, c.Password)
}

func text(v any) string {
	s, _ := v.(string)
	return s
}
