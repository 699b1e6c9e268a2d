// Nethttp serves the conformance contract on net/http alone.
package main

import (
	"net/http"
	"os"
	"strings"

	socketio "github.com/gosio/gosio/core"

	"github.com/gosio/gosio/conformance/servers/contract"
)

func main() {
	options := socketio.Options{AllowEIO3: os.Getenv("EIO3") != ""}
	if origins := os.Getenv("ORIGINS"); origins != "" {
		options.CORS.Origins = strings.Split(origins, ",")
	}
	c := contract.New(options)
	mux := http.NewServeMux()
	mux.Handle("/socket.io", c.IO)
	mux.Handle("/socket.io/", c.IO)
	mux.Handle("/control/", c.Control())
	c.Serve(mux)
}
