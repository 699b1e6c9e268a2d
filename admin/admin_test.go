package admin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/gosio/gosio/admin"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter/adaptertest"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

var quiet = slog.New(slog.DiscardHandler)

func hash(t testing.TB, password string) string {
	h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	assert.NoError(t, err)
	return string(h)
}

// start returns an instrumented server.
func start(t testing.TB, so socketio.Options, o admin.Options) *socketio.Server {
	so.Logger, o.Logger = quiet, quiet
	srv := socketio.NewServer(&so)
	t.Cleanup(srv.Close)
	admin.Instrument(srv, o)
	return srv
}

func ops(t testing.TB) map[string]string { return map[string]string{"ops": hash(t, "s3cret")} }

// ui is a client as the page is one.
func ui(auth any) siotest.Options { return siotest.Options{Namespace: "/admin", Auth: auth} }

// until returns the next event of a name; what others there are is passed over.
func until(c *siotest.Client, event string) *siotest.Message {
	for {
		if m := c.Next(); m.Event == event {
			return m
		}
	}
}

// line is an event as text: its name, and what is in it besides times.
func line(t testing.TB, m *siotest.Message) string {
	args, to := make([]any, m.Len()), make([]any, m.Len())
	for i := range args {
		to[i] = &args[i]
	}
	m.Decode(to...)
	if i := slices.IndexFunc(args, isTime); i >= 0 { // with recovery an offset follows
		args = args[:i]
	}
	if m.Event == "socket_updated" { // has no time
		args = args[:1]
	}
	b, err := json.Marshal(args)
	assert.NoError(t, err)
	return m.Event + string(b)
}

func isTime(v any) bool {
	at, _ := v.(string)
	_, err := time.Parse(time.RFC3339Nano, at)
	return err == nil
}

// lines are the events that are there, but the numbers.
func lines(t testing.TB, c *siotest.Client, n int) (all []string) {
	for len(all) < n {
		if m := c.Next(); m.Event != "server_stats" {
			all = append(all, line(t, m))
		}
	}
	return all
}

func bubble(t *testing.T, test func(t *testing.T)) { t.Helper(); t.Parallel(); synctest.Test(t, test) }

type allSockets []struct {
	ID, ClientID, Transport, Nsp string
	Data                         map[string]any
	Handshake                    struct {
		Address, URL, Time string
		Headers, Query     map[string]string
		Issued             int64
		Secure, XDomain    bool
	}
	Rooms []string
}

func (a allSockets) of(t testing.TB, id string) int {
	for i := range a {
		if a[i].ID == id {
			return i
		}
	}
	t.Fatalf("no socket %s among %d", id, len(a))
	return 0
}

// TestLogin: a name and a password, and then the session that they have given.
func TestLogin(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := start(t, socketio.Options{}, admin.Options{Users: ops(t), SessionLifetime: time.Minute})
		for name, auth := range map[string]any{
			"nothing":          nil,
			"empty":            map[string]any{"username": "", "password": ""},
			"a wrong password": map[string]any{"username": "ops", "password": "secret"},
			"a wrong name":     map[string]any{"username": "root", "password": "s3cret"},
			"no strings":       map[string]any{"username": []int{1}, "password": 7, "sessionId": true},
			"a made-up id":     map[string]any{"sessionId": strings.Repeat("0", 32)},
		} {
			assert.Equal(t, name, siotest.Refused(t, srv, ui(auth)).Message, "invalid credentials")
		}
		c := siotest.Dial(t, srv, ui(map[string]any{"username": "ops", "password": "s3cret"}))
		var id string
		until(c, "session").Decode(&id)
		assert.Equal(t, "length", len(id), 32)
		var config map[string][]string
		until(c, "config").Decode(&config)
		assert.Equal(t, "features", strings.Join(config["supportedFeatures"], " "), "EMIT JOIN LEAVE DISCONNECT MJOIN MLEAVE MDISCONNECT AGGREGATED_EVENTS")
		again := siotest.Dial(t, srv, ui(map[string]any{"sessionId": id}))
		until(again, "config")
		time.Sleep(time.Minute)
		assert.Equal(t, "a minute later", siotest.Refused(t, srv, ui(map[string]any{"sessionId": id})).Message, "invalid credentials")
	})
}

