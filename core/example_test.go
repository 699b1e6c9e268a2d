package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter/adaptertest"
	"github.com/gosio/gosio/core/siotest"
)

// outside stands in for the *testing.T that a test has and an example has not.
type outside struct {
	testing.TB
	cleanup []func()
}

func (o *outside) Helper()                      {}
func (o *outside) Cleanup(f func())             { o.cleanup = append(o.cleanup, f) }
func (o *outside) Fatalf(f string, args ...any) { fmt.Printf("FAIL "+f+"\n", args...) }
func (o *outside) Errorf(f string, args ...any) { fmt.Printf("FAIL "+f+"\n", args...) }
func (o *outside) Fatal(args ...any)            { fmt.Println(args...) }
func (o *outside) end() {
	for _, f := range o.cleanup {
		f()
	}
}

func ExampleCallAll() {
	t := &outside{}
	defer t.end()
	srv := socketio.NewServer(nil)
	defer srv.Close()

	for _, vote := range []bool{true, true} {
		c := siotest.Dial(t, srv, siotest.Options{})
		c.On("vote", func(m *siotest.Message) { m.Ack(vote) })
	}
	siotest.Dial(t, srv, siotest.Options{}) // has no opinion

	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	votes, err := socketio.CallAll[bool](ctx, srv, "vote", "lunch at noon")
	var partial *socketio.PartialError
	if errors.As(err, &partial) {
		fmt.Printf("%d of %d have voted: %v\n", partial.Answered, partial.Expected, votes)
	}
	// Output: 2 of 3 have voted: [true true]
}

// What a key of NewSharedKey stores is found from every server of a cluster.
func ExampleNewSharedKey() {
	t := &outside{}
	defer t.end()
	type status struct {
		Mood string `json:"mood"`
	}
	statusKey := socketio.NewSharedKey[status]("status")

	servers := adaptertest.Cluster(t, 2, socketio.Options{})
	servers[1].OnConnect(func(s *socketio.Socket) { statusKey.Set(s, status{"well"}) })
	servers[1].On("ready", func() {})
	siotest.Dial(t, servers[1], siotest.Options{}).Call("ready")

	sockets, err := servers[0].FetchSockets(context.Background())
	for _, s := range sockets {
		st, ok := statusKey.Fetch(s)
		fmt.Println(st.Mood, ok, err)
	}
	// Output: well true <nil>
}

func ExampleNamespace_ServerSideEmitWithAck() {
	t := &outside{}
	defer t.end()
	servers := adaptertest.Cluster(t, 3, socketio.Options{})
	for _, srv := range servers {
		srv.OnServerSide("connections", func() int { return srv.Connections() })
	}
	siotest.Dial(t, servers[1], siotest.Options{})
	siotest.Dial(t, servers[2], siotest.Options{})

	replies, err := servers[0].ServerSideEmitWithAck(context.Background(), "connections")
	sum := servers[0].Connections()
	for _, r := range replies {
		var n int
		if r.Decode(&n) == nil {
			sum += n
		}
	}
	fmt.Println(sum, err)
	// Output: 2 <nil>
}
