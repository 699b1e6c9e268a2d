package docs_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	sioredis "github.com/gosio/gosio/adapters/redis"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/adapter/adaptertest"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	sioprometheus "github.com/gosio/gosio/observe/prometheus"
)

func TestClusterOptions(t *testing.T) {
	t.Parallel()
	opts := &socketio.Options{}
	connect := func(adapter.Local) adapter.Adapter { return quiet{} }
	// code: cookie
	opts.Cookie = &http.Cookie{Name: "io", Secure: true} // HttpOnly, Path "/", SameSite Lax by themselves
	// end
	// code: adapter
	opts.Adapter = func(local adapter.Local) adapter.Adapter {
		return connect(local) // yours, or an engine's
	}
	// end
	w := httptest.NewRecorder()
	start(t, opts).ServeHTTP(w, httptest.NewRequest("GET", "/socket.io/?EIO=4&transport=polling", nil))
	assert.True(t, "cookie", strings.HasPrefix(w.Header().Get("Set-Cookie"), "io="))
}

// TestGapHook: the clients of each namespace are told, and not those of others.
func TestGapHook(t *testing.T) {
	t.Parallel()
	locals := make(map[string]adapter.Local)
	srv := start(t, &socketio.Options{Adapter: func(local adapter.Local) adapter.Adapter {
		locals[local.Namespace()] = local
		return quiet{}
	}})
	chat := srv.Of("/chat")
	// code: gap
	reload := func(e socketio.GapEvent) {
		if e.Type == adapter.GapIncoming {
			e.Namespace.Local().Emit("reload") // clients of this server have missed something
		}
	}
	srv.OnGap(reload) // the namespace "/"
	chat.OnGap(reload)
	// end
	for _, name := range []string{"/", "/chat"} {
		c := siotest.Dial(t, srv, siotest.Options{Namespace: name})
		locals[name].Gap(adapter.Gap{Type: adapter.GapIncoming})
		c.Expect("reload")
	}
}

// code: node
// engine is this server's place in the cluster, and metrics count what it does.
var (
	engine  = sioredis.New(&sioredis.Options{URL: "redis://localhost:6379"})
	metrics = sioprometheus.New(sioprometheus.Options{})
)

// reload tells the clients of this server that they have missed something.
func reload(e socketio.GapEvent) {
	if e.Type == adapter.GapIncoming {
		e.Namespace.Local().Emit("reload")
	}
}

// end

// ofTheNode is only compiled; readme_test.go builds the program around it.
func ofTheNode() *socketio.Server {
	// code: nodeServer
	srv := socketio.NewServer(&socketio.Options{Adapter: engine.Adapter, Observer: metrics})
	// end
	srv.OnGap(reload)
	return srv
}

var _ = ofTheNode

// TestUnusedEngine: an engine that no server has says why it is never ready.
func TestUnusedEngine(t *testing.T) {
	t.Parallel()
	err := engine.Ready()
	assert.True(t, "not connected", errors.Is(err, sioredis.ErrNotConnected))
	assert.True(t, "why", strings.Contains(err.Error(), "no server has this engine's Adapter"))
}

// withRedis is only compiled: adapters/redis has tests with a real one.
func withRedis() *socketio.Server {
	// code: redis
	engine := sioredis.New(&sioredis.Options{URL: "redis://redis:6379"})
	srv := socketio.NewServer(&socketio.Options{Adapter: engine.Adapter})
	// end
	return srv
}

// onThisMachine is only compiled; readme_test.go at the root builds the program around it.
func onThisMachine() *socketio.Server {
	// code: local
	engine := sioredis.New(&sioredis.Options{URL: "redis://localhost:6379"})
	srv := socketio.NewServer(&socketio.Options{Adapter: engine.Adapter})
	// end
	return srv
}

// withStreams is only compiled, too.
func withStreams() *socketio.Server {
	// code: streams
	engine := sioredis.New(&sioredis.Options{URL: "redis://redis:6379", Mode: sioredis.Streams})
	srv := socketio.NewServer(&socketio.Options{Adapter: engine.Adapter, Recovery: &socketio.Recovery{}})
	// end
	return srv
}

var _, _, _ = withRedis, withStreams, onThisMachine