// TestFailuresAreLimited: by address, and a right password does not help any more.
func TestFailuresAreLimited(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := start(t, socketio.Options{}, admin.Options{Users: ops(t), FailuresPerMinute: 3})
		right := map[string]any{"username": "ops", "password": "s3cret"}
		for range 3 {
			siotest.Dial(t, srv, ui(right)).Disconnect()
			siotest.Refused(t, srv, ui(map[string]any{"username": "ops", "password": "guess"}))
		}
		siotest.Refused(t, srv, ui(right))
		time.Sleep(time.Minute)
		siotest.Dial(t, srv, ui(right))
	})
}

// TestAuthenticate: the application decides, by credentials or by the request.
func TestAuthenticate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := start(t, socketio.Options{}, admin.Options{
			SessionLifetime: -1,
			Authenticate: func(_ context.Context, s *socketio.Socket, c admin.Credentials) error {
				if s.Handshake().Header().Get("X-Role") == "admin" && c.Username == "ann" {
					return nil
				}
				return errors.New("not for you")
			},
		})
		o := ui(map[string]any{"username": "ann"})
		assert.Equal(t, "text", siotest.Refused(t, srv, o).Message, "invalid credentials")
		o.Header = http.Header{"X-Role": {"admin"}}
		c := siotest.Dial(t, srv, o)
		assert.True(t, "no session", strings.HasPrefix(lines(t, c, 1)[0], "config"))
	})
}

// TestWiring: what cannot work panics at start-up.
func TestWiring(t *testing.T) {
	t.Parallel()
	some := func(context.Context, *socketio.Socket, admin.Credentials) error { return nil }
	for want, o := range map[string]admin.Options{
		"admin: Options: who may log in?":                            {},
		"admin: Options: Users, Authenticate and Open exclude":       {Open: true, Authenticate: some},
		"admin: Options.Users is empty":                              {Users: map[string]string{}},
		`admin: Options.Users: what "ops" has is no bcrypt hash`:     {Users: map[string]string{"ops": "s3cret"}},
		`admin: Options.Mode "debug" is neither "production" nor "d`: {Open: true, Mode: "debug"},
		`admin: Instrument was called before for namespace "/twice"`: {Open: true, Namespace: "twice"},
	} {
		func() {
			srv := socketio.NewServer(nil)
			defer srv.Close()
			admin.Instrument(srv, admin.Options{Open: true, Namespace: "/twice", Logger: quiet})
			defer func() { assert.True(t, want, strings.HasPrefix(fmt.Sprint(recover()), want)) }()
			admin.Instrument(srv, o)
		}()
	}
}

// TestStats: every server tells its numbers every two seconds, whole and in one order.
func TestStats(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := start(t, socketio.Options{}, admin.Options{Open: true, ServerID: "one"})
		srv.OfRegexp(regexp.MustCompile(`^/room-\d+$`))
		srv.On("echo", func(s string) string { return s })
		c := siotest.Dial(t, srv, ui(nil))
		type stats struct {
			ServerID, Hostname                string
			PID                               int
			Uptime                            float64
			ClientsCount, PollingClientsCount int
			AggregatedEvents                  []struct {
				Timestamp     int64
				Type, SubType string
				Count         int
			}
			Namespaces []struct {
				Name         string
				SocketsCount int
			}
		}
		next := func() (st stats, counts string) {
			until(c, "server_stats").Decode(&st)
			var all []string
			for _, e := range st.AggregatedEvents {
				assert.Equal(t, "a whole second", e.Timestamp%1000, 0)
				all = append(all, fmt.Sprint(e.Type, "/", e.SubType, "=", e.Count))
			}
			slices.Sort(all)
			return st, regexp.MustCompile(`bytesOut/=\d{3} `).ReplaceAllString(strings.Join(all, " "), "")
		}
		next() // that of the start, or
		next() // the first by the clock, which begins at random
		began := time.Now()
		next()
		assert.Equal(t, "every two seconds", time.Since(began), 2*time.Second)
		polling := siotest.Dial(t, srv, siotest.Options{Transport: "polling"})
		polling.Call("echo", "0123456789")
		child := polling.Of("/room-1", nil)
		st, counts := next()
		assert.Equal(t, "counts", counts, "bytesIn/=33 packetsIn/=3 packetsOut/=4 rawConnection/=1")
		assert.Equal(t, "clients", fmt.Sprint(st.ServerID, " ", st.ClientsCount, st.PollingClientsCount), "one 2 1")
		assert.Equal(t, "namespaces", fmt.Sprint(st.Namespaces), "[{/ 1} {/admin 1} {/room-1 1}]")
		child.Disconnect()
		polling.Disconnect()
		time.Sleep(time.Second)
		_, counts = next()
		st, _ = next()
		assert.True(t, counts, strings.Contains(counts, "rawDisconnection/transport close=1"))
		assert.Equal(t, "those that are gone stay, or the UI mixes them up", fmt.Sprint(st.Namespaces), "[{/ 0} {/admin 1} {/room-1 0}]")
	})
}

