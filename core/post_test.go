package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/integrations/mount"
	"github.com/gosio/gosio/internal/assert"
)

// httpDo makes one request without a network.
func httpDo(h http.Handler, method, query, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/socket.io/?"+query, strings.NewReader(body))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// payloadOf joins packets as the revision does.
func payloadOf(revision string, packets ...string) string {
	if revision == "4" {
		return strings.Join(packets, "\x1e")
	}
	var b strings.Builder
	for _, p := range packets {
		fmt.Fprintf(&b, "%d:%s", len(p), p)
	}
	return b.String()
}

// TestReceiveBufferOfOnePost: one POST of many small events, behind a handler or
// behind the middleware of its own namespace, is held to ReceiveBuffer as a
// WebSocket is; every event runs, in order, before the answer or behind it.
func TestReceiveBufferOfOnePost(t *testing.T) {
	const limit = 100_000
	for _, revision := range []string{"4", "3"} {
		for _, behind := range []string{"handler", "middleware"} {
			t.Run(revision+" behind a "+behind, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					a := newApp(t, socketio.Options{AllowEIO3: true, ConnectTimeout: -1, Limits: socketio.Limits{
						ReceiveBuffer: limit, FirstPollTimeout: -1, MiddlewareTimeout: -1,
					}})
					hold := make(chan struct{})
					a.Of("/other").UseFunc(func(context.Context, *socketio.Socket) error {
						if behind == "middleware" {
							<-hold
						}
						return nil
					})
					n := 0
					a.Of("/other").On("e", func(i int) {
						if behind == "handler" {
							<-hold
						}
						assert.Equal(t, "in order", i, n)
						n++
					})
					open := httpDo(a, "GET", "EIO="+revision+"&transport=polling", "").Body.String()
					_, rest, _ := strings.Cut(open, `"sid":"`)
					sid, _, _ := strings.Cut(rest, `"`)
					const events = 8000
					packets := []string{"40/other,"}
					for i := range events {
						packets = append(packets, fmt.Sprintf(`42/other,["e",%d]`, i))
					}
					answer := make(chan *httptest.ResponseRecorder, 1)
					go func() {
						answer <- httpDo(a, "POST", "EIO="+revision+"&transport=polling&sid="+sid, payloadOf(revision, packets...))
					}()
					time.Sleep(3 * time.Minute)
					st := a.Stats()
					assert.True(t, fmt.Sprint("waiting: ", st.ReceiveBytes), st.ReceiveBytes >= limit && st.ReceiveBytes < limit*5/4)
					assert.Equal(t, "held", st.ReceiveHeld, 1)
					assert.Equal(t, "answered", len(answer), 0)
					close(hold)
					select {
					case w := <-answer:
						assert.Equal(t, "answer", w.Body.String(), "ok")
					case <-time.After(time.Hour):
						t.Fatal("the POST waits for ever")
					}
					synctest.Wait()
					assert.Equal(t, "handled", n, events)
					assert.Equal(t, "left", a.Stats().ReceiveBytes, 0)
				})
			})
		}
	}
}

// TestCallBehindOnePost: a handler that waits for its client, whose answer waits
// in the same POST behind more than may be queued, is told so.
func TestCallBehindOnePost(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newApp(t, socketio.Options{Limits: socketio.Limits{ReceiveBuffer: 10_000, FirstPollTimeout: -1}})
		failed := make(chan error, 1)
		a.On("ask", func(ctx context.Context, s *socketio.Socket) {
			_, err := socketio.Call[int](ctx, s, "question")
			failed <- err
		})
		a.On("e", func() {})
		open := httpDo(a, "GET", "EIO=4&transport=polling", "").Body.String()
		_, rest, _ := strings.Cut(open, `"sid":"`)
		sid, _, _ := strings.Cut(rest, `"`)
		packets := []string{"40", `42["ask"]`}
		for range 1000 {
			packets = append(packets, `42["e"]`)
		}
		w := httpDo(a, "POST", "EIO=4&transport=polling&sid="+sid, payloadOf("4", append(packets, "430[]")...))
		assert.Equal(t, "answer", w.Body.String(), "ok")
		if err := <-failed; !errors.Is(err, socketio.ErrBacklog) {
			t.Fatalf("Call returned %v", err)
		}
	})
}

// TestHandshakeLimit: Limits.Handshake reaches the engine, and a client that is
// over it is told so, as is the log.
func TestHandshakeLimit(t *testing.T) {
	for _, limit := range []int{0, 1000, -1} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := newApp(t, socketio.Options{Limits: socketio.Limits{Handshake: limit}})
				open := func(size int) *httptest.ResponseRecorder {
					r := httptest.NewRequest("GET", "/socket.io/?EIO=4&transport=polling", nil)
					r.Header.Set("Cookie", strings.Repeat("c", size-len(r.RequestURI)-len(r.Host)-len("Cookie")))
					w := httptest.NewRecorder()
					a.ServeHTTP(w, r)
					return w
				}
				bound := limit
				switch limit {
				case 0:
					bound = 16 << 10
				case -1:
					assert.Equal(t, "none", open(1<<20).Code, 200)
					return
				}
				assert.Equal(t, "at", open(bound).Code, 200)
				a.log.none(t)
				w := open(bound + 1)
				assert.Equal(t, "over", w.Code, 431)
				assert.Equal(t, "answer", w.Body.String(), `{"code":3,"message":"URL and header too large"}`)
				a.log.one(t, "Limits.Handshake")
			})
		})
	}
}

// TestAddressIsKeptAlone: a framework takes the address out of a header, which
// must not be kept because of it.
func TestAddressIsKeptAlone(t *testing.T) {
	t.Parallel()
	a := newApp(t, socketio.Options{})
	header := strings.Repeat("203.0.113.9, ", 1000)
	address := header[:len("203.0.113.9")]
	sockets := make(chan *socketio.Socket, 1)
	a.OnConnect(func(s *socketio.Socket) { sockets <- s })
	r := httptest.NewRequest("GET", "/socket.io/?EIO=4&transport=polling", nil)
	w := httptest.NewRecorder()
	a.ServeHTTP(w, mount.WithUpstream(r, mount.Upstream{Address: address}))
	_, rest, _ := strings.Cut(w.Body.String(), `"sid":"`)
	sid, _, _ := strings.Cut(rest, `"`)
	httpDo(a, "POST", "EIO=4&transport=polling&sid="+sid, "40")
	got := (<-sockets).Handshake().Address
	assert.Equal(t, "address", got, address)
	assert.True(t, "a copy", unsafe.StringData(got) != unsafe.StringData(address))
}
