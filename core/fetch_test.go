package socketio_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/adapter/adaptertest"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

type status struct {
	Mood string `json:"mood"`
	Icon []byte `json:"icon"`
}

var (
	statusKey = socketio.NewSharedKey[status]("status")
	loadKey   = socketio.NewSharedKey[float64]("load")
	secretKey = socketio.NewKey[string]("secret")
)

// find returns the fetched socket with that id.
func find(t *testing.T, list []socketio.RemoteSocket, id string) socketio.RemoteSocket {
	t.Helper()
	i := slices.IndexFunc(list, func(r socketio.RemoteSocket) bool { return r.ID() == id })
	assert.True(t, "the socket is in the list", i >= 0)
	return list[i]
}

// TestFetchSockets: the same of sockets here and elsewhere; what is fetched
// stays as it was.
func TestFetchSockets(t *testing.T) {
	onNodes(t, 4, socketio.Options{}, func(n *nodes) {
		for i, s := range n.sockets {
			assert.NoError(n.t, s.Join("room", fmt.Sprint("r", i)))
			s.SetIdentity(fmt.Sprint("user", i))
			statusKey.Set(s, status{fmt.Sprint("m", i), []byte{byte(i)}})
			secretKey.Set(s, "secret")
		}
		loadKey.Set(n.sockets[0], 0.5)
		list, err := n.FetchSockets(n.t.Context())
		assert.NoError(n.t, err)
		assert.Equal(n.t, "sockets", len(list), 4)
		for i, s := range n.sockets { // from now on it is history
			s.Leave("room")
			s.SetIdentity("")
			statusKey.Set(s, status{Mood: "changed"})
			r := find(n.t, list, s.ID())
			assert.Equal(n.t, "rooms", sorted(r.Rooms()), fmt.Sprint("r", i, " room"))
			assert.Equal(n.t, "identity", r.Identity(), fmt.Sprint("user", i))
			got, ok := statusKey.Fetch(r)
			assert.Equal(n.t, "status", fmt.Sprint(got, ok), fmt.Sprint(status{fmt.Sprint("m", i), []byte{byte(i)}}, true))
			load, ok := loadKey.Fetch(r)
			assert.Equal(n.t, "load", fmt.Sprint(load, ok), map[bool]string{true: "0.5 true", false: "0 false"}[i == 0])
			_, ok = secretKey.Fetch(r)
			assert.True(n.t, "does not travel", !ok)
			local, ok := r.Local()
			assert.True(n.t, "local", ok == (i%len(n.servers) == 0) && (!ok || local == s))
			h := r.Handshake()
			assert.Equal(n.t, "query", h.Query().Get("EIO"), "4")
			assert.Equal(n.t, "handshake", fmt.Sprint(h.URL, h.Host, h.Address, h.Secure, h.Time.UnixMilli(), h.Auth == nil, h.Header),
				fmt.Sprint(s.Handshake().URL, s.Handshake().Host, s.Handshake().Address, s.Handshake().Secure,
					s.Handshake().Time.UnixMilli(), true, s.Handshake().Header()))
		}
		n.clients[3].Disconnect()
		synctest.Wait()
		list, err = n.To("r2", "r3").FetchSockets(n.t.Context())
		assert.NoError(n.t, err)
		assert.Equal(n.t, "who is left", len(list), 1)
		list, err = n.Local().FetchSockets(n.t.Context())
		assert.NoError(n.t, err)
		assert.Equal(n.t, "local", len(list), map[int]int{1: 3, 3: 1}[len(n.servers)])
	})
}

// TestRemoteSocket: what is done to a fetched socket.
func TestRemoteSocket(t *testing.T) {
	onNodes(t, 3, socketio.Options{}, func(n *nodes) {
		list, err := n.FetchSockets(n.t.Context())
		assert.NoError(n.t, err)
		hello := socketio.NewEvent[string, int]("hello")
		for i, c := range n.clients {
			r := find(n.t, list, c.ID())
			c.On("hello", func(m *siotest.Message) { m.Ack(i, "more") })
			assert.NoError(n.t, r.Emit("e", i))
			c.Expect("e")
			assert.NoError(n.t, r.Join("a", "b"))
			assert.NoError(n.t, r.Leave("b"))
			synctest.Wait()
			assert.Equal(n.t, "rooms", sorted(n.sockets[i].Rooms()), "a")
			got, err := hello.Call(n.t.Context(), r, "you")
			assert.NoError(n.t, err)
			assert.Equal(n.t, "answer", got, i)
			_, err = r.EmitWithAck(short(n.t), "silence")
			assert.ErrorIs(n.t, err, context.DeadlineExceeded)
			c.Expect("silence")
			_, err = r.EmitWithAck(n.t.Context(), "e", make(chan int))
			assert.True(n.t, "does not encode", err != nil && !errors.Is(err, socketio.ErrClosed))
			assert.NoError(n.t, r.Disconnect(i == 1))
			c.ExpectDisconnect(siotest.ServerDisconnect)
			synctest.Wait()
			_, ok := r.Local()
			assert.True(n.t, "gone", !ok)
			assert.NoError(n.t, r.Emit("nobody hears"))
			_, err = r.EmitWithAck(n.t.Context(), "nobody hears")
			assert.ErrorIs(n.t, err, socketio.ErrClosed)
		}
	})
}

