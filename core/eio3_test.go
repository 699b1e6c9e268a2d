package socketio_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// oldClient connects as a client of Socket.IO 2.x does, over WebSocket.
func (a *app) oldClient(t testing.TB, query ...string) *siotest.Conn {
	t.Helper()
	q := url.Values{"EIO": {"3"}}
	for i := 0; i < len(query); i += 2 {
		q.Set(query[i], query[i+1])
	}
	return siotest.Open(t, a, siotest.Options{Query: q})
}

// oldBytes is a binary message as these clients see it.
func oldBytes(data string) string {
	return "b" + base64.StdEncoding.EncodeToString([]byte("\x04"+data))
}

// TestEIO3 is the life of such a client.
func TestEIO3(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newApp(t, socketio.Options{AllowEIO3: true})
		joined := make(chan *socketio.Socket, 9)
		gone := make(chan socketio.Reason, 9)
		for _, ns := range []*socketio.Namespace{a.Namespace, a.Of("/custom")} {
			ns.UseFunc(func(_ context.Context, s *socketio.Socket) error { return s.Emit("early") })
			ns.OnConnect(func(s *socketio.Socket) { joined <- s })
			ns.OnDisconnect(func(_ *socketio.Socket, r socketio.Reason) { gone <- r })
			ns.On("echo", func(s *socketio.Socket, v any) any { _ = s.Emit("echo", v); return v })
		}
		c := a.oldClient(t, "token", "a b")
		c.Expect("40", `42["early"]`)
		s := <-joined
		assert.Equal(t, "id", s.ID(), c.SID())
		assert.Equal(t, "protocol", s.Protocol(), 3)
		assert.Equal(t, "query", s.Handshake().Query().Get("token"), "a b")
		assert.Equal(t, "auth", string(s.Handshake().Auth), "")
		assert.NoError(t, c.Send(`420["echo",{"x":1}]`, `451-["echo",{"_placeholder":true,"num":0}]`, oldBytes("\x00\xff")))
		c.Expect(`42["echo",{"x":1}]`, `430[{"x":1}]`)
		c.Expect(`451-["echo",{"_placeholder":true,"num":0}]`, oldBytes("\x00\xff"))

		assert.NoError(t, c.Send(`40/custom?token=x%2Cy&n=1&n=2&%zz=1&bad%zz,`))
		c.Expect("40/custom,", `42/custom,["early"]`)
		other := <-joined
		assert.Equal(t, "id", other.ID(), "/custom#"+c.SID())
		assert.Equal(t, "auth", string(other.Handshake().Auth), `{"n":"2","token":"x,y"}`)
		assert.NoError(t, c.Send(`42/custom,1["echo",2]`))
		c.Expect(`42/custom,["echo",2]`, `43/custom,1[2]`)
		assert.NoError(t, a.Of("/custom").To(other.ID()).Emit("you"))
		c.Expect(`42/custom,["you"]`)

		assert.NoError(t, c.Send(`41/custom,`, `40/custom,`)) // and back, with the same id
		assert.Equal(t, "reason", <-gone, socketio.ReasonClientNamespaceDisconnect)
		c.Expect("40/custom,", `42/custom,["early"]`)
		again := <-joined
		found, _ := a.Of("/custom").Socket(other.ID())
		assert.True(t, "the new socket is found", found == again)
		again.Disconnect(false)
		c.Expect(`41/custom,`)
		assert.Equal(t, "reason", <-gone, socketio.ReasonServerNamespaceDisconnect)
		s.Disconnect(true)
		c.Expect("41")
		c.ExpectClosed()
		assert.Equal(t, "reason", <-gone, socketio.ReasonServerNamespaceDisconnect)
		assert.Equal(t, "a client of today", a.socket(t, a.dial(t)).Protocol(), 4)
	})
}

