// Nethttp serves the conformance contract on net/http alone.
package main

import (
	"net/http"

	socketio "github.com/gosio/gosio/core"

	"github.com/gosio/gosio/conformance/servers/contract"
)

func main() {
	c := contract.New(socketio.Options{})
	mux := http.NewServeMux()
	mux.Handle("/socket.io", c.IO)
	mux.Handle("/socket.io/", c.IO)
	mux.Handle("/control/", c.Control())
	c.Serve(mux)
}
