// The examples of docs/howto, each on a namespace of its own. Run it, and drive it
// with the clients in the folder clients:
//
//	go run ./examples/howto
package main

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/graceful"
)

func main() {
	l, err := net.Listen("tcp", "localhost:"+cmp.Or(os.Getenv("PORT"), "3000"))
	if err != nil {
		slog.Error("cannot listen", "err", err)
		os.Exit(1)
	}
	slog.Info("the examples are served", "port", l.Addr().(*net.TCPAddr).Port)
	if err := run(context.Background(), l); err != nil {
		slog.Error("the server failed", "err", err)
		os.Exit(1)
	}
}

// run serves the examples until a signal comes or ctx ends.
func run(ctx context.Context, l net.Listener) error {
	folder, err := os.MkdirTemp("", "howto-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	files, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer func() { _ = files.Close() }() // the folder is removed

	srv := socketio.NewServer(&socketio.Options{Logger: slog.Default()})
	service := graceful.New(srv, nil)
	mux := routes(srv, files)
	mux.HandleFunc("/", service.Healthz)
	app := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	return service.Serve(ctx, app, l)
}

// routes registers all examples. Uploads go into the folder files.
func routes(srv *socketio.Server, files *os.Root) *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	for _, name := range []string{"/online", "/typing", "/notices", "/limits", "/files", "/private", "/jobs"} {
		srv.Of(name).UseFunc(signIn)
	}
	online(srv.Of("/online"), 3*time.Second)
	typing(srv.Of("/typing"))
	mux.Handle("POST /notices", notices(srv.Of("/notices")))
	limits(srv.Of("/limits"))
	transfers(srv.Of("/files"), files)
	private(srv.Of("/private"))
	mux.Handle("POST /jobs", jobs(srv.Context(), srv.Of("/jobs"), work))
	srv.On("echo", func(text string) string { return text }) // for the load test
	return mux
}

// signIn believes what a client says of itself. An application has auth.JWT or
// session.New in its place: the examples use the identity alone.
func signIn(_ context.Context, s *socketio.Socket) error {
	var auth struct{ Name string }
	if s.Handshake().DecodeAuth(&auth) != nil || auth.Name == "" {
		return &socketio.ConnectError{Message: "who are you?"}
	}
	s.SetIdentity(auth.Name)
	return nil
}

// userRoom is the room of all devices of a user.
func userRoom(name string) string { return "user:" + name }
