// Command server is an app that the Admin UI looks into. It prints its port, and ends
// with its standard input.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/gosio/gosio/admin"
	socketio "github.com/gosio/gosio/core"
)

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

var profile = socketio.NewSharedKey[map[string]string]("profile")

func run(origin string) error {
	hash, err := bcrypt.GenerateFromPassword([]byte("s3cret"), bcrypt.MinCost)
	if err != nil {
		return err
	}
	srv := socketio.NewServer(&socketio.Options{CORS: socketio.CORS{Origins: []string{origin}, Credentials: true}})
	srv.Of("/news")
	srv.OnConnect(func(s *socketio.Socket) {
		_ = s.Join("lobby")
		profile.Set(s, map[string]string{"name": "Ann", "password": "t0p-value"})
	})
	srv.On("say", func(text string) string { return text })
	users := map[string]string{"ops": string(hash)}
	admin.Instrument(srv, admin.Options{Users: users, Mode: admin.ModeDevelopment, ServerID: "go-one"})
	admin.Instrument(srv, admin.Options{Users: users, Namespace: "/numbers", ServerID: "go-one"})

	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	hs := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- hs.Serve(ln) }() // ends by hs.Close
	fmt.Printf("listening %d\n", ln.Addr().(*net.TCPAddr).Port)
	_, _ = io.Copy(io.Discard, os.Stdin) // until the parent ends
	end, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := srv.Shutdown(end); err != nil {
		return err
	}
	_ = hs.Close()
	<-served // ErrServerClosed
	return nil
}
