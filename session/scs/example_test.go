package sessionscs_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/session"
	sessionscs "github.com/gosio/gosio/session/scs"
)

// The login of the web application lets its user's sockets in.
func ExampleNew() {
	siotest.Example(func(t testing.TB) {
		manager := scs.New()
		manager.Store = memstore.NewWithCleanupInterval(0) // yours
		login := manager.LoadAndSave(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			manager.Put(r.Context(), "user", "ada")
		}))

		srv := socketio.NewServer(nil) // not behind LoadAndSave
		t.Cleanup(srv.Close)
		srv.Use(session.New(sessionscs.New(manager), session.Config{
			User: func(s *session.Session) string { return s.String("user") }, // empty: not signed in
		}))
		srv.On("who am i", func(s *socketio.Socket) string { return s.Identity() })

		w := httptest.NewRecorder()
		login.ServeHTTP(w, httptest.NewRequest("POST", "/login", nil))
		cookie := w.Result().Cookies()[0] // a browser sends it by itself
		c := siotest.Dial(t, srv, siotest.Options{Header: http.Header{"Cookie": {cookie.Name + "=" + cookie.Value}}})
		fmt.Println(c.Call("who am i"))
	})
	// Output:
	// ["ada"]
}