func withRedisCluster() *sioredis.Engine {
	// code: sharded
	engine := sioredis.New(&sioredis.Options{
		URL:  "redis://redis-1:6379?addr=redis-2:6379&addr=redis-3:6379",
		Mode: sioredis.ShardedDynamic,
	})
	// end
	return engine
}

var _ = withRedisCluster

// quiet is an adapter of a server that is alone.
type quiet struct{ adapter.Adapter }

func (quiet) Publish(*adapter.Operation) error { return nil }
func (quiet) Close() error                     { return nil }

// code: contract
func TestContract(t *testing.T) {
	adaptertest.Run(t, func(t *testing.T, n int, opts socketio.Options) []*socketio.Server {
		return startCluster(t, n, opts) // yours: n servers with these options and your adapter
	})
}

// end

func startCluster(t *testing.T, n int, opts socketio.Options) []*socketio.Server {
	return adaptertest.Cluster(t, n, opts)
}

func TestServerSide(t *testing.T) {
	t.Parallel()
	servers := adaptertest.Cluster(t, 3, socketio.Options{})
	dropped := make(chan string, 3)
	cache := dropper(dropped)
	ctx := t.Context()
	for _, srv := range servers {
		// code: serverside
		srv.OnServerSide("drop", func(key string) { cache.Drop(key) })
		srv.OnServerSide("connections", func() int { return srv.Connections() })
		// end
	}
	srv := servers[0]
	// code: ask
	srv.ServerSideEmit("drop", "user:7")

	total := srv.Connections()
	replies, err := srv.ServerSideEmitWithAck(ctx, "connections")
	for _, reply := range replies {
		var n int
		if reply.Decode(&n) == nil {
			total += n
		}
	}
	// end
	assert.NoError(t, err)
	assert.Equal(t, "replies", len(replies), 2)
	assert.Equal(t, "dropped", <-dropped+<-dropped, "user:7user:7")
}

type dropper chan<- string

func (d dropper) Drop(key string) { d <- key }

// code: cluster
func TestNewsReachesEveryServer(t *testing.T) {
	servers := adaptertest.Cluster(t, 3, socketio.Options{})
	for _, srv := range servers {
		srv.OnConnect(func(s *socketio.Socket) { s.Join("news"); s.Emit("ready") })
	}
	a, b := dial(t, servers[0]), dial(t, servers[1])
	a.Expect("ready")
	b.Expect("ready")
	servers[2].To("news").Emit("news", "hello")
	a.Expect("news")
	b.Expect("news")
}

// end

// TestLosses reads the tables of what is lost when: each line names tests that exist.
func TestLosses(t *testing.T) {
	t.Parallel()
	tables := strings.Split(read(t, "cluster.md"), "\n| what happens | what is lost | shown by |\n|---|---|---|\n")
	assert.Equal(t, "tables, and what is in front of them", len(tables), 3)
	var rows []string
	for _, table := range tables[1:] {
		body, _, _ := strings.Cut(table, "\n\n")
		rows = append(rows, strings.Split(body, "\n")...)
	}
	faults, ref := read(t, "../conformance/redis/faults.test.mjs"), regexp.MustCompile("`([^`]+)`")
	if len(rows) < 26 {
		t.Errorf("%d lines: have they gone?", len(rows))
	}
	for _, row := range rows {
		cells := strings.Split(strings.Trim(row, "|"), "|")
		if len(cells) != 3 {
			t.Errorf("a line is not when, what and tests: %s", row)
			continue
		}
		refs := ref.FindAllStringSubmatch(cells[2], -1)
		if len(refs) == 0 || strings.Trim(ref.ReplaceAllString(cells[2], ""), ", ") != "" {
			t.Errorf("%s names no test", row)
		}
		for _, m := range refs {
			why := ""
			if title, ok := strings.CutPrefix(m[1], "faults: "); !ok {
				why = missing(t, "adapters/redis."+m[1])
			} else if !regexp.MustCompile("\n *test\\(`[^`\n]*" + regexp.QuoteMeta(title)).MatchString(faults) {
				why = "there is no such case"
			}
			if why != "" {
				t.Errorf("%s: %s: %s", cells[0], m[1], why)
			}
		}
	}
}
