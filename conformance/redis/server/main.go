// Program server is a server of this module on Redis. It does what each line of its
// input says and writes what came of it; its first line is its port, and lines without
// an id are what other servers have said to it, or that it has reported a gap. REDIS is
// the address, RECOVERY, unless empty, has it recover clients in every mode, and the
// argument is the mode.
package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"sync"
	"time"

	sioredis "github.com/gosio/gosio/adapters/redis"
	"github.com/gosio/gosio/conformance/redis/given"
	socketio "github.com/gosio/gosio/core"
)

// order is a line of the input.
type order struct {
	ID        int
	Do        string
	Namespace string
	Rooms     []string
	All       bool // Rooms are not looked at
	Except    []string
	Volatile  bool
	Compress  *bool
	Event     string
	Args      []any
	Targets   []string // rooms to join and leave
	Close     bool
	Expect    int // milliseconds that a request may take
}

// line is one of the output.
type line struct {
	ID     int    `json:"id,omitempty"`
	Result any    `json:"result"`
	Error  string `json:"error,omitempty"`
	Heard  []any  `json:"heard,omitempty"`
	Gap    string `json:"gap,omitempty"` // why
}

type program struct {
	srv *socketio.Server
	mu  sync.Mutex
	out *json.Encoder
}

func main() {
	mode, ok := map[string]sioredis.Mode{
		"room": sioredis.ClassicByRoom, "pattern": sioredis.ClassicByPattern, "sharded-dynamic": sioredis.ShardedDynamic,
		"sharded-dynamic-private": sioredis.ShardedDynamicPrivate, "sharded-static": sioredis.ShardedStatic,
		"streams": sioredis.Streams,
	}[os.Args[1]]
	if !ok {
		panic("no mode: " + os.Args[1])
	}
	engine := sioredis.New(&sioredis.Options{URL: "unix://" + os.Getenv("REDIS"), Mode: mode})
	p := &program{out: json.NewEncoder(os.Stdout)}
	opts := socketio.Options{Adapter: engine.Adapter}
	if mode == sioredis.Streams || os.Getenv("RECOVERY") != "" {
		opts.Recovery = &socketio.Recovery{}
	}
	p.srv = socketio.NewServer(&opts)
	p.srv.OnGap(func(e socketio.GapEvent) { p.write(line{Gap: fmt.Sprintf("%v: %v", e.Type, e.Err)}) })
	p.prepare(p.srv.Of("/"), "/")
	p.prepare(p.srv.OfRegexp(regexp.MustCompile("^/dyn-")), "/dyn-日本") // the one that there is
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go func() { _ = http.Serve(l, p.srv) }() //nolint:gosec // for a test
	fmt.Println(l.Addr().(*net.TCPAddr).Port)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var o order
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			panic(err)
		}
		p.obey(&o)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = p.srv.Shutdown(ctx)
}

var profile = socketio.NewSharedKey[map[string]string]("profile")

func (p *program) prepare(ns *socketio.Namespace, name string) {
	ns.OnConnect(func(s *socketio.Socket) { profile.Set(s, map[string]string{"id": s.ID()}) })
	ns.OnServerSide("server", func(_ context.Context, in *socketio.Incoming) error {
		heard := []any{name}
		for i := range in.Len() {
			heard = append(heard, argument(func(dst any) error { return in.Arg(i, dst) }))
		}
		p.write(line{Heard: heard})
		return nil
	})
	ns.OnServerSide("who", func(x any) string { return fmt.Sprint("go ", x) })
	ns.OnServerSide("silence", func(socketio.Ack) {})
}

// argument is bytes as {"$bytes": base64}, and everything else as it is.
func argument(decode func(dst any) error) any {
	var v any
	if err := decode(&v); err != nil {
		return err.Error()
	}
	return marked(v)
}

func marked(v any) any {
	switch v := v.(type) {
	case []byte:
		return map[string]any{"$bytes": base64.StdEncoding.EncodeToString(v)}
	case []any:
		for i := range v {
			v[i] = marked(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = marked(v[k])
		}
	}
	return v
}

func (p *program) write(l line) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.out.Encode(l)
}

// obey does an order. Requests do not hold up what follows.
func (p *program) obey(o *order) {
	answer := func(result any, err error) {
		l := line{ID: o.ID, Result: result}
		if err != nil {
			l.Error = err.Error()
		}
		p.write(l)
	}
	b := p.srv.Of(o.Namespace).Except(o.Except...)
	if !o.All {
		b = b.To(o.Rooms...)
	}
	if o.Volatile {
		b = b.Volatile()
	}
	if o.Compress != nil {
		b = b.Compress(*o.Compress)
	}
	args := make([]any, len(o.Args))
	for i, a := range o.Args {
		args[i] = given.Value(a)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(o.Expect)*time.Millisecond)
	switch o.Do {
	case "emit":
		answer(nil, b.Emit(o.Event, args...))
	case "join":
		answer(nil, b.SocketsJoin(o.Targets...))
	case "leave":
		answer(nil, b.SocketsLeave(o.Targets...))
	case "disconnect":
		answer(nil, b.DisconnectSockets(o.Close))
	case "server":
		answer(nil, p.srv.Of(o.Namespace).ServerSideEmit(o.Event, args...))
	case "view":
		answer(p.view(o.Namespace), nil)
	default:
		go func() {
			defer cancel()
			answer(p.ask(ctx, o, b, args))
		}()
		return
	}
	cancel()
}

// ask makes a request.
func (p *program) ask(ctx context.Context, o *order, b socketio.Broadcast, args []any) (any, error) {
	if o.Do == "fetch" {
		list, err := b.FetchSockets(ctx)
		infos := make([]map[string]any, len(list))
		for i, r := range list {
			data, _ := profile.Fetch(r)
			infos[i] = map[string]any{
				"id": r.ID(), "rooms": append(r.Rooms(), r.ID()), "profile": data["id"], "agent": r.Handshake().Header.Get("User-Agent"), "url": r.Handshake().URL,
			}
		}
		return infos, err
	}
	var replies []*socketio.Reply
	var err error
	if o.Do == "call" {
		replies, err = b.EmitWithAck(ctx, o.Event, args...)
	} else {
		replies, err = p.srv.Of(o.Namespace).ServerSideEmitWithAck(ctx, o.Event, args...)
	}
	all := make([]any, len(replies))
	for i, r := range replies {
		all[i] = argument(func(dst any) error { return r.Decode(dst) })
	}
	return all, err
}

// view is which sockets of this server are in which rooms.
func (p *program) view(namespace string) map[string][]string {
	all := make(map[string][]string)
	for _, s := range p.srv.Of(namespace).Sockets() {
		all[s.ID()] = append(s.Rooms(), s.ID())
	}
	return all
}