var profile = socketio.NewSharedKey[map[string]any]("profile")

// TestDevelopment: all sockets, and then every change of them, each once.
func TestDevelopment(t *testing.T) {
	for _, recovery := range []*socketio.Recovery{nil, {}} {
		t.Run(fmt.Sprint("recovery ", recovery != nil), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := start(t, socketio.Options{Recovery: recovery}, admin.Options{Open: true, Mode: admin.ModeDevelopment})
				srv.UseFunc(func(_ context.Context, s *socketio.Socket) error { return s.Join("early") })
				srv.OnConnect(func(s *socketio.Socket) {
					s.SetIdentity("ann")
					_ = s.Join("lobby")
					profile.Set(s, map[string]any{"name": "Ann", "accessToken": "t0p"})
				})
				srv.On("say", func(s *socketio.Socket, v any) { _ = s.Emit("said", v) })
				before := siotest.Dial(t, srv, siotest.Options{})
				c := siotest.Dial(t, srv, ui(nil))
				until(c, "config")
				var all allSockets
				until(c, "all_sockets").Decode(&all)
				assert.Equal(t, "sockets", len(all), 2)
				s := all[all.of(t, before.ID())]
				assert.Equal(t, "rooms", strings.Join(s.Rooms, " "), "early lobby "+before.ID())
				assert.Equal(t, "values", fmt.Sprint(s.Data), "map[identity:ann profile:map[accessToken:[redacted] name:Ann]]")
				assert.Equal(t, "namespace, transport", s.Nsp+" "+s.Transport, "/ websocket")
				assert.True(t, "the client has no secret in its name", s.ClientID != "" && !strings.Contains(s.ClientID, before.Conn().SID()[:8]))

				d := siotest.Dial(t, srv, siotest.Options{Transport: "polling"})
				conn := make(allSockets, 1)
				until(c, "socket_connected").Decode(&conn[0])
				assert.Equal(t, "connected", conn[0].ID+conn[0].Transport, d.ID()+"polling")
				synctest.Wait()
				for range 4 { // what the hook has changed meanwhile is told at most once
					if slices.Contains(conn[0].Rooms, "lobby") {
						break
					}
					if m := until(c, "room_joined"); line(t, m) == fmt.Sprintf(`room_joined["/","lobby",%q]`, d.ID()) {
						conn[0].Rooms = append(conn[0].Rooms, "lobby")
					}
				}
				drain(t, srv, c)

				d.Emit("say", map[string]any{"text": "hi", "password": "p"})
				assert.Equal(t, "events", strings.Join(lines(t, c, 2), "\n"), fmt.Sprintf(
					`event_received["/",%q,["say",{"password":"[redacted]","text":"hi"}]]`+"\n"+`event_sent["/",%[1]q,["said",{"password":"[redacted]","text":"hi"}]]`, d.ID()))
				sock, _ := srv.Socket(d.ID())
				assert.NoError(t, sock.Join("x", "lobby"))
				sock.Leave("x", "never")
				profile.Set(sock, map[string]any{"name": "Bob"})
				synctest.Wait()
				sock.SetIdentity("bob")
				assert.Equal(t, "changes", strings.Join(lines(t, c, 4), "\n"), fmt.Sprintf(
					`room_joined["/","x",%q]`+"\n"+`room_left["/","x",%[1]q]`+"\n"+
						`socket_updated[{"data":{"identity":"ann","profile":{"name":"Bob"}},"id":%[1]q,"nsp":"/"}]`+"\n"+
						`socket_updated[{"data":{"identity":"bob","profile":{"name":"Bob"}},"id":%[1]q,"nsp":"/"}]`, d.ID()))
				d.Conn().Upgrade()
				assert.Equal(t, "upgrade", lines(t, c, 1)[0], fmt.Sprintf(`socket_updated[{"id":%q,"nsp":"/","transport":"websocket"}]`, d.ID()))
				d.Disconnect()
				end := lines(t, c, 4)
				slices.Sort(end)
				want := strings.Split(fmt.Sprintf(`room_left["/",%q,%[1]q]|room_left["/","early",%[1]q]|room_left["/","lobby",%[1]q]|`+
					`socket_disconnected["/",%[1]q,"client namespace disconnect"]`, d.ID()), "|")
				slices.Sort(want)
				assert.Equal(t, "the end", strings.Join(end, "\n"), strings.Join(want, "\n"))
			})
		})
	}
}