// TestFetchSocketsDeadline: the sockets of those who answer come with an error
// that counts servers.
func TestFetchSocketsDeadline(t *testing.T) {
	bubble(t, func(t *testing.T) {
		mute := func(m adaptertest.Message) []time.Duration {
			if m.Response && m.From == 2 {
				return nil
			}
			return []time.Duration{0}
		}
		servers := adaptertest.Faulty(t, 3, socketio.Options{AckTimeout: 3 * time.Second}, mute)
		for _, srv := range servers {
			siotest.Dial(t, srv, siotest.Options{})
		}
		start := time.Now()
		list, err := servers[0].FetchSockets(t.Context())
		assert.Equal(t, "took", time.Since(start), 3*time.Second)
		assert.Equal(t, "sockets", len(list), 2)
		partial(t, err, "", 2, 1, context.DeadlineExceeded)
		var p *socketio.PartialError
		assert.True(t, "it says who is missing", errors.As(err, &p) && slices.Equal(p.Missing, []string{"2"}))
	})
}

// TestSharedKeyWire: the form in which servers tell each other of sockets is
// the reference's.
func TestSharedKeyWire(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := &broken{}
		a := newApp(t, socketio.Options{Adapter: func(l adapter.Local) adapter.Adapter { b.local = l; return b }})
		c := siotest.Dial(t, a, siotest.Options{Auth: map[string]string{"token": "s3cret"}, Header: http.Header{
			"X-Two": {"1", "2"}, "Cookie": {"sid=1", "b=2"},
		}})
		s := a.socket(t, c)
		assert.NoError(t, s.Join("room"))
		s.SetIdentity("ada")
		statusKey.Set(s, status{"well", []byte{1}})
		loadKey.Set(s, math.NaN())
		var got []adapter.SocketInfo
		last := false
		assert.NoError(t, b.local.Respond(t.Context(), &adapter.Operation{Type: adapter.OpFetch}, func(r *adapter.Response) {
			got, last = append(got, r.Sockets...), r.Last
		}))
		assert.True(t, "one last response", last && len(got) == 1)
		a.log.one(t, "shared value does not encode")
		h := s.Handshake()
		data, err := json.Marshal(got[0])
		assert.NoError(t, err)
		for _, want := range []string{
			`{"id":"` + c.ID() + `","handshake":{"headers":{`, `"cookie":"sid=1; b=2"`, `"host":` + quoted(h.Host), `"x-two":"1, 2"`,
			`"time":"` + h.Time.UTC().Format("Mon Jan 02 2006 15:04:05") + ` GMT+0000 (Coordinated Universal Time)"`,
			`"address":` + quoted(h.Address), `"xdomain":false,"secure":false,"issued":` + fmt.Sprint(h.Time.UnixMilli()),
			`"url":` + quoted(h.URL), `"query":{"EIO":"4",`, `"auth":{"token":"s3cret"}`,
			`"rooms":["room","` + c.ID() + `"],"data":{"status":{"mood":"well","icon":"AQ=="}},"identity":"ada"}`,
		} {
			assert.True(t, string(data)+" has "+want, strings.Contains(string(data), want))
		}
		for _, text := range []string{fmt.Sprint(got[0].Handshake), logged(got[0].Handshake)} {
			assert.True(t, "no credentials in "+text, !strings.Contains(text, "s3cret") && !strings.Contains(text, "sid=1") && !strings.Contains(text, "EIO"))
		}
	})
}

func quoted(s string) string {
	b, _ := json.Marshal(s) // a string always encodes
	return string(b)
}

func logged(v any) string {
	var b strings.Builder
	slog.New(slog.NewJSONHandler(&b, nil)).Info("m", "v", v)
	return b.String()
}

