package engine_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/internal/assert"
)

// shelf is a Receiver's room: so many bytes, until somebody clears it.
type shelf struct {
	mu    sync.Mutex
	limit int
	held  int
	got   []string
	room  chan struct{}
}

func (s *shelf) put(_ *engine.Session, data []byte, _ bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held += len(data)
	s.got = append(s.got, string(data))
	return nil
}

func (s *shelf) backlog() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held < s.limit {
		return nil
	}
	if s.room == nil {
		s.room = make(chan struct{})
	}
	return s.room
}

func (s *shelf) clear() (held int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	held, s.held = s.held, 0
	if s.room != nil {
		close(s.room)
		s.room = nil
	}
	return held
}

// payload is one POST of n packets: "4" and a number, or its bytes.
func payload(n int, revision string, binary bool) (body string, want []string, header []string) {
	var b strings.Builder
	for i := range n {
		data := fmt.Sprintf("%06d", i)
		want = append(want, data)
		switch {
		case revision == "3" && binary:
			b.WriteString("\x01\x07\xff\x04" + data)
		case revision == "3":
			b.WriteString("7:4" + data)
		default:
			if i > 0 {
				b.WriteByte(0x1e)
			}
			if binary {
				b.WriteString("b" + base64.StdEncoding.EncodeToString([]byte(data)))
			} else {
				b.WriteString("4" + data)
			}
		}
	}
	if revision == "3" && binary {
		header = []string{"Content-Type", "application/octet-stream"}
	}
	return b.String(), want, header
}

// TestBacklogWithinPost: the packets of one POST wait for room, too, in every
// form of payload; they come in order, the answer behind the last, and the
// heartbeat does not blame the client.
func TestBacklogWithinPost(t *testing.T) {
	t.Parallel()
	const packets, limit, most = 10_000, 1000, 1000 + 1024
	for _, tt := range []struct {
		revision string
		binary   bool
	}{{"4", false}, {"4", true}, {"3", false}, {"3", true}} {
		t.Run(fmt.Sprintf("%s binary %v", tt.revision, tt.binary), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				sh := &shelf{limit: limit}
				a := newApp()
				a.message, a.backlog = sh.put, sh.backlog
				h := serveIn(t, setup{app: a, opts: engine.Options{AllowEIO3: true, FirstPollTimeout: -1}})
				h.base = strings.TrimSuffix(h.base, "4") + tt.revision
				sid := h.open()
				body, want, header := payload(packets, tt.revision, tt.binary)
				answer := make(chan reply, 1)
				go func() {
					answer <- h.try(request{method: "POST", query: "&transport=polling&sid=" + sid, body: strings.NewReader(body), header: header})
				}()
				rounds := 0
				for done := false; !done; rounds++ {
					synctest.Wait()
					if rounds == 3 {
						<-time.After(10 * time.Minute) // many times the ping timeout
						h.alive()
					}
					if held := sh.clear(); held < 1 || held > most {
						t.Fatalf("round %d: %d bytes wait", rounds, held)
					}
					synctest.Wait()
					done = len(answer) > 0
				}
				assert.True(t, fmt.Sprint("rounds: ", rounds), rounds > packets*6/most)
				(<-answer).refused(t, 200, "ok")
				assert.Equal(t, "packets", strings.Join(sh.got, " "), strings.Join(want, " "))
				h.alive()
			})
		})
	}
}

// TestBacklogOutlivesRequest: a request that is given up while its packets wait
// neither loses them nor lets them pass; the session takes no other POST
// meanwhile.
func TestBacklogOutlivesRequest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sh := &shelf{limit: 1000}
		a := newApp()
		a.message, a.backlog = sh.put, sh.backlog
		h := serveIn(t, setup{app: a, wrap: deadline(time.Second), opts: engine.Options{FirstPollTimeout: -1}})
		sid := h.open()
		body, want, _ := payload(1000, "4", false)
		ctx, cancel := context.WithCancel(context.Background())
		gone := make(chan reply, 1)
		go func() {
			gone <- h.try(request{ctx: ctx, method: "POST", query: "&transport=polling&sid=" + sid, body: strings.NewReader(body)})
		}()
		<-time.After(time.Minute)
		h.alive()
		cancel()
		assert.ErrorIs(t, (<-gone).err, context.Canceled)
		<-time.After(time.Minute)
		assert.True(t, "bounded", sh.clear() <= 2024)
		for range 9 {
			synctest.Wait()
			sh.clear()
		}
		synctest.Wait()
		assert.Equal(t, "packets", strings.Join(sh.got, " "), strings.Join(want, " "))
		h.posted(sid, "4x")
		h.alive()

		go func() { gone <- h.post(sid, body) }()
		synctest.Wait()
		h.post(sid, "4y").refused(t, 400, badRequest)
		h.ended(engine.ReasonTransportError)
		synctest.Wait()
		assert.Equal(t, "the first has ended, too", len(gone), 1)
	})
}

// TestBacklogSessionEnds: the end of the session ends the wait within a POST,
// and what has not been taken is dropped.
func TestBacklogSessionEnds(t *testing.T) {
	for name, end := range map[string]func(h *host, s *engine.Session){
		"closed":   func(_ *host, s *engine.Session) { s.Close() },
		"lost":     func(_ *host, s *engine.Session) { (*engine.Layer)(s).Lost() },
		"shutdown": func(h *host, _ *engine.Session) { go h.srv.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				sh := &shelf{limit: 1000}
				a := newApp()
				a.message, a.backlog = sh.put, sh.backlog
				h := serveIn(t, setup{app: a})
				sid, s := h.open(), h.session()
				body, _, _ := payload(1000, "4", false)
				answer := make(chan reply, 1)
				go func() { answer <- h.post(sid, body) }()
				synctest.Wait()
				end(h, s)
				synctest.Wait()
				assert.Equal(t, "answered", len(answer), 1)
				assert.True(t, "the rest is dropped", sh.clear() <= 2024)
			})
		})
	}
}

