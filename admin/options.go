package admin

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/passwords"
	"github.com/gosio/gosio/internal/redact"
)

// Mode says how much the UI gets.
type Mode string

const (
	// ModeProduction is for numbers only.
	ModeProduction Mode = "production"
	// ModeDevelopment is for all sockets, rooms and events, each change pushed at once.
	ModeDevelopment Mode = "development"
)

// Credentials are what the dialog of the UI sends. Both are empty when the user has
// typed nothing.
type Credentials struct {
	Username, Password string
}

// LogValue implements slog.LogValuer: the name alone.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.Username) }

// Options configures [Instrument]. The zero value of each field but one means its
// documented default: one of Users, Authenticate and Open must be set.
type Options struct {
	// Users are the names that may log in, with bcrypt hashes of their passwords
	// ("$2a$…", "$2b$…" or "$2y$…").
	Users map[string]string
	// Authenticate decides instead of Users, with the credentials of the dialog or with
	// what the socket's handshake has of the application's own login. Any error refuses;
	// the UI says "invalid credentials". It is called concurrently, and must return when
	// ctx ends.
	Authenticate func(ctx context.Context, s *socketio.Socket, c Credentials) error
	// Open lets everybody in.
	Open bool

	// FailuresPerMinute bounds the refused logins of one address (Handshake.Address), as
	// auth.Config.FailuresPerMinute does. Default 10; negative: no bound.
	FailuresPerMinute int
	// Sessions stores the logins that survive a reload of the page. Default: in the
	// memory of this server. Give the servers of a cluster one store, such as that of
	// admin/redis: a reload may lead to another server.
	Sessions Sessions
	// SessionLifetime is the time for which a login survives reloads. Default 24 h;
	// negative: no sessions, a reload asks for the password again.
	SessionLifetime time.Duration

	// Namespace is the namespace of the UI. Default "/admin".
	Namespace string
	// Mode is ModeProduction by default.
	Mode Mode
	// ReadOnly leaves out what changes something: emit, join, leave, disconnect.
	ReadOnly bool
	// ServerID names this server in the UI; it must be unique in the cluster. Default:
	// the name of the host, "#" and the process id.
	ServerID string

	// Show lists names of headers and query parameters whose values the UI may see,
	// besides those that cannot be secrets.
	Show []string
	// Redact reports whether a member of a value or an argument is a secret. Default
	// [Secret], but the code of a failure is shown: beside an error, or within one, or beside
	// ok or success that is false, if it is less than a thousand or has no digit.
	Redact func(name string) bool

	// Logger gets a line at level info for each login and each action of a user, with
	// the user's name, and the errors. Default: slog.Default().
	Logger *slog.Logger

	table *passwords.Table // of Users
	codes bool             // of failures are shown
}

func (o Options) withDefaults() Options {
	o.check()
	if o.Namespace == "" {
		o.Namespace = "/admin"
	}
	if !strings.HasPrefix(o.Namespace, "/") {
		o.Namespace = "/" + o.Namespace
	}
	if o.FailuresPerMinute == 0 {
		o.FailuresPerMinute = 10
	}
	if o.SessionLifetime == 0 {
		o.SessionLifetime = 24 * time.Hour
	}
	if o.Sessions == nil {
		o.Sessions = &memory{}
	}
	if o.Mode == "" {
		o.Mode = ModeProduction
	}
	if o.ServerID == "" {
		o.ServerID = fmt.Sprintf("%s#%d", hostname(), os.Getpid())
	}
	if o.Redact == nil {
		o.Redact, o.codes = Secret, true
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// check panics on options that contradict each other.
func (o *Options) check() {
	ways := 0
	for _, set := range []bool{o.Users != nil, o.Authenticate != nil, o.Open} {
		if set {
			ways++
		}
	}
	switch {
	case ways == 0:
		panic("admin: Options: who may log in? Set Users, Authenticate or Open")
	case ways > 1:
		panic("admin: Options: Users, Authenticate and Open exclude each other")
	case o.Users != nil && len(o.Users) == 0:
		panic("admin: Options.Users is empty: nobody could log in")
	case o.Mode != "" && o.Mode != ModeProduction && o.Mode != ModeDevelopment:
		panic(fmt.Sprintf("admin: Options.Mode %q is neither %q nor %q", o.Mode, ModeProduction, ModeDevelopment))
	}
	var err error
	if o.table, err = passwords.New(o.Users); err != nil {
		panic("admin: Options.Users: " + err.Error())
	}
}

// Secret reports whether a member of that name is likely to be a secret: a password, a
// token, a key, a code, a cookie, a session. It is the default of [Options.Redact].
func Secret(name string) bool { return redact.Secret(name) }

func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	return name
}