// TestEIO3Refusals: these clients are told by what they take for an error: its
// data or its text.
func TestEIO3Refusals(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"message", &socketio.ConnectError{Message: `no "way"`}, `"no \"way\""`},
		{"object", &socketio.ConnectError{Message: "no", Data: map[string]int{"a": 1}}, `{"a":1}`},
		{"array", &socketio.ConnectError{Message: "no", Data: []int{1}}, `[1]`},
		{"string", &socketio.ConnectError{Message: "no", Data: "why"}, `"why"`},
		{"empty string", &socketio.ConnectError{Message: "no", Data: ""}, `"no"`},
		{"number", &socketio.ConnectError{Message: "no", Data: 7}, `"no"`}, // which those clients take for a broken packet
		{"bool", &socketio.ConnectError{Message: "no", Data: true}, `"no"`},
		{"nil", &socketio.ConnectError{Message: "no"}, `"no"`},
		{"any", context.Canceled, `"Connection refused"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := newApp(t, socketio.Options{AllowEIO3: true, ConnectTimeout: 3 * time.Second})
				refuse := socketio.MiddlewareFunc(func(context.Context, *socketio.Socket) error { return tt.err })
				a.Use(refuse)
				a.Of("/custom").Use(refuse)
				a.Of("/open")
				c := a.oldClient(t)
				c.Expect("44" + tt.want)
				start := time.Now()
				assert.NoError(t, c.Send("40/none?x=1,"))
				c.Expect(`44/none,"Invalid namespace"`)
				assert.NoError(t, c.Send("40/custom,"))
				c.Expect("44/custom," + tt.want)
				c.ExpectClosed() // it is in no namespace
				assert.Equal(t, "closed after", time.Since(start), 3*time.Second)

				c = a.oldClient(t)
				c.Expect("44" + tt.want)
				assert.NoError(t, c.Send("40/open,"))
				c.Expect("40/open,")
				<-time.After(4 * time.Second)
				assert.Equal(t, "connections", a.Connections(), 1)
				a.log.take()
			})
		})
	}
}

// TestEIO3LogHidesID: the id of such a socket is a secret.
func TestEIO3LogHidesID(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newApp(t, socketio.Options{AllowEIO3: true})
		a.Of("/custom").UseFunc(func(context.Context, *socketio.Socket) error { return context.Canceled })
		a.On("panic", func() { panic("for the log") })
		c := a.oldClient(t)
		c.Expect("40")
		assert.NoError(t, c.Send("40/custom,"))
		c.Expect(`44/custom,"Connection refused"`)
		assert.NoError(t, c.Send(`42["panic"]`))
		synctest.Wait()
		lines := a.log.take()
		assert.Equal(t, "lines", len(lines), 2)
		for _, line := range lines {
			assert.True(t, line, strings.Contains(line, " socket=") && !strings.Contains(line, c.SID()))
		}
		today := a.dial(t)
		today.Conn().Send(`42["panic"]`)
		synctest.Wait()
		a.log.one(t, "socket="+today.ID())
	})
}

// TestEIO3Breaches: what ends a connection, and what is on this side of it.
func TestEIO3Breaches(t *testing.T) {
	t.Parallel()
	const auth, name = 100, 20
	x := func(n int) string { return strings.Repeat("x", n) }
	for _, tt := range []struct {
		label, packet string
		answer        string // empty: the connection is closed
	}{
		{"/ twice", "40", "40"},
		{"/ with a query", "40/?a=1,", ""},
		{"an error packet", `44"x"`, ""},
		{"a namespace that was not joined", `42/custom,["x"]`, ""},
		{"name at the limit", "40/" + x(name-1) + "?" + x(auth-7) + ",", "44/" + x(name-1) + `,"Invalid namespace"`},
		{"name over the limit", "40/" + x(name) + "?a,", ""},
		{"query over the limit", "40/custom?" + x(auth-6) + ",", ""}, // as an object it is larger
		{"both over the limit", "40/" + x(name+auth+2) + ",", ""},
		{"auth over the limit", "40/custom?" + strings.Repeat("&", auth-10) + "%01%01%01,", "40/custom,"},
		{"auth that grows", "40/custom?" + strings.Repeat("\x01", auth) + ",", ""},
		{"a query elsewhere", `42/?a=1,["none"]`, "nothing"},
		{"a payload", `40/custom?a=1,{"a":2}`, "40/custom,"},
		{"no query", `40/custom?,`, "40/custom,"},
	} {
		t.Run(tt.label, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := newApp(t, socketio.Options{AllowEIO3: true, Limits: socketio.Limits{Auth: auth, NamespaceName: name}})
				a.Of("/custom").OnConnect(func(s *socketio.Socket) {
					assert.True(t, "no payload", !strings.Contains(string(s.Handshake().Auth), `"a":2`))
				})
				c := a.oldClient(t)
				c.Expect("40")
				assert.NoError(t, c.Send(tt.packet))
				switch tt.answer {
				case "":
					c.ExpectClosed()
					a.log.take()
				case "nothing":
					synctest.Wait()
					assert.Equal(t, "connections", a.Connections(), 1)
				default:
					c.Expect(tt.answer)
				}
			})
		})
	}
}

// TestEIO3Broadcast: clients of both kinds in one room hear the same.
func TestEIO3Broadcast(t *testing.T) {
	for name, recovery := range map[string]*socketio.Recovery{"plain": nil, "recovery": {}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := newApp(t, socketio.Options{AllowEIO3: true, Recovery: recovery})
				a.OnConnect(func(s *socketio.Socket) { _ = s.Join("room") })
				clients := []*siotest.Conn{a.oldClient(t), a.oldClient(t), a.oldClient(t, "b64", "1"), siotest.Open(t, a, siotest.Options{})}
				assert.NoError(t, clients[3].Send("40"))
				for i, c := range clients {
					got := c.Next()
					assert.Equal(t, "has an id", strings.Contains(got, `"sid"`), i == 3)
					assert.Equal(t, "has a session to recover", strings.Contains(got, `"pid"`), i == 3 && recovery != nil)
				}
				data := strings.Repeat("\xff\x00", 500)
				for _, send := range []func() error{
					func() error { return a.To("room").Emit("n", []byte(data), []byte("!")) },
					func() error { return a.To("room").Volatile().Emit("n", []byte(data), []byte("!")) },
					func() error { return a.Compress(false).Emit("n", []byte(data), []byte("!")) },
				} {
					assert.NoError(t, send())
					for i, c := range clients {
						head := c.Next()
						assert.True(t, head, strings.HasPrefix(head, `452-["n",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}`))
						for _, part := range []string{data, "!"} {
							switch i {
							case 2:
								c.Expect("b4" + base64.StdEncoding.EncodeToString([]byte(part)))
							case 3:
								c.Expect("b" + base64.StdEncoding.EncodeToString([]byte(part)))
							default:
								c.Expect(oldBytes(part))
							}
						}
					}
				}
			})
		})
	}
}

// TestEIO3SharesBytes: the form that attachments have for old clients is made
// once for all of them.
func TestEIO3SharesBytes(t *testing.T) { //nolint:paralleltest // it counts allocations
	const size, clients = 1 << 20, 20
	a := newApp(t, socketio.Options{AllowEIO3: true})
	joined := make(chan struct{}, clients)
	a.OnConnect(func(*socketio.Socket) { joined <- struct{}{} })
	for range clients { // which do not poll: what is sent stays in the queue
		a.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/socket.io/?EIO=3&transport=polling", nil))
	}
	for range clients {
		<-joined
	}
	data := make([]byte, size)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	assert.NoError(t, a.Emit("n", data))
	runtime.ReadMemStats(&after)
	copies := float64(after.TotalAlloc-before.TotalAlloc) / size
	assert.True(t, fmt.Sprint(copies, " copies for ", clients, " clients"), copies < 4)
}

// TestEIO3Recovery: such a client finds no session again, its own or another's.
func TestEIO3Recovery(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newApp(t, socketio.Options{AllowEIO3: true, Recovery: &socketio.Recovery{}})
		a.Of("/custom").On("recovered", (*socketio.Socket).Recovered)
		c := siotest.Open(t, a, siotest.Options{})
		assert.NoError(t, c.Send("40/custom,"))
		_, pid, _ := strings.Cut(c.Next(), `"pid":"`)
		pid, _, _ = strings.Cut(pid, `"`)
		assert.NoError(t, a.Of("/custom").Emit("n"))
		_, offset, _ := strings.Cut(c.Next(), `["n","`)
		offset = strings.TrimSuffix(offset, `"]`)
		c.Cut()
		synctest.Wait()

		thief := a.oldClient(t)
		thief.Expect("40")
		assert.NoError(t, thief.Send("40/custom?pid="+url.QueryEscape(pid)+"&offset="+url.QueryEscape(offset)+","))
		thief.Expect("40/custom,")
		assert.NoError(t, thief.Send(`42/custom,1["recovered"]`))
		thief.Expect(`43/custom,1[false]`)
		thief.Cut()
		synctest.Wait()
		back := siotest.Open(t, a, siotest.Options{}) // nothing was taken away
		assert.NoError(t, back.Send(fmt.Sprintf(`40/custom,{"pid":%q,"offset":%q}`, pid, offset)))
		back.Next()
		assert.NoError(t, back.Send(`42/custom,1["recovered"]`))
		back.Expect(`43/custom,1[true]`)
	})
}

