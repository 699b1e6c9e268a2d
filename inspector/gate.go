package inspector

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/failures"
	"github.com/gosio/gosio/internal/loglimit"
)

// Localhost is an [Options.Allow] for development: it lets in who asks from this machine,
// for a name of this machine, and through no proxy that says so. A proxy on this machine
// that adds no header makes everybody local: do not use Localhost behind one.
func Localhost(r *http.Request) bool {
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"} {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	return loopback(r.RemoteAddr) && (loopback(r.Host) || strings.EqualFold(withoutPort(r.Host), "localhost"))
}

func loopback(hostport string) bool {
	addr, err := netip.ParseAddr(strings.Trim(withoutPort(hostport), "[]"))
	return err == nil && addr.Unmap().IsLoopback()
}

func withoutPort(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return hostport
}

// viewerKey has the name of who looks.
var viewerKey = socketio.NewKey[string]("inspector viewer")

// errRefused is what the page hears.
var errRefused = &socketio.ConnectError{Message: "not allowed"}

// ticketLife is how long a page can connect again.
const ticketLife = 12 * time.Hour

// gate decides who may see the page and its namespace.
type gate struct {
	opts     *Options
	key      []byte
	failures failures.Limiter
	noted    loglimit.Limiter
}

func newGate(o *Options) *gate {
	g := &gate{opts: o, key: slices.Clone(o.Key)}
	if g.key == nil {
		g.key = make([]byte, 32)
		_, _ = rand.Read(g.key) // never fails: crypto/rand
	}
	g.failures.Limit = max(o.FailuresPerMinute, 0)
	return g
}

// page decides on a request for the page. It returns what lets the page connect, or
// answers the request.
func (g *gate) page(w http.ResponseWriter, r *http.Request) (ticket string, ok bool) {
	switch {
	case !g.origin(r.Header["Origin"], r.Host): // a script asks, whose page is elsewhere
		http.Error(w, "not allowed", http.StatusForbidden)
		return "", false
	case g.opts.Allow != nil:
		if !g.opts.Allow(r) {
			g.note(socketio.AddressOf(r), errors.New("refused by Allow"))
			http.Error(w, "not allowed", http.StatusForbidden)
			return "", false
		}
	case g.opts.Users != nil:
		name, password, sent := r.BasicAuth()
		if !sent {
			w.Header().Set("WWW-Authenticate", `Basic realm="inspector", charset="UTF-8"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return "", false
		}
		done, err := g.failures.Begin(r.Context(), socketio.AddressOf(r))
		if err == nil {
			err = g.opts.table.Verify(r.Context(), name, password)
			done(err != nil)
		}
		if err != nil {
			g.note(socketio.AddressOf(r), err)
			w.Header().Set("WWW-Authenticate", `Basic realm="inspector", charset="UTF-8"`)
			http.Error(w, "wrong name or password, or too many of them", http.StatusUnauthorized)
			return "", false
		}
		return g.ticket(name, time.Now().Add(ticketLife)), true
	}
	return "", true
}

func (g *gate) note(address string, err error) {
	g.noted.Log(g.opts.Logger, slog.LevelWarn, "refused", "inspector: refused",
		slog.String("address", loglimit.Clip(address)), slog.Any("error", err))
}

// admit is the middleware of the namespace, behind Options.Guard.
func (g *gate) admit(ctx context.Context, s *socketio.Socket) error {
	s.EndSession() // the page asks for everything anew
	viewer, err := g.viewer(s)
	if err != nil {
		g.note(s.Handshake().Address, err)
		return errRefused
	}
	viewerKey.Set(s, viewer)
	g.opts.Logger.Info("inspector: connected", "viewer", viewer, "address", loglimit.Clip(s.Handshake().Address))
	return ctx.Err()
}

// viewer returns who it is.
func (g *gate) viewer(s *socketio.Socket) (string, error) {
	h := s.Handshake()
	if !g.origin(h.Header()["Origin"], h.Host) {
		return "", errors.New("a page of another origin: see Options.Origins")
	}
	switch {
	case g.opts.Allow != nil:
		if !g.opts.Allow(h.Request()) {
			return "", errors.New("refused by Allow")
		}
	case g.opts.Users != nil:
		var sent struct{ Ticket any }
		_ = h.DecodeAuth(&sent) // what is no string is no ticket
		text, _ := sent.Ticket.(string)
		return g.user(text, time.Now())
	}
	if id := s.Identity(); id != "" {
		return loglimit.Clip(id), nil
	}
	return loglimit.Clip(h.Address), nil
}

// origin reports whether it is the page that asks: a browser says of which origin a page
// is.
func (g *gate) origin(values []string, host string) bool {
	if len(values) == 0 { // no browser
		return true
	}
	if len(values) > 1 {
		return false
	}
	u, err := url.Parse(values[0])
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, host) || slices.Contains(g.opts.Origins, values[0])
}

// ticket says until when a user may connect, and is signed.
func (g *gate) ticket(user string, until time.Time) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(until.Unix()))
	b = append(b, user...)
	return base64.RawURLEncoding.EncodeToString(append(g.sum(b), b...))
}

// user returns whose ticket it is.
func (g *gate) user(ticket string, now time.Time) (string, error) {
	b, err := base64.RawURLEncoding.DecodeString(ticket)
	if err != nil || len(b) < sha256.Size+8 {
		return "", errors.New("no ticket of the page")
	}
	sum, b := b[:sha256.Size], b[sha256.Size:]
	user := string(b[8:])
	_, known := g.opts.Users[user]
	switch {
	case !hmac.Equal(sum, g.sum(b)) || !known:
		return "", errors.New("a ticket of another server, or a forged one: see Options.Key")
	case uint64(now.Unix()) >= binary.BigEndian.Uint64(b):
		return "", errors.New("a ticket that is over")
	}
	return loglimit.Clip(user), nil
}

func (g *gate) sum(b []byte) []byte {
	h := hmac.New(sha256.New, g.key)
	_, _ = h.Write(b) // never fails
	return h.Sum(nil)
}
