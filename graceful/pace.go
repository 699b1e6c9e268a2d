package graceful

import (
	"net"
	"net/http"

	"github.com/gosio/gosio/internal/pace"
)

// Pace has server accept connections no faster than it reads their first requests. When
// ten thousand clients come back at once, net/http accepts all of them at once, and each
// event of a client that is connected waits behind ten thousand first requests. With Pace
// those wait in the kernel. Call it before the server serves; [Service.Serve] does it for
// an *http.Server.
//
// It sets server.ConnState, which calls the function that was there before. At most eight
// connections per CPU (GOMAXPROCS), and sixteen at least, are accepted and have not sent a
// request; each counts for 5 ms at most, so that those that send nothing hold up nobody.
//
// Fiber has one of its own: siofiber.Pace.
func Pace(server *http.Server) {
	p, next := pace.New(), server.ConnState
	server.ConnState = func(c net.Conn, state http.ConnState) {
		if state == http.StateNew {
			p.Accepted(c)
		} else {
			p.Read(c)
		}
		if next != nil {
			next(c, state)
		}
	}
}
