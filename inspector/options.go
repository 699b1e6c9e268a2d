package inspector

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/passwords"
	"github.com/gosio/gosio/internal/redact"
)

// Options configures [New]. The zero value of each field but one means its documented
// default: one of Users, Allow and Guard must be set.
type Options struct {
	// Users are the names that may log in, with bcrypt hashes of their passwords
	// ("$2a$…", "$2b$…" or "$2y$…"): the browser asks for them (HTTP Basic). What the page
	// gets then lets it connect for twelve hours.
	Users map[string]string
	// Allow decides instead of Users. It is called with the request for the page, and with
	// a copy of the request that has opened a connection, without its body: see
	// socketio.Handshake.Request. It is called concurrently. See [Localhost].
	Allow func(r *http.Request) bool
	// Guard decides instead of Users: a guard of package auth or session, for example,
	// which knows the user from a cookie. It decides on the connection; the page itself,
	// in which nothing is, is there for everybody who reaches its route. Whom it lets in
	// sees everything: make it one for administrators.
	Guard socketio.Middleware

	// Key signs what Users get to connect with, 32 bytes or more. Give all servers of a
	// cluster the same: the page and its connection may be of different servers. Default: a
	// random one.
	Key []byte
	// FailuresPerMinute bounds the wrong passwords of one address, as
	// auth.Config.FailuresPerMinute does. Default 10; negative: no bound.
	FailuresPerMinute int
	// Origins lists origins that the page may have besides the one that it is asked for
	// at: behind a proxy that does not pass the Host header on.
	Origins []string

	// Namespace is the namespace of the page. Default "/inspector".
	Namespace string
	// Path is the path of the server for browsers, where the page finds its client, too.
	// Default "/socket.io/".
	Path string
	// ReadOnly leaves out what changes something: emit, join, leave, disconnect, drain.
	ReadOnly bool
	// Drain ends the connections of this server when a viewer wants that, until its context
	// ends. The method Shutdown of a graceful.Service also has its Readyz say so. Default:
	// [socketio.Server.Shutdown].
	Drain func(ctx context.Context) error
	// ServerID names this server in the page; it must be unique in the cluster. Default:
	// the name of the host, "#" and the process id.
	ServerID string

	// Show lists names of headers and query parameters whose values the page may see,
	// besides those that cannot be secrets.
	Show []string
	// Redact reports whether a member of a value or of an argument is a secret, or an event
	// of that name. Default: names such as password, accessToken, apiKey, sessionId, code.
	// By default the code of a failure is shown, too: beside an error, or within one, or
	// beside ok or success that is false, if it is less than a thousand or has no digit.
	Redact func(name string) bool

	// RecordSecrets leaves in recordings what Redact would take out of arguments, so that
	// they can be replayed as they are. Keep such files as you keep secrets.
	RecordSecrets bool

	// Logger gets a line at level info for each viewer that connects and for each action,
	// with the viewer's name, and at level warn whom the inspector refuses. Default:
	// slog.Default().
	Logger *slog.Logger

	table *passwords.Table // of Users
	codes bool             // of failures are shown
}

func (o Options) withDefaults() Options {
	o.check()
	if o.FailuresPerMinute == 0 {
		o.FailuresPerMinute = 10
	}
	if o.Namespace == "" {
		o.Namespace = "/inspector"
	}
	if !strings.HasPrefix(o.Namespace, "/") {
		o.Namespace = "/" + o.Namespace
	}
	if o.Path == "" {
		o.Path = "/socket.io/"
	}
	if !strings.HasSuffix(o.Path, "/") {
		o.Path += "/"
	}
	if o.ServerID == "" {
		o.ServerID = fmt.Sprintf("%s#%d", hostname(), os.Getpid())
	}
	if o.Redact == nil {
		o.Redact, o.codes = redact.Secret, true
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// check panics on options that contradict each other.
func (o *Options) check() {
	ways := 0
	for _, set := range []bool{o.Users != nil, o.Allow != nil, o.Guard != nil} {
		if set {
			ways++
		}
	}
	switch {
	case ways == 0:
		panic("inspector: Options: who may see it? Set Users, Allow or Guard")
	case ways > 1:
		panic("inspector: Options: Users, Allow and Guard exclude each other")
	case o.Users != nil && len(o.Users) == 0:
		panic("inspector: Options.Users is empty: nobody could log in")
	case o.Key != nil && len(o.Key) < 32:
		panic(fmt.Sprintf("inspector: Options.Key has %d bytes, it needs 32", len(o.Key)))
	}
	var err error
	if o.table, err = passwords.New(o.Users); err != nil {
		panic("inspector: Options.Users: " + err.Error())
	}
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	return name
}
