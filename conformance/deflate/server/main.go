// Command server sends and takes long messages. Its argument is off, on or
// takeover: what is done about permessage-deflate.
package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	socketio "github.com/gosio/gosio/core"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

var modes = map[string]*socketio.PerMessageDeflate{
	"off":      nil,
	"on":       new(socketio.PerMessageDeflate),
	"takeover": {ServerContextTakeover: true, ClientContextTakeover: true},
}

func run() error {
	mode, ok := modes[os.Args[1]]
	if !ok {
		return errors.New("usage: server off|on|takeover")
	}
	srv := socketio.NewServer(&socketio.Options{
		PerMessageDeflate: mode,
		CORS:              socketio.CORS{Origins: []string{"*"}},
	})
	text := func(n int) string { return strings.Repeat("some text, ", n/11+1)[:n] }
	srv.On("echo", func(v any) any { return v })
	srv.On("echo binary", func(b []byte) []byte { return b })
	srv.On("text", text) // the answer is the acknowledgement
	srv.On("plain", func(s *socketio.Socket, n int) { _ = s.Compress(false).Emit("plain", text(n)) })
	srv.On("join", func(s *socketio.Socket, room string) error { return s.Join(room) })
	srv.On("broadcast", func(room string, n int) { _ = srv.To(room).Emit("all", text(n), []byte(text(n))) })
	srv.On("noise", func(n int) string { return noise(n) })

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
	srv.Close()
	_ = hs.Close()
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// noise is text that compresses to its half, and to nothing when it comes a
// second time. It is the same each time.
func noise(n int) string {
	b := make([]byte, n/2)
	x := uint64(1)
	for i := range b {
		x = x*6364136223846793005 + 1442695040888963407
		b[i] = byte(x >> 56)
	}
	return hex.EncodeToString(b)
}
