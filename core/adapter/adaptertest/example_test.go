package adaptertest_test

import (
	"fmt"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter/adaptertest"
	"github.com/gosio/gosio/core/siotest"
)

// An application on two servers, in one process and without an engine.
func ExampleCluster() {
	siotest.Example(func(t testing.TB) {
		servers := adaptertest.Cluster(t, 2, socketio.Options{})
		for _, srv := range servers {
			srv.On("say", func(text string) error { return srv.Emit("said", text) })
		}
		ada := siotest.Dial(t, servers[0], siotest.Options{})
		grace := siotest.Dial(t, servers[1], siotest.Options{})

		ada.Emit("say", "hello")
		var text string
		grace.Expect("said", &text)
		fmt.Println(text)
	})
	// Output:
	// hello
}

// A test of an adapter of your own is one function. The example is compiled and not run:
// it needs that adapter.
func ExampleRun() {
	_ = func(t *testing.T) { // func TestContract(t *testing.T)
		adaptertest.Run(t, func(t *testing.T, n int, opts socketio.Options) []*socketio.Server {
			return startCluster(t, n, opts) // yours: n servers with these options and your adapter
		})
	}
}

func startCluster(t *testing.T, n int, opts socketio.Options) []*socketio.Server {
	return adaptertest.Cluster(t, n, opts)
}