// answering is an adapter with one other server, which gives these responses.
type answering struct {
	quiet
	responses []*adapter.Response
}

type quiet struct{}

func (quiet) Publish(*adapter.Operation) error { return nil }
func (quiet) Close() error                     { return nil }

func (a answering) Request(_ context.Context, _ *adapter.Operation, each func(*adapter.Response)) (func() error, error) {
	for _, r := range a.responses {
		each(r)
	}
	return func() error { return nil }, nil
}

func newAnswering(t *testing.T, responses ...*adapter.Response) *app {
	return newApp(t, socketio.Options{Adapter: func(adapter.Local) adapter.Adapter { return answering{responses: responses} }})
}

// TestFetchFromReference: a server of the reference keeps what it likes in
// socket.data, and has no identities.
func TestFetchFromReference(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ data, status string }{
		{`{"status":{"mood":"well","icon":"AQ=="},"other":[1]}`, "{well [1]} true"},
		{`{"status":"x"}`, "{ []} false"},
		{`{}`, "{ []} false"},
		{`"text"`, "{ []} false"},
		{`null`, "{ []} false"},
		{`[1]`, "{ []} false"},
	} {
		var info adapter.SocketInfo
		assert.NoError(t, json.Unmarshal([]byte(`{"id":"abc","handshake":{"headers":{"host":"h:1","user-agent":"node","set-cookie":["a","b"],"odd":7},
			"time":"Sat Nov 21 2026 07:00:00 GMT+0000 (Coordinated Universal Time)","address":"::1","xdomain":true,"secure":true,
			"issued":1795244400123,"url":"/socket.io/?EIO=4&a=1&a=2","query":{"EIO":"4","a":["1","2"]},"auth":{}},
			"rooms":["abc","room"],"data":`+tt.data+`}`), &info))
		a := newAnswering(t, &adapter.Response{Sockets: []adapter.SocketInfo{info}, Last: true})
		list, err := a.FetchSockets(t.Context())
		assert.NoError(t, err)
		r := list[0]
		got, ok := statusKey.Fetch(r)
		assert.Equal(t, tt.data, fmt.Sprint(got, ok), tt.status)
		assert.Equal(t, "rooms", fmt.Sprint(r.Rooms()), "[room]")
		assert.Equal(t, "identity", r.Identity(), "")
		h := r.Handshake()
		assert.Equal(t, "handshake", fmt.Sprintln(h.Header, h.Auth == nil, h.URL, h.Host, h.Address, h.Time.UnixMilli(), h.Secure, h.Query()["a"]),
			"map[Odd:[] Set-Cookie:[a b] User-Agent:[node]] true /socket.io/?EIO=4&a=1&a=2 h:1 ::1 1795244400123 true [1 2]\n")
	}
	var h adapter.Handshake
	assert.True(t, "no object", json.Unmarshal([]byte(`[]`), &h) != nil)
}

// TestBadResponses: what another server sends and is no acknowledgement counts
// as none, and does no harm.
func TestBadResponses(t *testing.T) {
	t.Parallel()
	for _, data := range []string{``, `null`, `{}`, `[`, `["`, `[1`, `"x"`, `[1]x`} {
		a := newAnswering(t, &adapter.Response{Clients: 2}, &adapter.Response{Reply: &adapter.Packet{Data: []byte(data)}},
			&adapter.Response{Reply: &adapter.Packet{Data: []byte(` [7]`)[1:]}, Last: true})
		got, err := socketio.CallAll[int](t.Context(), a, "q")
		assert.Equal(t, data, fmt.Sprint(got), "[7]")
		var p *socketio.PartialError
		assert.True(t, "partial", errors.As(err, &p) && p.Expected == 2 && p.Answered == 1)
		replies, err := a.ServerSideEmitWithAck(t.Context(), "q")
		assert.NoError(t, err)
		assert.Equal(t, data, told(t, replies), "7")
	}
}