// TestEIO3Observed: the observer hears of such a connection before it hears of
// the socket that it begins with, which has what was kept.
func TestEIO3Observed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, w := watched(t, socketio.Options{AllowEIO3: true}, "open ns kept")
		a.UseFunc(func(_ context.Context, s *socketio.Socket) error {
			w.say("kept %v", s.Handshake().Value(spanKey{}))
			return nil
		})
		c := a.oldClient(t)
		c.Expect("40")
		w.expect(t, "open websocket", "kept trace of ", "ns / joined")
	})
}

// TestEIO3QueryIsNotKept: of a namespace that old clients ask for with a query the connection
// remembers the name, and not the query with it.
func TestEIO3QueryIsNotKept(t *testing.T) { //nolint:paralleltest // it looks at the whole heap
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, socketio.Options{AllowEIO3: true})
		c := a.oldClient(t)
		c.Expect("40")
		before := heap()
		const n, size = 60, 16_000
		for i := range n {
			assert.NoError(t, c.Send(fmt.Sprintf("40/none-%d?token=%s,", i, strings.Repeat("x", size))))
			c.Expect(fmt.Sprintf(`44/none-%d,"Invalid namespace"`, i))
		}
		assert.NoError(t, c.Send(fmt.Sprintf(`42/none-0?token=%s,["left"]`, strings.Repeat("x", size))))
		synctest.Wait()
		kept := heap() - before
		assert.True(t, fmt.Sprint("bytes kept: ", kept), kept < n*size/4)
	})
}

// heap returns how many bytes of the heap are in use.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
