// Command floor-nethttp answers GET and POST with bodies and headers of the
// sizes of a poll, at once: what two bare requests cost in net/http. A GET of /parked
// waits.
package main

import (
	"io"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/gosio/gosio/bench/servers/figures"
)

const event = `42["echo","000000000000abcdefghijklmnopqrst"]`

func main() {
	http.HandleFunc("GET /debug/figures", figures.Handle)
	http.HandleFunc("GET /parked", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	http.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, "text/plain; charset=UTF-8", event)
	})
	http.HandleFunc("POST /", func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			return
		}
		answer(w, "text/html", "ok")
	})
	log.Fatal(http.ListenAndServe(net.JoinHostPort("127.0.0.1", os.Getenv("PORT")), nil))
}

func answer(w http.ResponseWriter, kind, body string) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, body) // a client that left is not our concern
}
