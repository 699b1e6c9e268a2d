package inspector_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/inspector"
)

// The page of a server, for one operator. "htpasswd -nbBC 12 ops 'the password'" prints
// the hash.
func ExampleNew() {
	srv := socketio.NewServer(nil)
	defer srv.Close()
	page := inspector.New(srv, inspector.Options{
		Users: map[string]string{"ops": "$2a$04$t3B06mjCcVDkOVxDgy2J5eLQbuKzELSRnTDZi6C7Xmx3tUzbXgYLa"},
	})
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	mux.Handle("/inspector/", page)

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", "/inspector/", nil))
	fmt.Println(w.Code) // the browser asks for name and password
	// Output:
	// 401
}
