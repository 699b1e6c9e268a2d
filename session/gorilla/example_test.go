package sessiongorilla_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gorilla/sessions"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/session"
	sessiongorilla "github.com/gosio/gosio/session/gorilla"
)

// The login of the web application lets its user's sockets in.
func ExampleNew() {
	siotest.Example(func(t testing.TB) {
		store := sessions.NewCookieStore([]byte("0123456789abcdef0123456789abcdef")) // yours
		login := func(w http.ResponseWriter, r *http.Request) {
			s, _ := store.Get(r, "session") // an error comes with a new session
			s.Values["user"] = "ada"
			if err := s.Save(r, w); err != nil {
				http.Error(w, "internal error", http.StatusInternalServerError)
			}
		}

		srv := socketio.NewServer(nil)
		t.Cleanup(srv.Close)
		srv.Use(session.New(sessiongorilla.New(store, "session"), session.Config{
			User: func(s *session.Session) string { return s.String("user") }, // empty: not signed in
		}))
		srv.On("who am i", func(s *socketio.Socket) string { return s.Identity() })

		w := httptest.NewRecorder()
		login(w, httptest.NewRequest("POST", "/login", nil))
		cookie := w.Result().Cookies()[0] // a browser sends it by itself
		c := siotest.Dial(t, srv, siotest.Options{Header: http.Header{"Cookie": {cookie.Name + "=" + cookie.Value}}})
		fmt.Println(c.Call("who am i"))
	})
	// Output:
	// ["ada"]
}
