package main

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/adapter/adaptertest"
	"github.com/gosio/gosio/examples/parts/check"
)

func TestMain(m *testing.M) { check.Main(m) }

// gate is a listener that can drop its connections, and refuse new ones.
type gate struct {
	net.Listener
	mu     sync.Mutex
	shut   bool
	accept []net.Conn
}

func (g *gate) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		g.mu.Lock()
		shut := g.shut
		if !shut {
			g.accept = append(g.accept, conn)
		}
		g.mu.Unlock()
		if !shut {
			return conn, nil
		}
		_ = conn.Close()
	}
}

func (g *gate) close() (open func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = true
	for _, conn := range g.accept {
		_ = conn.Close()
	}
	g.accept = nil
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.shut = false
	}
}

// startHub starts a hub.
func startHub(t *testing.T) *gate {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{Listener: l}
	ended := make(chan struct{})
	go func() { _ = new(hub).serve(g); close(ended) }()
	t.Cleanup(func() { g.close(); _ = l.Close(); <-ended })
	return g
}

// startCluster starts a hub and servers that it joins.
func startCluster(t *testing.T, n int, opts socketio.Options) ([]*socketio.Server, *gate) {
	g := startHub(t)
	opts.Adapter = connect(g.Addr().String())
	servers := make([]*socketio.Server, n)
	for i := range servers {
		servers[i] = socketio.NewServer(&opts)
		t.Cleanup(servers[i].Close)
	}
	return servers, g
}

func TestContract(t *testing.T) {
	t.Parallel()
	adaptertest.Run(t, func(t *testing.T, n int, opts socketio.Options) []*socketio.Server {
		servers, _ := startCluster(t, n, opts)
		return servers
	})
}

func TestOutage(t *testing.T) {
	t.Parallel()
	adaptertest.RunOutage(t, func(t *testing.T, n int, opts socketio.Options) ([]*socketio.Server, func() func()) {
		servers, g := startCluster(t, n, opts)
		return servers, g.close
	})
}

// TestComeBack: a node comes back while the hub has its old connection. The end of that
// does not end the new one.
func TestComeBack(t *testing.T) {
	t.Parallel()
	g := startHub(t)
	join := func(name string) (net.Conn, *json.Decoder) {
		conn, err := net.Dial("tcp", g.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		_, _ = conn.Write(encode(&message{Kind: "hello", From: name, Namespace: "/"}))
		return conn, json.NewDecoder(conn)
	}
	next := func(dec *json.Decoder, kind string) {
		t.Helper()
		var msg message
		if err := dec.Decode(&msg); err != nil || msg.Kind != kind {
			t.Fatalf("got %+v, %v; want %s", msg, err, kind)
		}
	}
	other, heard := join("other")
	next(heard, "welcome")
	_, old := join("node")
	next(old, "welcome")
	next(heard, "joined")
	_, dec := join("node")
	next(dec, "welcome")
	next(heard, "left")
	next(heard, "joined")
	if err := old.Decode(new(message)); err == nil {
		t.Fatal("the old connection lives")
	}
	_, _ = other.Write(encode(&message{Kind: "publish"}))
	next(dec, "publish")
}

// TestAddress: an address that is none is refused, and says what to write.
func TestAddress(t *testing.T) {
	t.Parallel()
	if err := start(t.Context(), "nonsense", "0"); err == nil || !strings.Contains(err.Error(), "HUB=localhost:4000") {
		t.Fatal(err)
	}
}

// TestCloseBesideMuteHub: what is still to be sent does not hold up Close.
func TestCloseBesideMuteHub(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() { // ends with the listener, or when the node has gone
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		dec := json.NewDecoder(conn)
		_ = dec.Decode(new(message)) // its hello, and nothing more
		_, _ = conn.Write(encode(&message{Kind: "welcome"}))
		<-t.Context().Done()
	}()
	var node adapter.Adapter
	srv := socketio.NewServer(&socketio.Options{Adapter: func(local adapter.Local) adapter.Adapter {
		node = connect(l.Addr().String())(local)
		return node
	}})
	for range 5000 { // more than the kernel takes
		if err := srv.Emit("e", strings.Repeat("x", 10_000)); err != nil {
			t.Fatal(err)
		}
	}
	if err := node.Close(); err != nil { // srv.Close alone would not wait for it
		t.Fatal(err)
	}
	srv.Close()
}

// TestServe: the page and the server are there until the context ends.
func TestServe(t *testing.T) {
	t.Parallel()
	g := startHub(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, l, g.Addr().String()) }()
	for _, path := range []string{"/", "/socket.io/?EIO=4&transport=polling"} {
		res, err := http.Get("http://" + l.Addr().String() + path)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %v %v", path, res, err)
		}
		_ = res.Body.Close()
	}
	http.DefaultClient.CloseIdleConnections()
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}
