package admin_test

import (
	"fmt"
	"testing"

	"github.com/gosio/gosio/admin"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
)

// A server that the page at https://admin.socket.io may connect to.
// "htpasswd -nbBC 12 ops 'the password'" prints the hash.
func ExampleInstrument() {
	siotest.Example(func(t testing.TB) {
		srv := socketio.NewServer(&socketio.Options{
			CORS: socketio.CORS{Origins: []string{"https://admin.socket.io"}, Credentials: true},
		})
		t.Cleanup(srv.Close)
		admin.Instrument(srv, admin.Options{
			Users:  map[string]string{"ops": "$2a$04$t3B06mjCcVDkOVxDgy2J5eLQbuKzELSRnTDZi6C7Xmx3tUzbXgYLa"},
			Logger: quiet,
		})

		login := map[string]string{"username": "ops", "password": "s3cret"}
		siotest.Dial(t, srv, siotest.Options{Namespace: "/admin", Auth: login})
		login["password"] = "guess"
		fmt.Println(siotest.Refused(t, srv, siotest.Options{Namespace: "/admin", Auth: login}).Message)
	})
	// Output:
	// invalid credentials
}
