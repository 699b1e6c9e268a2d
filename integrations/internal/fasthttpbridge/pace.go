package fasthttpbridge

import (
	"net"

	"github.com/valyala/fasthttp"

	"github.com/gosio/gosio/internal/pace"
)

// Pace has server accept connections no faster than it reads their first requests. It sets
// server.ConnState, which calls the function that was there before.
func Pace(server *fasthttp.Server) {
	p, next := pace.New(), server.ConnState
	server.ConnState = func(c net.Conn, state fasthttp.ConnState) {
		if state == fasthttp.StateNew {
			p.Accepted(c)
		} else {
			p.Read(c)
		}
		if next != nil {
			next(c, state)
		}
	}
}
