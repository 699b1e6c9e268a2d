package docs_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

var Name = socketio.NewSharedKey[string]("name")

// TestOptionsOfNode: the options of the page are those of Node's.
func TestOptionsOfNode(t *testing.T) {
	t.Parallel()
	// code: options
	srv := socketio.NewServer(&socketio.Options{
		CORS:         socketio.CORS{Origins: []string{"https://app.example"}, Credentials: true},
		PingInterval: 10 * time.Second,
		PingTimeout:  5 * time.Second,
		Limits:       socketio.Limits{MaxHTTPBufferSize: 2e6},
		Cookie:       &http.Cookie{Name: "io"}, // HttpOnly, Path "/", SameSite Lax by themselves
		Recovery:     &socketio.Recovery{MaxDisconnection: 2 * time.Minute},
	})
	// end
	defer srv.Close()
	w := httptest.NewRecorder()
	srv.ServeHTTP(w, httptest.NewRequest("GET", "/socket.io/?EIO=4&transport=polling", nil))
	assert.True(t, "cookie", regexp.MustCompile(`^io=[^;]+; Path=/; HttpOnly; SameSite=Lax$`).MatchString(w.Header().Get("Set-Cookie")))
	assert.True(t, "open packet", strings.HasSuffix(w.Body.String(), `"pingInterval":10000,"pingTimeout":5000,"maxPayload":2000000}`))
}

func TestFromNode(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	log := make(printer, 2)
	// code: hello
	srv := socketio.NewServer(&socketio.Options{
		CORS: socketio.CORS{Origins: []string{"https://app.example"}},
	})
	srv.On("message", func(s *socketio.Socket, text string) {
		s.Broadcast().Emit("message", s.ID(), text)
	})
	srv.OnDisconnect(func(s *socketio.Socket, reason socketio.Reason) {
		log.Println(s.ID(), reason)
	})
	mux.Handle("/socket.io/", srv) // then http.ListenAndServe(":3000", mux)
	// end
	defer srv.Close()
	verify := func(_ context.Context, token string) (*Account, error) {
		if token == "" {
			return nil, context.Canceled
		}
		return &Account{token}, nil
	}
	allowed := func(event string) bool { return event != "secret" }

	// code: acks
	srv.On("add", func(a, b int) int { return a + b })
	srv.On("quiz", func(ctx context.Context, s *socketio.Socket) (string, error) {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		return socketio.Call[string](ctx, s, "question")
	})
	// end

	// code: vote
	srv.On("vote", func(ctx context.Context, s *socketio.Socket, question string, ack socketio.Ack) {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		answers, err := socketio.CallAll[string](ctx, s.Broadcast(), "question", question)
		if err != nil {
			ack(err.Error())
			return
		}
		ack(nil, answers)
	})
	// end

	// code: middleware
	srv.UseFunc(func(ctx context.Context, s *socketio.Socket) error {
		var auth struct{ Token string }
		if err := s.Handshake().DecodeAuth(&auth); err != nil {
			return err
		}
		user, err := verify(ctx, auth.Token)
		if err != nil {
			return &socketio.ConnectError{Message: "not allowed"}
		}
		User.Set(s, user) // var User = socketio.NewKey[*Account]("user")
		return nil
	})
	// end

	// code: connect
	srv.OnConnect(func(s *socketio.Socket) {
		user, _ := User.Get(s)
		s.Join("lobby", "user:"+user.Name)
		if !s.Recovered() {
			s.Broadcast().Emit("joined", user.Name)
		}
	})
	srv.OnDisconnecting(func(s *socketio.Socket, _ socketio.Reason) {
		user, _ := User.Get(s)
		s.To("lobby").Emit("left", user.Name)
	})
	// end

	// code: fetch
	srv.On("who", func(ctx context.Context) (names []string, err error) {
		sockets, err := srv.In("lobby").FetchSockets(ctx)
		for _, s := range sockets {
			name, _ := Name.Fetch(s) // var Name = socketio.NewSharedKey[string]("name")
			names = append(names, name)
		}
		return names, err
	})
	// end
	srv.OnConnect(func(s *socketio.Socket) {
		user, _ := User.Get(s)
		Name.Set(s, user.Name)
	})

	// code: namespaces
	teams := srv.OfRegexp(regexp.MustCompile(`^/team-\w+$`))
	teams.OnConnect(func(s *socketio.Socket) {
		s.Namespace().Emit("here", s.Namespace().Name())
	})
	// end

	// code: rooms
	srv.On("enter", func(s *socketio.Socket, x, y int) {
		s.Join("a", "b")
		srv.To("a").Except("b").Emit("news", 1)
		s.To("a").Volatile().Emit("cursor", x, y)
	})
	srv.On("end", func() error { return srv.In("a").DisconnectSockets(true) })
	// end

	// code: event
	srv.UseEvent(func(next socketio.EventHandler) socketio.EventHandler {
		return func(ctx context.Context, in *socketio.Incoming) error {
			if !allowed(in.Event) {
				return &socketio.Error{Code: socketio.CodeForbidden, Message: "no"}
			}
			return next(ctx, in)
		}
	})
	// end

	as := siotest.Options{Auth: map[string]string{"token": "ada"}}
	a, b := siotest.Dial(t, mux, as), siotest.Dial(t, mux, as)
	assert.Equal(t, "sum", a.Call("add", 1, 2).String(), "[3]")
	a.Expect("joined")
	assert.Equal(t, "who", a.Call("who").String(), `[["ada","ada"]]`)
	siotest.Dial(t, mux, siotest.Options{Namespace: "/team-one"}).Expect("here")
	voted := a.EmitWithAck("vote", "tea?")
	b.Expect("question").Ack("yes")
	assert.Equal(t, "votes", (<-voted).String(), `[null,["yes"]]`)
	reply := a.EmitWithAck("quiz")
	a.Expect("question").Ack("42")
	assert.Equal(t, "answer", (<-reply).String(), `["42"]`)
	assert.Equal(t, "refused", a.Call("secret").Failure().Code, socketio.CodeForbidden)
	a.Emit("message", "hi")
	b.Expect("message")
	a.Call("enter", 1, 2)
	var seen atomic.Bool
	a.On("cursor", func(*siotest.Message) { seen.Store(true) })
	for !seen.Load() { // some may be dropped: the connection has just been written to
		b.Call("enter", 3, 4)
	}
	for _, c := range []*siotest.Client{a, b} {
		c.On("left", func(*siotest.Message) {}) // the one that ends last may hear of the other
	}
	b.Emit("end")
	a.ExpectDisconnect("")
	b.ExpectDisconnect("")
	<-log
	<-log
	assert.Equal(t, "not allowed", siotest.Refused(t, mux, siotest.Options{}).Message, "not allowed")
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", "/socket.io/?EIO=4&transport=polling", nil))
	assert.Equal(t, "status", w.Code, 200)
}