// drain passes over what the UI is told of what has happened.
func drain(t testing.TB, srv *socketio.Server, c *siotest.Client) {
	synctest.Wait()
	assert.NoError(t, srv.Of("/admin").Emit("marker"))
	until(c, "marker")
}

// TestHandshakes: of headers and parameters the UI gets those that cannot be secrets.
func TestHandshakes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := start(t, socketio.Options{}, admin.Options{Open: true, Mode: admin.ModeDevelopment, Show: []string{"X-Build", "room"}})
		d := siotest.Dial(t, srv, siotest.Options{
			Auth:  map[string]any{"token": "t0p-auth"},
			Query: map[string][]string{"token": {"t0p-query"}, "room": {"42"}},
			Header: http.Header{
				"Cookie": {"session=t0p-cookie"}, "Authorization": {"Bearer t0p-bearer"}, "X-Api-Key": {"t0p-key"},
				"User-Agent": {"test"}, "X-Build": {"7"},
			},
		})
		c := siotest.Dial(t, srv, ui(nil))
		m := until(c, "all_sockets")
		assert.True(t, "nothing secret", !strings.Contains(line(t, m), "t0p"))
		var all allSockets
		m.Decode(&all)
		h := all[all.of(t, d.ID())].Handshake
		assert.Equal(t, "headers", fmt.Sprint(h.Headers["user-agent"], h.Headers["x-build"], h.Headers["cookie"], h.Headers["x-api-key"]), "test7[redacted][redacted]")
		assert.Equal(t, "query", fmt.Sprint(h.Query["EIO"], h.Query["room"], h.Query["token"]), "442[redacted]")
		assert.True(t, h.URL, strings.Contains(h.URL, "room=42") && strings.Contains(h.URL, "token=%5Bredacted%5D"))
	})
}

// TestActions: on a socket, a room, all; and in no namespace that there is not.
func TestActions(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := start(t, socketio.Options{}, admin.Options{Open: true})
		srv.Of("/news")
		one, two := siotest.Dial(t, srv, siotest.Options{}), siotest.Dial(t, srv, siotest.Options{})
		c := siotest.Dial(t, srv, ui(nil))
		do := func(event string, args ...any) string {
			c.Emit(event, args...)
			synctest.Wait()
			var all []string
			for _, s := range srv.Sockets() {
				all = append(all, strings.Join(s.Rooms(), " "))
			}
			slices.Sort(all)
			return strings.Join(all, "|")
		}
		assert.Equal(t, "one joins", do("join", "/", "a", one.ID()), "|a")
		assert.Equal(t, "all join", do("join", "/", "b"), "a b|b")
		assert.Equal(t, "with null", do("join", "/", "c", nil), "a b c|b c")
		assert.Equal(t, "a room joins", do("join", "/", "d", "a"), "a b c d|b c")
		assert.Equal(t, "one leaves", do("leave", "/", "b", one.ID()), "a c d|b c")
		assert.Equal(t, "all leave", do("leave", "/", "c"), "a d|b")
		do("emit", "/", "a", "hello", 1, map[string]any{"x": "y"})
		assert.Equal(t, "emitted", line(t, one.Expect("hello")), `hello[1,{"x":"y"}]`)
		do("emit", "/", nil, "all")
		one.Expect("all")
		two.Expect("all")
		do("emit", "/", nil, "disconnect") // a name that servers do not send
		do("join", "/none", "a")
		do("join", "none,/x", "a")
		_, made := srv.Lookup("/none")
		assert.True(t, "nothing is made", !made)
		assert.Equal(t, "one goes", do("_disconnect", "/", false, one.ID()), "b")
		one.ExpectDisconnect(siotest.ServerDisconnect)
		assert.Equal(t, "all go", do("_disconnect", "/", true), "")
		two.ExpectDisconnect(siotest.ServerDisconnect)
	})
}

