// Command gosio is the benchmark's server on gosio, written as a user would:
// typed handlers, default options.
package main

import (
	"log"
	"net"
	"net/http"
	"os"

	"github.com/gosio/gosio/bench/servers/figures"
	socketio "github.com/gosio/gosio/core"
)

func main() {
	srv := socketio.NewServer(nil)
	srv.On("echo", func(s *socketio.Socket, data string) error { return s.Emit("echo", data) })
	srv.On("ack", func(data string) string { return data })
	srv.On("join", func(s *socketio.Socket, room string) string {
		s.Join(room)
		return "ok"
	})
	srv.On("bcast", func(room, data string) error { return srv.To(room).Emit("msg", data) })
	srv.On("flood", func(s *socketio.Socket, count int, data string) error {
		for range count {
			if err := s.Emit("msg", data); err != nil {
				return err
			}
		}
		return nil
	})
	http.Handle("/socket.io/", srv)
	http.HandleFunc("/debug/figures", figures.Handle)
	log.Fatal(http.ListenAndServe(net.JoinHostPort("127.0.0.1", os.Getenv("PORT")), nil))
}
