package engine_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/engine/internal/frame/autobahn"
	"github.com/gosio/gosio/internal/assert"
)

// lines is a slog.Handler that keeps what is logged from a level on.
type lines struct {
	from slog.Level

	mu  sync.Mutex
	all []string
}

func (l *lines) Enabled(_ context.Context, level slog.Level) bool { return level >= l.from }
func (l *lines) WithAttrs([]slog.Attr) slog.Handler               { return l }
func (l *lines) WithGroup(string) slog.Handler                    { return l }

func (l *lines) Handle(_ context.Context, r slog.Record) error {
	line := r.Level.String() + " " + r.Message
	r.Attrs(func(a slog.Attr) bool {
		line += fmt.Sprintf(" %s=%v", a.Key, a.Value.Resolve())
		return true
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, line)
	return nil
}

func (l *lines) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.all
	l.all = nil
	return all
}

// TestLog: what each end and each refusal leaves in a log of level info: one
// line where the client is to blame, none where it is not.
func TestLog(t *testing.T) {
	t.Parallel()
	const closed = "WARN engine: client broke the protocol or a limit session="
	const refused = "INFO engine: request refused code="
	const hinted = "WARN engine: request refused code="
	post := func(body string, header ...string) func(h *host) {
		return func(h *host) {
			h.do(request{method: "POST", query: "&transport=polling&sid=" + h.open(), body: strings.NewReader(body), header: header})
		}
	}
	get := func(query string, header ...string) func(h *host) {
		return func(h *host) { h.do(request{query: query, header: header}) }
	}
	send := func(f ...autobahn.Frame) func(h *host) {
		return func(h *host) {
			c, _ := h.wsOpen("")
			c.raw(frames(f...))
		}
	}
	tests := []struct {
		name string
		do   func(h *host)
		want string // a line starts so, and
		text string // has this
	}{
		{"nothing", func(h *host) { h.open(); h.wsOpen("") }, "", ""},
		{"goodbye", post("1"), "", ""},
		{"connection closed", func(h *host) { c, _ := h.wsOpen(""); _ = c.conn.Close() }, "", ""},
		{"connection reset", func(h *host) { c, _ := h.wsOpen(""); c.reset() }, "", ""},
		{"close frame", send(closeFrame(1000)), "", ""},
		{"ping timeout", func(h *host) { h.wsOpen(""); <-time.After(time.Hour) }, "", ""},
		{"first poll", func(h *host) { h.open(); <-time.After(time.Hour) }, "", ""},
		{"closed by us", func(h *host) { h.wsOpen(""); h.session().Close() }, "", ""},
		{"aborted poll", func(h *host) {
			ctx, cancel := context.WithCancel(context.Background())
			h.pollWith(ctx, h.open())
			cancel()
		}, "", ""},
		{"shutdown", func(h *host) { h.wsOpen(""); h.open(); h.srv.Close(); h.do(request{query: "&transport=polling"}) }, "", ""},
		{"no upgrade in time", func(h *host) { h.ws("&sid=" + h.open()); <-time.After(20 * time.Second) }, "", ""},

		{"packet", post("9"), closed, "reason=parse error error=engine: unknown packet type"},
		{"packet on WebSocket", send(textFrame("9")), closed, "reason=parse error error=engine: unknown packet type"},
		{"ping", send(textFrame("2")), closed, "error=engine: invalid heartbeat direction"},
		{"frame", func(h *host) { c, _ := h.wsOpen(""); c.raw([]byte{0x83, 0x80, 0, 0, 0, 0}) }, closed, "reason=transport error error="},
		{"message too large", send(textFrame("4" + strings.Repeat("x", 1000))), closed, "error=websocket: message too big (Limits.MaxHTTPBufferSize)"},
		{"body too large", post("4" + strings.Repeat("x", 1000)), closed, "error=engine: body over Limits.MaxHTTPBufferSize"},
		{"binary body", post("4", "Content-Type", "application/octet-stream"), closed, "error=engine: invalid content"},
		{"UTF-8", post("4\xff"), closed, "error=engine: body is not UTF-8"},
		{"overlap", func(h *host) { sid := h.open(); h.poll(sid); h.get(sid) }, closed, "error=engine: overlapping polls"},
		{"slow body", func(h *host) {
			h.dial().http("POST /engine.io/?EIO=4&transport=polling&sid=" + h.open() + " HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n4")
		}, closed, "error=engine: body took too long (Limits.BodyTimeout)"},
		{"partial message", func(h *host) { c, _ := h.wsOpen(""); c.raw([]byte{0x81}); <-time.After(31 * time.Second) }, closed, "error=engine: message was not completed in time"},
		{"pings", func(h *host) {
			c, _ := h.wsOpen("")
			for range 101 {
				c.raw(frames(autobahn.Frame{Op: autobahn.Ping}))
			}
		}, closed, "reason=transport error error="},
		{"slow consumer", func(h *host) {
			h.open()
			s := h.session()
			for s.Send(text(strings.Repeat("x", 1<<20))) == nil {
			}
		}, closed, "error=engine: peer does not read fast enough"},
		{"the receiver's", post("4bad"), closed, "reason=forced close error=not this"},
		{"the receiver's, later", func(h *host) { h.wsOpen(""); h.session().Fail(errors.New("too late")) }, closed, "reason=forced close error=too late"},
		{"a long text", func(h *host) { h.wsOpen(""); h.session().Fail(errors.New(strings.Repeat("x", 999))) }, closed, "error=" + strings.Repeat("x", 256)},

		{"unknown sid", get("&transport=polling&sid=unknown"), refused, "1 context=unknown sid"},
		{"transport", get("&transport=carrier"), hinted, "0 context=transport carrier"},
		{"not allowed", get("&transport=polling", "X-Forbid", "1"), refused, "4 context=not today"},
		{"key", func(h *host) { h.dial().http(upgradeRequest("&transport=websocket", "")) }, refused, "3 context=WebSocket version"},
		{"origin", get("&transport=polling", "Origin", "https://evil.example"), "WARN engine: refused a page of another origin", "origin=https://evil.example"},
		{"dev server", get("&transport=polling", "Origin", "http://localhost:5173"), "WARN engine: refused a page of another origin", "changeOrigin: true"},
		{"id", get("&transport=polling", "X-Id", "1"), "ERROR engine: request refused", "GenerateID: not an id"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				log := &lines{from: slog.LevelInfo}
				h := loggingHost(t, log)
				tt.do(h)
				synctest.Wait()
				got := log.take()
				if tt.want == "" {
					assert.Equal(t, "log", strings.Join(got, "\n"), "")
					return
				}
				assert.Equal(t, "lines: "+strings.Join(got, "\n"), len(got), 1)
				assert.True(t, got[0]+" is "+tt.want, strings.HasPrefix(got[0], tt.want))
				assert.True(t, got[0]+" has "+tt.text, strings.Contains(got[0], tt.text))
				assert.True(t, "length", len(got[0]) < 420)
			})
		})
	}
}

