// Command floor-gws is a bare WebSocket echo on lxzan/gws: what a message costs
// in Go before there is any protocol.
package main

import (
	"log"
	"net"
	"net/http"
	"os"

	"github.com/lxzan/gws"

	"github.com/gosio/gosio/bench/servers/figures"
)

type echo struct{ gws.BuiltinEventHandler }

func (echo) OnMessage(conn *gws.Conn, message *gws.Message) {
	defer message.Close()
	if err := conn.WriteMessage(message.Opcode, message.Bytes()); err != nil {
		conn.NetConn().Close()
	}
}

func main() {
	http.HandleFunc("/debug/figures", figures.Handle)
	upgrader := gws.NewUpgrader(echo{}, nil)
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r)
		if err != nil {
			return
		}
		go conn.ReadLoop()
	})
	log.Fatal(http.ListenAndServe(net.JoinHostPort("127.0.0.1", os.Getenv("PORT")), nil))
}
