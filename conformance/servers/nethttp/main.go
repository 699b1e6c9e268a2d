// Nethttp serves the conformance contract on net/http alone.
package main

import (
	"net/http"
	"os"
	"slices"
	"strings"

	socketio "github.com/gosio/gosio/core"

	"github.com/gosio/gosio/conformance/servers/contract"
)

func main() {
	options := socketio.Options{AllowEIO3: os.Getenv("EIO3") != ""}
	if origins := os.Getenv("ORIGINS"); origins != "" {
		options.CORS.Origins = strings.Split(origins, ",")
	}
	options.Subprotocol = func(_ *http.Request, offered []string) string {
		if slices.Contains(offered, "chat.v2") {
			return "chat.v2"
		}
		return offered[0]
	}
	c := contract.New(options)
	mux := http.NewServeMux()
	mux.Handle("/socket.io", c.IO)
	mux.Handle("/socket.io/", c.IO)
	mux.Handle("/control/", c.Control())
	c.Serve(mux)
}
