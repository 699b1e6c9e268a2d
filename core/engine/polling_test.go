package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/internal/assert"
)

// TestPolling is the whole life of a polling session.
func TestPolling(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := serve(t, setup{})
		sid := h.open()
		r := h.post(sid, "4hello\x1ebAQID\x1e4world")
		assert.Equal(t, "status", r.status, 200)
		assert.Equal(t, "body", r.body, "ok")
		assert.Equal(t, "type", r.header.Get("Content-Type"), "text/html")
		assert.Equal(t, "length", r.header.Get("Content-Length"), "2")
		assert.Equal(t, "cache", r.header.Get("Cache-Control"), "no-store")
		r = h.get(sid)
		assert.Equal(t, "payload", r.body, "4hello\x1ebAQID\x1e4world")
		assert.Equal(t, "type", r.header.Get("Content-Type"), "text/plain; charset=UTF-8")
		assert.Equal(t, "cache", r.header.Get("Cache-Control"), "no-store")

		poll := h.poll(sid)
		assert.NoError(t, h.session().Send(text("a"), text("b")))
		h.answered(poll, "4a\x1e4b")

		poll = h.poll(sid)
		h.posted(sid, "1\x1e4ignored")
		h.ended(engine.ReasonTransportClose)
		r = await(h, "the poll", poll)
		assert.Equal(t, "told", r.body, "6")
		h.get(sid).refused(t, 400, unknown)
		assert.Equal(t, "sessions", h.srv.Count(), 0)
	})
}

// TestPayloads walks the bodies of POSTs. What comes before the fault of one
// is handled.
func TestPayloads(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body string
		reason     engine.Reason
		echo       string
	}{
		{"message", "4a", "", "4a"},
		{"empty message", "4", "", "4"},
		{"binary", "bAQID", "", "bAQID"},
		{"binary without padding", "bAQI", "", "bAQI="},
		{"URL-safe binary", "b_-8=", "", "b/+8="},
		{"pong", "3", "", ""},
		{"pongs", strings.Repeat("3\x1e", 5000) + "4a", "", "4a"},
		{"noops", strings.Repeat("6\x1e", 5000) + "4a", "", "4a"},
		{"many", strings.Repeat("4x\x1e", 5000) + "4x", "", strings.Repeat("4x\x1e", 5000) + "4x"},
		{"close", "4a\x1e1", engine.ReasonTransportClose, ""},
		{"ping", "4a\x1e2", engine.ReasonTransportError, "4a"},
		{"probe", "2probe", engine.ReasonTransportError, ""},
		{"open", "0{}\x1e4a", "", "4a"},
		{"upgrade", "5\x1e4a", "", "4a"},
		{"unknown type", "4a\x1e9", engine.ReasonParseError, "4a"},
		{"empty", "", engine.ReasonParseError, ""}, // the reference answers ok to all of these
		{"separator", "\x1e", engine.ReasonParseError, ""},
		{"separator behind", "4a\x1e", engine.ReasonParseError, "4a"},
		{"separator before", "\x1e4a", engine.ReasonParseError, ""},
		{"two separators", "4a\x1e\x1e4b", engine.ReasonParseError, "4a"},
		{"only separators", strings.Repeat("\x1e", 100_000), engine.ReasonParseError, ""},
		{"broken base64", "b*", engine.ReasonParseError, ""},
		{"not UTF-8", "4a\xff", engine.ReasonParseError, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			both(t, func(t *testing.T, serve starter) {
				h := serve(t, setup{})
				sid := h.open()
				r := h.post(sid, tt.body)
				switch tt.reason {
				case "":
					r.refused(t, 200, "ok")
					h.alive()
					assert.NoError(t, h.session().Send(text("end")))
					want := tt.echo + "\x1e4end"
					assert.Equal(t, "echo", h.get(sid).body, strings.TrimPrefix(want, "\x1e"))
					return
				case engine.ReasonTransportClose:
					r.refused(t, 200, "ok")
					h.ended(tt.reason)
					return // see TestGoodbye
				default:
					r.refused(t, 400, badRequest)
				}
				h.ended(tt.reason)
				if tt.echo != "" { // what came before is answered
					h.get(sid).refused(t, 200, tt.echo)
				}
				h.get(sid).refused(t, 400, unknown)
			})
		})
	}
}

