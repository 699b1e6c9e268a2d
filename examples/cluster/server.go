package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	sioredis "github.com/gosio/gosio/adapters/redis"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/graceful"
)

// said is a message of the chat. The Node server sends the same.
type said struct {
	From   string `json:"from"`
	Text   string `json:"text"`
	Server string `json:"server"` // that took the message
}

// person is somebody who is connected to one of the servers.
type person struct {
	Name   string `json:"name"`
	Server string `json:"server"`
}

// The values of a socket that all servers of the cluster see: members of Node's
// socket.data.
var (
	nameKey   = socketio.NewSharedKey[string]("name")
	serverKey = socketio.NewSharedKey[string]("server")
)

// modes are those that the Node server has, too.
var modes = map[string]sioredis.Mode{"classic": sioredis.ClassicByRoom, "sharded": sioredis.ShardedDynamic, "streams": sioredis.Streams}

// newChat returns one server of the chat, with the engine that joins it to the others.
func newChat(name, mode, redis string) (*socketio.Server, *sioredis.Engine) {
	engine := sioredis.New(&sioredis.Options{URL: redis, Mode: modes[mode], Logger: slog.Default()})
	opts := socketio.Options{
		Logger: slog.Default(), Adapter: engine.Adapter,
		PingInterval: 5 * time.Second, PingTimeout: 5 * time.Second, // a window that is gone is soon off the list
	}
	if modes[mode] == sioredis.Streams {
		opts.Recovery = &socketio.Recovery{} // by any of the servers
	}
	srv := socketio.NewServer(&opts)
	srv.UseFunc(func(_ context.Context, s *socketio.Socket) error {
		var auth struct {
			Name string `json:"name"`
		}
		if s.Handshake().DecodeAuth(&auth) != nil || strings.TrimSpace(auth.Name) == "" || len(auth.Name) > 40 {
			return &socketio.ConnectError{Message: "a name is needed"}
		}
		nameKey.Set(s, strings.TrimSpace(auth.Name))
		serverKey.Set(s, name)
		return nil
	})
	srv.OnConnect(func(s *socketio.Socket) { _ = s.Emit("welcome", name) })
	srv.On("say", func(s *socketio.Socket, text string) error {
		from, _ := nameKey.Get(s)
		if len(text) > 500 {
			return &socketio.Error{Code: socketio.CodeBadRequest, Message: "at most 500 bytes"}
		}
		return srv.Emit("said", said{from, text, name}) // to the clients of all servers
	})
	srv.On("who", func(ctx context.Context) ([]person, error) { return who(ctx, srv) })
	return srv, engine
}

// who asks all servers who is connected. A server that does not answer is left out.
func who(ctx context.Context, srv *socketio.Server) ([]person, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	sockets, err := srv.FetchSockets(ctx)
	if p := (*socketio.PartialError)(nil); err != nil && !errors.As(err, &p) {
		return nil, err
	}
	people := make([]person, 0, len(sockets))
	for _, s := range sockets {
		name, _ := nameKey.Fetch(s)
		server, _ := serverKey.Fetch(s)
		people = append(people, person{name, server})
	}
	slices.SortFunc(people, func(a, b person) int { return strings.Compare(a.Name+a.Server, b.Name+b.Server) })
	return people, nil
}

// serve runs one server on a Unix socket until ctx ends.
func serve(ctx context.Context, name, mode, path, redis string) error {
	_ = os.Remove(path) // left by a process that was killed
	l, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	srv, _ := newChat(name, mode, redis)
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	app := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	return graceful.New(srv, &graceful.Options{Timeout: 12 * time.Second}).Serve(ctx, app, l) // the parent kills after 15 s
}