// TestReadOnly: the features are not there, and what asks for them does nothing.
func TestReadOnly(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := start(t, socketio.Options{}, admin.Options{Open: true, ReadOnly: true, Mode: admin.ModeDevelopment})
		one := siotest.Dial(t, srv, siotest.Options{})
		c := siotest.Dial(t, srv, ui(nil))
		var config map[string][]string
		until(c, "config").Decode(&config)
		assert.Equal(t, "features", strings.Join(config["supportedFeatures"], " "), "AGGREGATED_EVENTS ALL_EVENTS")
		for _, event := range []string{"join", "leave", "_disconnect", "emit"} {
			c.Emit(event, "/", nil, "x")
		}
		synctest.Wait()
		s, ok := srv.Socket(one.ID())
		assert.True(t, "it is still there", ok)
		assert.Equal(t, "rooms", len(s.Rooms()), 0)
		one.ExpectNone(time.Second)
	})
}

// TestCluster: one UI sees the sockets and numbers of all servers, and acts on them.
func TestCluster(t *testing.T) {
	bubble(t, func(t *testing.T) {
		servers := adaptertest.Cluster(t, 2, socketio.Options{Logger: quiet})
		for i, srv := range servers {
			admin.Instrument(srv, admin.Options{Open: true, Mode: admin.ModeDevelopment, ServerID: fmt.Sprint("server ", i), Logger: quiet})
		}
		far := siotest.Dial(t, servers[1], siotest.Options{})
		c := siotest.Dial(t, servers[0], ui(nil))
		var all allSockets
		until(c, "all_sockets").Decode(&all)
		s := all[all.of(t, far.ID())]
		assert.Equal(t, "of the other server", s.Transport, "websocket")
		assert.True(t, "its client", s.ClientID != "")
		seen := map[string]bool{}
		for len(seen) < 2 {
			var st struct{ ServerID string }
			until(c, "server_stats").Decode(&st)
			seen[st.ServerID] = true
		}
		c.Emit("join", "/", "x", far.ID())
		assert.Equal(t, "told by the other server", line(t, until(c, "room_joined")), fmt.Sprintf(`room_joined["/","x",%q]`, far.ID()))
		c.Emit("_disconnect", "/", false, far.ID())
		far.ExpectDisconnect(siotest.ServerDisconnect)
		assert.Equal(t, "told by the other server", line(t, until(c, "socket_disconnected")),
			fmt.Sprintf(`socket_disconnected["/",%q,"server namespace disconnect"]`, far.ID()))
	})
}

var panics = socketio.NewSharedKey[string]("panics")

// TestPanic: an Options.Redact that panics costs what was to be told, also of the sockets of
// other servers, and ends nothing.
func TestPanic(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var log bytes.Buffer
		servers := adaptertest.Cluster(t, 2, socketio.Options{Logger: quiet})
		admin.Instrument(servers[0], admin.Options{
			Open: true, Mode: admin.ModeDevelopment, Logger: slog.New(slog.NewTextHandler(&log, nil)),
			Redact: func(string) bool { panic("redact") },
		})
		admin.Instrument(servers[1], admin.Options{Open: true, Mode: admin.ModeDevelopment, Logger: quiet})
		far := siotest.Dial(t, servers[1], siotest.Options{})
		s, _ := servers[1].Socket(far.ID())
		panics.Set(s, "of Redact")
		c := siotest.Dial(t, servers[0], ui(nil))
		synctest.Wait()
		assert.True(t, log.String(), strings.Contains(log.String(), `msg="admin: panic" panic=redact`))
		until(c, "server_stats")
	})
}

// TestOldClients: the ids of their sockets are secrets, and the UI does not get them.
func TestOldClients(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := start(t, socketio.Options{AllowEIO3: true}, admin.Options{Open: true, Mode: admin.ModeDevelopment})
		c := siotest.Dial(t, srv, ui(nil))
		until(c, "all_sockets")
		req, _ := http.NewRequestWithContext(t.Context(), "GET", "/socket.io/?EIO=3&transport=polling", nil)
		w := &body{header: make(http.Header)}
		srv.ServeHTTP(w, req)
		assert.True(t, w.text, strings.Contains(w.text, `"sid"`))
		synctest.Wait()
		assert.Equal(t, "they are counted", srv.Connections(), 2)
		d := siotest.Dial(t, srv, siotest.Options{})
		var s struct{ ID string }
		until(c, "socket_connected").Decode(&s)
		assert.Equal(t, "the first that is told", s.ID, d.ID())
	})
}

type body struct {
	header http.Header
	text   string
}

func (b *body) Header() http.Header         { return b.header }
func (b *body) WriteHeader(int)             {}
func (b *body) Write(p []byte) (int, error) { b.text += string(p); return len(p), nil }