// TestContentTypes: all but one are taken for UTF-8 text.
func TestContentTypes(t *testing.T) {
	t.Parallel()
	tests := map[string]int{
		"": 200, "text/plain;charset=UTF-8": 200, "text/plain;charset=utf-16": 200, "application/json": 200,
		"multipart/form-data; boundary=x": 200, "application/x-www-form-urlencoded": 200,
		"application/octet-stream": 400,
	}
	for typ, want := range tests {
		t.Run(typ, func(t *testing.T) {
			both(t, func(t *testing.T, serve starter) {
				h := serve(t, setup{})
				sid := h.open()
				r := h.do(request{method: "POST", query: "&transport=polling&sid=" + sid, body: strings.NewReader("4x"), header: []string{"Content-Type", typ}})
				assert.Equal(t, "status", r.status, want)
				if want != 200 {
					h.ended(engine.ReasonTransportError)
					return
				}
				assert.Equal(t, "echo", h.get(sid).body, "4x")
			})
		})
	}
}

// TestOverlap: a session has one GET and one POST at a time.
func TestOverlap(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := serve(t, setup{})
		sid := h.open()
		poll := h.poll(sid)
		h.get(sid).refused(t, 400, badRequest)
		h.answered(poll, "1")
		h.ended(engine.ReasonTransportError)
		h.get(sid).refused(t, 400, unknown)

		sid = h.open()
		body, first := h.slowPost(sid, "4a")
		h.post(sid, "4b").refused(t, 400, badRequest)
		h.ended(engine.ReasonTransportError)
		await(h, "the first POST", first).refused(t, 400, badRequest) // before the body ends: the server closes the connection
		assert.NoError(t, body.Close())
		h.post(sid, "4c").refused(t, 400, unknown)

		sid = h.open() // a GET and a POST may
		poll = h.poll(sid)
		h.posted(sid, "4x")
		h.answered(poll, "4x")
	})
}

// slowPost starts a POST and returns once its handler reads the body, of
// which a part has been sent.
func (h *host) slowPost(sid, part string) (*io.PipeWriter, <-chan reply) {
	h.t.Helper()
	r, w := io.Pipe()
	answer := make(chan reply, 1)
	begun := make(chan struct{})
	go func() {
		answer <- h.try(request{method: "POST", query: "&transport=polling&sid=" + sid, body: r, header: []string{"Expect", "100-continue"}})
	}()
	go func() {
		_, _ = w.Write([]byte(part)) // the transport asks for it once the handler reads
		close(begun)
	}()
	await(h, "the server to read a body", begun)
	return w, answer
}

// TestAbortedPoll: the client drops the connection of its GET.
func TestAbortedPoll(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := serve(t, setup{})
		sid := h.open()
		ctx, cancel := context.WithCancel(context.Background())
		poll := h.pollWith(ctx, sid)
		cancel()
		assert.ErrorIs(t, await(h, "the poll", poll).err, context.Canceled)
		err := h.ended(engine.ReasonTransportError)
		assert.Equal(t, "error", err.Error(), "engine: poll connection closed prematurely")
		h.get(sid).refused(t, 400, unknown)
	})
}

// TestAbortedPost: the client drops the connection of its POST.
func TestAbortedPost(t *testing.T) {
	t.Parallel()
	for name, drop := range map[string]func(*client){
		"FIN": func(c *client) { _ = c.conn.Close() },
		"RST": (*client).reset,
	} {
		for _, encoding := range []string{"Content-Length: 10\r\n\r\n4x", "Transfer-Encoding: chunked\r\n\r\n2\r\n4x\r\n"} {
			t.Run(name+" "+encoding[:3], func(t *testing.T) {
				both(t, func(t *testing.T, serve starter) {
					h := serve(t, setup{})
					c := h.dial()
					head, part, _ := strings.Cut(encoding, "\r\n\r\n")
					res := c.http("POST /engine.io/?EIO=4&transport=polling&sid=" + h.open() + " HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n" + head + "\r\n\r\n")
					assert.Equal(t, "status", res.StatusCode, 100) // the handler reads
					c.raw([]byte(part))
					drop(c)
					h.ended(engine.ReasonTransportError)
				})
			})
		}
	}
}

