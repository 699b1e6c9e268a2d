// Command zishang is the benchmark's server on zishang520/socket.io.
package main

import (
	"log"
	"net"
	"net/http"
	"os"

	"github.com/zishang520/socket.io/servers/socket/v3"
)

func main() {
	io := socket.NewServer(nil, nil)
	if err := io.On("connection", func(args ...any) { serve(io, args[0].(*socket.Socket)) }); err != nil {
		log.Fatal(err)
	}
	http.Handle("/socket.io/", io.ServeHandler(nil))
	log.Fatal(http.ListenAndServe(net.JoinHostPort("127.0.0.1", os.Getenv("PORT")), nil))
}

func serve(io *socket.Server, client *socket.Socket) {
	on := func(event string, handler func(args []any)) {
		if err := client.On(event, func(args ...any) { handler(args) }); err != nil {
			log.Fatal(err)
		}
	}
	on("echo", func(args []any) { must(client.Emit("echo", args[0])) })
	on("ack", func(args []any) { args[1].(socket.Ack)([]any{args[0]}, nil) })
	on("join", func(args []any) {
		client.Join(socket.Room(args[0].(string)))
		args[1].(socket.Ack)([]any{"ok"}, nil)
	})
	on("bcast", func(args []any) { must(io.To(socket.Room(args[0].(string))).Emit("msg", args[1])) })
	on("flood", func(args []any) {
		for range int(args[0].(float64)) {
			must(client.Emit("msg", args[1]))
		}
	})
}

func must(err error) {
	if err != nil {
		log.Print(err)
	}
}