// loggingHost refuses messages "bad", and requests and ids by header.
func loggingHost(t *testing.T, log *lines) *host {
	a := newApp()
	a.message = func(_ *engine.Session, data []byte, _ bool) error {
		if string(data) == "bad" {
			return errors.New("not this")
		}
		return nil
	}
	var ids atomic.Int64
	return serveIn(t, setup{app: a, opts: engine.Options{
		Logger: slog.New(log), MaxHTTPBufferSize: 1000, PingInterval: time.Minute,
		AllowRequest: func(r *http.Request) error {
			if r.Header.Get("X-Forbid") != "" {
				return errors.New("not today")
			}
			return nil
		},
		GenerateID: func(r *http.Request) (string, error) {
			return strings.Repeat("!", len(r.Header.Get("X-Id"))) + fmt.Sprint("id-", ids.Add(1)), nil
		},
	}})
}

// TestLogBound: clients cannot fill the disk.
func TestLogBound(t *testing.T) {
	bubble(t, func(t *testing.T) {
		log := &lines{from: slog.LevelInfo}
		h := loggingHost(t, log)
		refuse := func(n int) {
			for range n {
				h.do(request{query: "&transport=polling&sid=unknown"})
			}
		}
		refuse(100)
		assert.Equal(t, "a burst", len(log.take()), 10)
		refuse(5)
		assert.Equal(t, "nothing more", len(log.take()), 0)
		h.do(request{query: "&transport=carrier"})
		assert.Equal(t, "another kind", len(log.take()), 1)
		<-time.After(10 * time.Second)
		refuse(5)
		got := log.take()
		assert.Equal(t, "one in ten seconds", len(got), 1)
		assert.True(t, got[0], strings.HasSuffix(got[0], " left_out=95"))
		<-time.After(time.Hour)
		refuse(100)
		assert.Equal(t, "a burst again", len(log.take()), 10)
		for i := range 30 {
			c, _ := h.wsOpen("")
			c.send("9")
			c.expectClose(1005)
			_ = c.conn.Close()
			if i == 29 {
				synctest.Wait() // servers log when they have told the client
				assert.Equal(t, "sessions", len(log.take()), 10)
			}
		}
	})
}