// TestSlowBody: a body that drips.
func TestSlowBody(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serveIn(t, setup{opts: engine.Options{BodyTimeout: 20 * time.Second, FirstPollTimeout: -1}})
		c := h.dial()
		start := time.Now()
		sid := h.open()
		c.raw([]byte("POST /engine.io/?EIO=4&transport=polling&sid=" + sid + " HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n4"))
		drip := time.NewTicker(time.Second)
		defer drip.Stop()
		stop := make(chan struct{})
		go func() {
			for {
				select {
				case <-drip.C:
					_, _ = c.conn.Write([]byte("x"))
				case <-stop:
					return
				}
			}
		}()
		res, err := http.ReadResponse(c.br, nil)
		close(stop)
		assert.NoError(t, err)
		assert.Equal(t, "status", res.StatusCode, 408)
		assert.Equal(t, "closes", res.Close, true)
		assert.Equal(t, "after", time.Since(start), 20*time.Second)
		h.ended(engine.ReasonTransportError)
	})
}

// TestSlowBodyOnASocket is the same where deadlines are the kernel's.
func TestSlowBodyOnASocket(t *testing.T) {
	t.Parallel()
	h := serve(t, setup{opts: engine.Options{BodyTimeout: 20 * time.Millisecond}})
	res := h.dial().http("POST /engine.io/?EIO=4&transport=polling&sid=" + h.open() + " HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n4")
	assert.Equal(t, "status", res.StatusCode, 408)
	h.ended(engine.ReasonTransportError)
}

// TestPollDeadline: a poll ends with a noop, and the session goes on, before
// somebody else's deadline cuts it.
func TestPollDeadline(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		wrap  func(http.Handler) http.Handler
		write time.Duration
		after time.Duration // 0: it waits until a ping
	}{
		{"WriteTimeout", nil, 5 * time.Second, 0}, // lifted by the engine
		{"WriteTimeout behind a wrapper", bare, 5 * time.Second, 4500 * time.Millisecond},
		{"short WriteTimeout behind a wrapper", bare, time.Second, 800 * time.Millisecond},
		{"context", deadline(5 * time.Second), 0, 4500 * time.Millisecond},
		{"context and WriteTimeout", func(h http.Handler) http.Handler { return deadline(7 * time.Second)(bare(h)) }, 5 * time.Second, 4500 * time.Millisecond},
		{"TimeoutHandler", func(h http.Handler) http.Handler { return http.TimeoutHandler(h, 5*time.Second, "") }, 0, 4500 * time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serveIn(t, setup{wrap: tt.wrap, tune: func(s *http.Server) { s.WriteTimeout = tt.write }})
				sid := h.open()
				start := time.Now()
				if tt.after == 0 {
					h.answered(h.poll(sid), "2")
					assert.Equal(t, "after", time.Since(start), 25*time.Second)
					return
				}
				h.answered(h.poll(sid), "6")
				assert.Equal(t, "after", time.Since(start), tt.after)
				h.answered(h.poll(sid), "6")
				poll := h.poll(sid)
				assert.NoError(t, h.session().Send(text("x")))
				h.answered(poll, "4x")
				h.alive()
			})
		})
	}
}

// bare hides everything of a ResponseWriter but its three methods.
func bare(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(struct{ http.ResponseWriter }{w}, r)
	})
}

// deadline gives requests a context that ends, as timeout middlewares do.
func deadline(d time.Duration) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithTimeoutCause(r.Context(), d, errors.New("enough"))
			defer cancel()
			next.ServeHTTP(w, r.WithContext(ctx))
		})
	}
}

// TestExpiredContext: even a poll that comes too late for a margin is only a
// noop.
func TestExpiredContext(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := serve(t, setup{wrap: deadline(0)})
		sid := h.open()
		h.answered(h.poll(sid), "6")
		h.alive()
	})
}

// TestPollThatIsNotRead: a peer that takes its answer slowly gets it, and one
// that takes nothing is cut.
func TestPollThatIsNotRead(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serveIn(t, setup{opts: engine.Options{FirstPollTimeout: -1, PingInterval: time.Hour, WriteTimeout: 10 * time.Second}})
		sid := h.open()
		s := h.session()
		want := strings.Repeat("x", 2<<20)
		assert.NoError(t, s.Send(text(want)))
		c := h.dial()
		get := "GET /engine.io/?EIO=4&transport=polling&sid=" + sid + " HTTP/1.1\r\nHost: x\r\n\r\n"
		c.raw([]byte(get))
		res, err := http.ReadResponse(c.br, nil)
		assert.NoError(t, err)
		var got strings.Builder
		for start := time.Now(); ; {
			n, err := io.CopyN(&got, res.Body, 64<<10)
			if err == io.EOF {
				assert.True(t, "it took longer than WriteTimeout", time.Since(start) > 20*time.Second)
				break
			}
			assert.NoError(t, err)
			<-time.After(time.Duration(n) * time.Second >> 16) // 64 KB a second
		}
		assert.True(t, "whole", got.String() == "4"+want)
		h.alive()

		assert.NoError(t, s.Send(text(want)))
		c.raw([]byte(get))
		start := time.Now()
		h.ended(engine.ReasonTransportError)
		assert.Equal(t, "cut", time.Since(start), 10*time.Second)
	})
}

