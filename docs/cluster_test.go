package docs_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adaptertest"
	"github.com/gosio/gosio/internal/assert"
)

func TestClusterOptions(t *testing.T) {
	t.Parallel()
	opts := &socketio.Options{}
	// code: cookie
	opts.Cookie = &http.Cookie{Name: "io", Secure: true} // HttpOnly, Path "/", SameSite Lax by themselves
	// end
	// code: adapter
	opts.Adapter = func(local *socketio.Local) socketio.Adapter {
		return &chain{local: local} // yours, or an engine's
	}
	// end
	w := httptest.NewRecorder()
	start(t, opts).ServeHTTP(w, httptest.NewRequest("GET", "/socket.io/?EIO=4&transport=polling", nil))
	assert.True(t, "cookie", strings.HasPrefix(w.Header().Get("Set-Cookie"), "io="))
}

// chain is the smallest adapter there is: each server of this process hands an
// operation to every other one.
type chain struct {
	local *socketio.Local
	links *links
}

// links are the servers of one namespace.
type links struct {
	mu  sync.Mutex
	all []*chain
}

func (c *chain) Publish(_ context.Context, op *socketio.Operation) error {
	if c.links == nil {
		return nil
	}
	c.links.mu.Lock()
	others := append([]*chain(nil), c.links.all...)
	c.links.mu.Unlock()
	for _, other := range others {
		if other != c {
			_ = other.local.Apply(op)
		}
	}
	return nil
}

func (c *chain) Close() error { return nil }

// code: contract
func TestChain(t *testing.T) {
	adaptertest.Run(t, startChain) // startChain returns n servers that form one cluster
}

// end

func startChain(t *testing.T, n int, opts socketio.Options) []*socketio.Server {
	var mu sync.Mutex
	namespaces := map[string]*links{}
	opts.Adapter = func(local *socketio.Local) socketio.Adapter {
		mu.Lock()
		defer mu.Unlock()
		l := namespaces[local.Namespace()]
		if l == nil {
			l = &links{}
			namespaces[local.Namespace()] = l
		}
		c := &chain{local: local, links: l}
		l.all = append(l.all, c)
		return c
	}
	servers := make([]*socketio.Server, n)
	for i := range servers {
		servers[i] = start(t, &opts)
	}
	return servers
}

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
