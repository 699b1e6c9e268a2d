// Command server answers the cases of ../cases.mjs in the way of
// ../server-node.mjs, by the parser that its argument names.
package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gosio/gosio/auth"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/parsers/msgpack"
)

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

var parsers = map[string]socketio.Parser{"standard": nil, "msgpack": msgpack.Parser{}, "json": plain{}}

func run(parser string) error {
	p, ok := parsers[parser]
	if !ok {
		return errors.New("no parser " + parser)
	}
	srv := socketio.NewServer(&socketio.Options{
		Parser: p, CORS: socketio.CORS{Origins: []string{"*"}}, Recovery: &socketio.Recovery{},
	})
	serve(srv.Of("/"))
	serve(srv.OfRegexp(regexp.MustCompile(`^/dyn-\d+$`)))
	srv.Of("/guarded").UseFunc(guard)
	tokens(srv)

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
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// farewells are what sockets are sent when they have left.
var farewells = socketio.NewKey[func()]("farewell")

func serve(ns *socketio.Namespace) {
	ns.OnConnect(func(s *socketio.Socket) {
		var auth any
		_ = s.Handshake().DecodeAuth(&auth) // nil if there is none
		_ = s.Emit("welcome", auth, s.Recovered())
	})
	ns.On("echo", func(v any) any { return v })
	ns.On("kinds", func(args ...any) []any { return describe(args).([]any) })
	ns.On("call", func(ctx context.Context, s *socketio.Socket, v any) (any, error) {
		return socketio.Call[any](ctx, s, "question", v)
	})
	ns.On("join", func(s *socketio.Socket, room string) error { return s.Join(room) })
	ns.On("tell", func(room, event string, args ...any) error { return ns.To(room).Emit(event, args...) })
	ns.On("leave", func(s *socketio.Socket, event string, args ...any) {
		farewells.Set(s, func() { _ = ns.To(s.ID()).Emit(event, args...) })
	})
	ns.OnDisconnect(func(s *socketio.Socket, _ socketio.Reason) {
		if farewell, ok := farewells.Get(s); ok {
			farewell()
		}
	})
	ns.On("kick", func(s *socketio.Socket) { s.Disconnect(false) })
}

// describe puts {"bytes": hex} into the place of bytes.
func describe(v any) any {
	switch v := v.(type) {
	case []byte:
		return map[string]string{"bytes": hex.EncodeToString(v)}
	case []any:
		for i := range v {
			v[i] = describe(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = describe(v[key])
		}
	}
	return v
}

// guard lets nobody in.
func guard(context.Context, *socketio.Socket) error {
	return &socketio.ConnectError{Message: "not authorized", Data: map[string]any{"code": 7, "list": []int{1, 2}}}
}

// tokens gives a token to whoever asks for one, and makes /jwt take it.
func tokens(srv *socketio.Server) {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	srv.On("token", func(subject string) (string, error) {
		return jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{
			Subject: subject, ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Minute)),
		}).SignedString(secret)
	})
	ns := srv.Of("/jwt")
	ns.Use(auth.JWT(auth.Config[jwt.RegisteredClaims]{Keys: auth.Secret(secret), Algorithms: []string{"HS256"}}))
	ns.On("whoami", func(s *socketio.Socket) string { return s.Identity() })
}
