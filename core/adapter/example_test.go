package adapter_test

import (
	"context"
	"fmt"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/siotest"
)

// room is a cluster of servers in one process: what one publishes the others apply at
// once. An engine sends operations over a network, as examples/hub does.
type room []adapter.Local

// join is for Options.Adapter, which calls it for each namespace of a server. All servers
// have joined before the first client comes.
func (r *room) join(local adapter.Local) adapter.Adapter {
	if local.Namespace() != "/" {
		panic("this room has one namespace")
	}
	*r = append(*r, local)
	return member{r, local}
}

type member struct {
	room *room
	self adapter.Local
}

func (m member) Publish(op *adapter.Operation) error {
	for _, other := range *m.room {
		if other != m.self {
			if err := other.Apply(op); err != nil {
				return err
			}
		}
	}
	return nil
}

// Request would ask the others by Local.Respond; a Collector does most of that.
func (member) Request(context.Context, *adapter.Operation, func(*adapter.Response)) (func() error, error) {
	return func() error { return nil }, nil
}

func (member) Close() error { return nil }

func ExampleAdapter() {
	siotest.Example(func(t testing.TB) {
		cluster := new(room)
		one := socketio.NewServer(&socketio.Options{Adapter: cluster.join})
		two := socketio.NewServer(&socketio.Options{Adapter: cluster.join})
		t.Cleanup(one.Close)
		t.Cleanup(two.Close)
		two.OnConnect(func(s *socketio.Socket) { _ = s.Join("news") })

		c := siotest.Dial(t, two, siotest.Options{})
		fmt.Println(one.To("news").Emit("headline", "It works"))
		var text string
		c.Expect("headline", &text)
		fmt.Println(text)
	})
	// Output:
	// <nil>
	// It works
}
