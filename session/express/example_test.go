package sessionexpress_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/session"
	sessionexpress "github.com/gosio/gosio/session/express"
)

// The login of an Express application lets its user's sockets in.
func ExampleNew() {
	siotest.Example(func(t testing.TB) {
		kv := &memory{m: map[string][]byte{}, until: map[string]time.Time{}} // sessionredis.NewKV(client), for that of connect-redis
		provider := sessionexpress.New(kv, sessionexpress.Options{Secrets: []string{"keyboard cat"}})

		srv := socketio.NewServer(nil)
		t.Cleanup(srv.Close)
		srv.Use(session.New(provider, session.Config{
			User: func(s *session.Session) string { return s.String("user") }, // empty: not signed in
		}))
		srv.On("who am i", func(s *socketio.Socket) string { return s.Identity() })

		kv.m["sess:7"] = document(map[string]string{"user": "ada"}, time.Hour) // what Express has stored
		cookie := cookieOf("7", "keyboard cat")                                // a browser sends it by itself
		c := siotest.Dial(t, srv, siotest.Options{Header: http.Header{"Cookie": {cookie.String()}}})
		fmt.Println(c.Call("who am i"))
	})
	// Output:
	// ["ada"]
}