// TestLogStrays: requests of sessions that other servers have are told once,
// when there are about as many as handshakes.
func TestLogStrays(t *testing.T) {
	for _, tt := range []struct{ handshakes, strays, want int }{
		{5, 9, 0}, {5, 10, 1}, {5, 100, 1}, {4, 100, 0}, {100, 49, 0}, {100, 50, 1},
	} {
		t.Run(fmt.Sprint(tt), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				log := &lines{from: slog.LevelWarn}
				h := loggingHost(t, log)
				for range tt.handshakes {
					h.open()
				}
				for range tt.strays {
					h.do(request{query: "&transport=polling&sid=unknown"})
				}
				got := log.take()
				assert.Equal(t, "lines", len(got), tt.want)
				for _, line := range got {
					assert.True(t, line, strings.Contains(line, "sticky sessions"))
				}
			})
		})
	}
}

// TestLogKinds: neither does it help to be refused in a new way each time.
func TestLogKinds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		log := &lines{from: slog.LevelInfo}
		code := 0
		h := serveIn(t, setup{opts: engine.Options{Logger: slog.New(log), AllowRequest: func(*http.Request) error {
			code++
			return &engine.RequestError{Code: engine.Code(code)}
		}}})
		for range 1000 {
			h.do(request{query: "&transport=polling"})
		}
		assert.Equal(t, "lines", len(log.take()), 64+10)
	})
}

// TestLogSecrets: even a log of everything has no session id, token, cookie or
// payload in it.
func TestLogSecrets(t *testing.T) {
	bubble(t, func(t *testing.T) {
		log := &lines{from: slog.LevelDebug}
		h := loggingHost(t, log)
		secret := []string{"Cookie", "session=SECRET", "Authorization", "Bearer SECRET"}
		r := h.do(request{query: "&transport=polling&token=SECRET", header: secret})
		sid := sidOf(r.body)
		s := h.session()
		h.posted(sid, "4SECRET")
		assert.NoError(t, s.Send(text("SECRET")))
		h.get(sid)
		h.upgraded(sid)
		synctest.Wait()
		s.Close()
		h.do(request{query: "&transport=polling&token=SECRET&sid=" + sid, header: secret})
		sid = h.open()
		h.post(sid, "9SECRET")
		h.do(request{query: "&transport=polling&sid=SECRET", header: secret})
		h.do(request{query: "&transport=polling&token=SECRET&X=1", header: append(secret, "X-Forbid", "1")})
		synctest.Wait()
		all := strings.Join(log.take(), "\n")
		assert.True(t, "there is a log", strings.Contains(all, "session upgraded") && strings.Count(all, "\n") > 4)
		for _, no := range []string{"SECRET", sid, s.ID()} {
			assert.True(t, no+" in "+all, !strings.Contains(all, no))
		}
	})
}

// TestUnheard: middleware that refuses POSTs shows in the log, where all that
// the server sees is a client that polls.
func TestUnheard(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for name, posts := range map[string]bool{"refused": false, "heard": true} {
			var logged syncBuffer
			h := serveIn(t, setup{opts: engine.Options{Logger: textLogger(&logged), PingInterval: time.Second, PingTimeout: time.Second}})
			sid := h.open()
			if posts {
				h.posted(sid, "4x")
				assert.Equal(t, "echo", h.get(sid).body, "4x")
			}
			assert.Equal(t, "ping", h.get(sid).body, "2")
			h.ended(engine.ReasonPingTimeout)
			assert.Equal(t, name, strings.Contains(logged.String(), "no POST of it has arrived"), !posts)
		}
	})
}

// TestRedirectedPost: a browser makes a GET of a POST that is redirected.
func TestRedirectedPost(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for name, redirects := range map[string]bool{"redirects": true, "does not": false} {
			var logged syncBuffer
			h := serveIn(t, setup{opts: engine.Options{Logger: textLogger(&logged)}, wrap: func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if redirects && strings.HasSuffix(r.URL.Path, "/") {
						http.Redirect(w, r, strings.TrimSuffix(r.URL.Path, "/")+"?"+r.URL.RawQuery, http.StatusMovedPermanently)
						return
					}
					next.ServeHTTP(w, r)
				})
			}})
			sid := h.open()
			poll := h.poll(sid)
			if redirects {
				h.post(sid, "4x")
			} else {
				h.get(sid)
			}
			h.ended(engine.ReasonTransportError)
			<-poll
			assert.Equal(t, name, strings.Contains(logged.String(), "a middleware redirects"), redirects)
		}
	})
}