// TestPostPanics: an application that panics, or ends the goroutine, does not
// leave the session with a POST under way for ever. What was behind that message
// is lost, so the session ends.
func TestPostPanics(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newApp()
		a.message = func(_ *engine.Session, data []byte, _ bool) error {
			switch string(data) {
			case "panic":
				panic(http.ErrAbortHandler)
			case "exit":
				runtime.Goexit()
			}
			return nil
		}
		h := serveIn(t, setup{app: a})
		for _, how := range []string{"4panic", "4exit"} {
			sid := h.open()
			poll := h.poll(sid)
			r := h.try(request{method: "POST", query: "&transport=polling&sid=" + sid, body: strings.NewReader(how + "\x1e4behind")})
			assert.True(t, "aborted", r.err != nil)
			assert.True(t, "as a failure", h.ended(engine.ReasonTransportError) != nil)
			h.answered(poll, "1")
			h.posted(h.open(), "4x")
		}
	})
}

// TestUpgradePanics: an application that panics does not keep the place of an
// upgrade for ever.
func TestUpgradePanics(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serveIn(t, setup{opts: engine.Options{Headers: func(_ http.Header, r *http.Request, _ bool) {
			if r.Header.Get("X-Panic") != "" {
				panic(http.ErrAbortHandler)
			}
		}}})
		sid := h.open()
		c := h.dial()
		c.raw([]byte(upgradeRequest("&transport=websocket&sid="+sid, keyHeaders+"X-Panic: 1\r\n")))
		c.expectEnd()
		c = h.upgraded(sid)
		c.send("4x")
		c.expect("4x")
	})
}

// deafProbe probes often and reads no answer.
func (h *host) deafProbe(sid string) *client {
	h.t.Helper()
	c := h.ws("&sid=" + sid)
	assert.NoError(h.t, c.conn.(interface{ SetReadBuffer(int) error }).SetReadBuffer(1))
	for range 50 {
		c.send("2probe")
	}
	synctest.Wait()
	return c
}

// TestQueuedBytes: what was queued is accounted for however it leaves, or does not.
func TestQueuedBytes(t *testing.T) {
	t.Parallel()
	for name, try := range map[string]func(h *host, sid string, s *engine.Session){
		"probe resets": func(h *host, sid string, _ *engine.Session) {
			c := h.ws("&sid=" + sid)
			c.send("2probe")
			c.reset()
		},
		"probe closes": func(h *host, sid string, _ *engine.Session) {
			c := h.ws("&sid=" + sid)
			c.send("2probe")
			_ = c.conn.Close()
		},
		"probe takes no answers and resets": func(h *host, sid string, _ *engine.Session) {
			h.deafProbe(sid).reset()
		},
		"probe takes no answers": func(h *host, sid string, _ *engine.Session) {
			h.deafProbe(sid)
			<-time.After(11 * time.Second)
		},
		"wrong step":  func(h *host, sid string, _ *engine.Session) { h.ws("&sid=" + sid).send("4x") },
		"probe twice": func(h *host, sid string, _ *engine.Session) { h.probe(sid); h.ws("&sid=" + sid) },
		"too slow": func(h *host, sid string, _ *engine.Session) {
			h.probe(sid)
			<-time.After(11 * time.Second)
		},
		"volatile without a poll": func(_ *host, _ string, s *engine.Session) { s.SendVolatile(text("x")) },
		"a poll":                  func(h *host, sid string, s *engine.Session) { _ = s.Send(text("x")); h.get(sid) },
		"a poll that is not read": func(h *host, sid string, s *engine.Session) {
			_ = s.Send(text(strings.Repeat("x", 1<<20)))
			c := h.dial()
			c.raw([]byte("GET /engine.io/?EIO=4&transport=polling&sid=" + sid + " HTTP/1.1\r\nHost: x\r\n\r\n"))
			synctest.Wait()
			_ = c.conn.Close()
		},
		"lost": func(_ *host, _ string, s *engine.Session) { _ = s.Send(text("x")); (*engine.Layer)(s).Lost() },
		"closed": func(h *host, _ string, _ *engine.Session) {
			c, _ := h.wsOpen("")
			s := h.session()
			_ = s.Send(text("x"))
			s.Close()
			for {
				if _, _, err := c.read(); err != nil {
					return
				}
			}
		},
		"Headers panics": func(h *host, sid string, s *engine.Session) {
			_ = s.Send(text("x"))
			h.try(request{query: "&transport=polling&sid=" + sid, header: []string{"X-Panic", "1"}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serveIn(t, setup{opts: engine.Options{
					FirstPollTimeout: -1, PingInterval: time.Hour,
					Headers: func(_ http.Header, r *http.Request, _ bool) {
						if r.Header.Get("X-Panic") != "" {
							panic(http.ErrAbortHandler)
						}
					},
				}})
				for range 3 {
					try(h, h.open(), h.session())
					synctest.Wait()
					st := h.srv.Stats(nil)
					assert.Equal(t, "queued", st.QueuedBytes, 0)
				}
			})
		})
	}
}