// TestRespond: what another server asks, and what it must not ask.
func TestRespond(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := &broken{}
		a := newApp(t, socketio.Options{Adapter: func(l adapter.Local) adapter.Adapter { b.local = l; return b }})
		respond := func(op adapter.Operation) (got []string, err error) {
			err = b.local.Respond(t.Context(), &op, func(r *adapter.Response) {
				text := fmt.Sprint(r.Clients, " ", r.Last)
				if r.Reply != nil {
					text += " " + string(r.Reply.Data)
				}
				got = append(got, text)
			})
			synctest.Wait()
			return got, err
		}
		question := adapter.Packet{Data: []byte(`["q"]`)}
		got, err := respond(adapter.Operation{Type: adapter.OpCall, Packet: question})
		assert.NoError(t, err)
		assert.Equal(t, "nobody", fmt.Sprint(got), "[0 true]")
		c, c2 := a.dial(t), a.dial(t)
		c.On("q", func(m *siotest.Message) { m.Ack(1, "two") })
		c2.On("q", func(*siotest.Message) { go c2.Disconnect() })
		got, err = respond(adapter.Operation{Type: adapter.OpCall, Packet: question})
		assert.NoError(t, err)
		slices.Sort(got[1:])
		assert.Equal(t, "first the number", got[0], "2 false")
		rest := strings.Join(got[1:], "/")
		assert.True(t, rest, rest == `-1 true/0 false [1,"two"]` || rest == `-1 false/0 true [1,"two"]`)
		got, err = respond(adapter.Operation{Type: adapter.OpServerSide, Packet: question})
		assert.NoError(t, err)
		assert.Equal(t, "no handler", fmt.Sprint(got), "[0 true]")
		for _, op := range []adapter.Operation{
			{Type: adapter.OpBroadcast, Packet: question}, {Type: 99},
			{Type: adapter.OpCall}, {Type: adapter.OpServerSide, Packet: adapter.Packet{Data: []byte(`["`)}},
		} {
			got, err = respond(op)
			assert.True(t, "an error and no answer", err != nil && len(got) == 0)
		}
		assert.True(t, "published", b.local.Apply(&adapter.Operation{Type: adapter.OpServerSide}) != nil)
		_, err = a.EmitWithAck(t.Context(), "q") // c is asked all the same
		partial(t, err, `event "q": `, 1, 1, errBroken)
		_, err = a.ServerSideEmitWithAck(t.Context(), "q")
		assert.ErrorIs(t, err, errBroken)
		assert.ErrorIs(t, a.ServerSideEmit("q"), errBroken)
		list, err := a.FetchSockets(t.Context())
		assert.ErrorIs(t, err, errBroken)
		assert.Equal(t, "this server's", len(list), 1)
	})
}

// TestRespondTimeout: an answering server gives up by itself, also when the
// one that asks does not tell.
func TestRespondTimeout(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := &broken{}
		a := newApp(t, socketio.Options{
			AckTimeout: time.Minute, Limits: socketio.Limits{PendingAcks: 1},
			Adapter: func(l adapter.Local) adapter.Adapter { b.local = l; return b },
		})
		c := a.dial(t)
		s := a.socket(t, c)
		ended := make(chan time.Time, 1)
		a.OnServerSide("silence", func(ctx context.Context, _ socketio.Ack) { <-ctx.Done(); ended <- time.Now() })
		for _, tt := range []struct{ timeout, takes time.Duration }{{time.Second, time.Second}, {0, time.Minute}} {
			for _, of := range []adapter.OperationType{adapter.OpCall, adapter.OpServerSide} {
				start := time.Now()
				op := &adapter.Operation{Type: of, Packet: adapter.Packet{Data: []byte(`["silence"]`)}, Timeout: tt.timeout}
				assert.NoError(t, b.local.Respond(context.Background(), op, func(r *adapter.Response) {
					assert.True(t, "no answer", !r.Last)
				}))
				if of == adapter.OpServerSide {
					assert.Equal(t, "took", (<-ended).Sub(start), tt.takes)
					continue
				}
				c.Expect("silence")
				_, err := s.EmitWithAck(t.Context(), "q")
				assert.ErrorIs(t, err, socketio.ErrTooManyAcks)
				time.Sleep(tt.takes)
				synctest.Wait()
				_, err = s.EmitWithAck(short(t), "q")
				assert.ErrorIs(t, err, context.DeadlineExceeded)
				c.Expect("q")
			}
		}
	})
}

// TestSnapshotWhileRecovered: a goroutine of middleware may look at its socket while the socket
// gets its former id. The race detector sees to it.
func TestSnapshotWhileRecovered(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := recovering(t, socketio.Recovery{}, socketio.Options{})
		var looking sync.WaitGroup
		a.UseFunc(func(_ context.Context, s *socketio.Socket) error {
			for range 4 {
				looking.Go(func() {
					for range 50 {
						_ = s.Snapshot()
						runtime.Gosched()
					}
				})
			}
			return nil
		})
		c := a.dial(t)
		for range 40 {
			c.Cut()
			synctest.Wait()
			c = back(t, c, true)
			looking.Wait()
		}
	})
}