// TestPollWithoutWriteTimeout: negative means none, also for big answers.
func TestPollWithoutWriteTimeout(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := serve(t, setup{opts: engine.Options{WriteTimeout: -1}})
		sid := h.open()
		want := strings.Repeat("x", 1<<20)
		assert.NoError(t, h.session().Send(text(want)))
		assert.Equal(t, "length", len(h.get(sid).body), len(want)+1)
		h.alive()
	})
}

// TestKeepAlive: one connection serves handshake, POSTs and polls, and a
// write deadline of one does not reach the next.
func TestKeepAlive(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serveIn(t, setup{opts: engine.Options{WriteTimeout: time.Second}})
		c := h.dial()
		exchange := func(method, query, body string) string {
			res := c.http(fmt.Sprintf("%s /engine.io/?EIO=4&transport=polling%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", method, query, len(body), body))
			b, err := io.ReadAll(res.Body)
			assert.NoError(t, err)
			return string(b)
		}
		sid := "&sid=" + sidOf(exchange("GET", "", ""))
		big := "4" + strings.Repeat("x", 200_000)
		assert.Equal(t, "POST", exchange("POST", sid, big), "ok")
		assert.Equal(t, "echo", exchange("GET", sid, "") == big, true)
		assert.Equal(t, "ping", exchange("GET", sid, ""), "2") // 25 s later
		assert.Equal(t, "pong", exchange("POST", sid, "3"), "ok")
		h.alive()
	})
}

// TestBacklog: a POST is read once there is room, and the heartbeat does not
// blame the client meanwhile.
func TestBacklog(t *testing.T) {
	bubble(t, func(t *testing.T) {
		room := make(chan struct{})
		var full bool
		a := newApp()
		a.backlog = func() <-chan struct{} {
			if full {
				return room
			}
			return nil
		}
		h := serveIn(t, setup{app: a})
		sid := h.open()
		full = true
		poll := h.poll(sid)
		answer := make(chan reply, 1)
		go func() { answer <- h.post(sid, "4x") }()
		h.answered(poll, "2")
		poll = h.poll(sid)
		<-time.After(5 * time.Minute)
		h.alive()
		assert.Equal(t, "answers", len(answer), 0)
		full = false
		close(room)
		await(h, "the POST", answer).refused(t, 200, "ok")
		h.answered(poll, "4x")
		h.posted(sid, "3")
		<-time.After(10 * time.Second)
		h.alive()
	})
}

// TestBacklogEnds: the end of the session ends the wait.
func TestBacklogEnds(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		asked := make(chan struct{}, 9)
		a := newApp()
		a.backlog = func() <-chan struct{} {
			asked <- struct{}{}
			return make(chan struct{})
		}
		h := serve(t, setup{app: a})
		sid := h.open()
		done := make(chan reply, 1)
		go func() { done <- h.post(sid, "4x") }()
		await(h, "the wait", asked)
		h.session().Close()
		await(h, "the POST", done).refused(t, 200, "ok")
		h.ended(engine.ReasonForcedClose)
	})
}

// TestGoodbye: a GET that was sent before its client's close packet may come
// after it, by another connection.
func TestGoodbye(t *testing.T) {
	t.Parallel()
	for name, gets := range map[string][]string{"overtaken": {"6", unknown}, "later": {unknown}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serveIn(t, setup{})
				sid := h.open()
				h.posted(sid, "1")
				h.ended(engine.ReasonTransportClose)
				if name == "later" {
					<-time.After(250 * time.Millisecond)
					synctest.Wait() // for the timer of the same moment
				}
				for _, want := range gets {
					r := h.get(sid)
					assert.Equal(t, "body", r.body, want)
				}
				assert.Equal(t, "sessions", h.srv.Count(), 0)
			})
		})
	}
}
