// Package app is an app that the Admin UI and the inspector look into.
package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/crypto/bcrypt"

	sioredis "github.com/gosio/gosio/adapters/redis"
	"github.com/gosio/gosio/admin"
	adminredis "github.com/gosio/gosio/admin/redis"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/inspector"
)

// Mount mounts a server in a framework, and the page of the inspector.
type Mount func(srv *socketio.Server, page http.Handler) (serve func(net.Listener) error, shutdown func(context.Context) error)

// Main is the main function of a command, which serves the app once for each of the mounts that are named:
//
//	server ORIGIN MOUNT...
//
// It prints their ports, and ends with its standard input. With REDIS, the path of a socket, it
// is a server of a cluster; NAME is what the UI calls it. With RECOVERY clients get their
// sessions back.
func Main(mounts map[string]Mount) {
	if err := run(os.Args[1], os.Args[2:], mounts); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(origin string, names []string, mounts map[string]Mount) error {
	hash, err := bcrypt.GenerateFromPassword([]byte("s3cret"), bcrypt.MinCost)
	if err != nil {
		return err
	}
	var apps []*app
	for _, name := range names {
		mount := mounts[name]
		if mount == nil {
			return fmt.Errorf("there is no mount %q", name)
		}
		a, err := start(name, mount, origin, string(hash))
		if err != nil {
			return err
		}
		apps = append(apps, a)
		fmt.Printf("listening %s %d\n", name, a.port)
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin) // until the parent ends
	end, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for _, a := range apps {
		err = errors.Join(err, a.srv.Shutdown(end), a.shutdown(end))
		<-a.served // what it says is that it was shut down
	}
	return err
}

// app is one server.
type app struct {
	srv      *socketio.Server
	port     int
	shutdown func(context.Context) error
	served   chan error
}

func start(name string, mount Mount, origin, hash string) (*app, error) {
	srv, page := newServer(name, origin, hash)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	serve, shutdown := mount(srv, page)
	a := &app{srv, ln.Addr().(*net.TCPAddr).Port, shutdown, make(chan error, 1)}
	go func() { a.served <- serve(ln) }() // ends with shutdown
	return a, nil
}

func newServer(name, origin, hash string) (*socketio.Server, http.Handler) {
	opts := socketio.Options{CORS: socketio.CORS{Origins: []string{origin}, Credentials: true}}
	var sessions admin.Sessions
	if path := os.Getenv("REDIS"); path != "" {
		opts.Adapter = sioredis.New(&sioredis.Options{URL: "unix://" + path, Mode: sioredis.ClassicByRoom}).Adapter
		sessions = adminredis.New(redis.NewClient(&redis.Options{Network: "unix", Addr: path}), adminredis.Options{})
	}
	if os.Getenv("RECOVERY") != "" {
		opts.Recovery = &socketio.Recovery{}
	}
	srv := socketio.NewServer(&opts)
	Handle(srv)
	id, users := cmp.Or(os.Getenv("NAME"), "go-"+name), map[string]string{"ops": hash}
	admin.Instrument(srv, admin.Options{Users: users, Mode: admin.ModeDevelopment, ServerID: id, Sessions: sessions})
	admin.Instrument(srv, admin.Options{Users: users, Namespace: "/numbers", ServerID: id, Sessions: sessions})
	whole := inspector.New(srv, inspector.Options{Users: users, ServerID: id})
	reading := inspector.New(srv, inspector.Options{Users: users, ServerID: id, Namespace: "/reading", ReadOnly: true})
	return srv, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/inspect/reading/") {
			reading.ServeHTTP(w, r)
			return
		}
		whole.ServeHTTP(w, r)
	})
}

// Serve serves a handler of net/http.
func Serve(h http.Handler) (serve func(net.Listener) error, shutdown func(context.Context) error) {
	hs := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	return hs.Serve, func(context.Context) error { return hs.Close() }
}
