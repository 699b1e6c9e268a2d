// Command floor-coder is a bare WebSocket echo on coder/websocket as it comes.
package main

import (
	"context"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/coder/websocket"

	"github.com/gosio/gosio/bench/servers/figures"
)

func main() {
	http.HandleFunc("/debug/figures", figures.Handle)
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		go echo(conn)
	})
	log.Fatal(http.ListenAndServe(net.JoinHostPort("127.0.0.1", os.Getenv("PORT")), nil))
}

func echo(conn *websocket.Conn) {
	defer conn.CloseNow()
	ctx := context.Background()
	for {
		kind, data, err := conn.Read(ctx)
		if err != nil {
			return
		}
		if err := conn.Write(ctx, kind, data); err != nil {
			return
		}
	}
}
