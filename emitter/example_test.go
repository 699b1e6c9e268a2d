package emitter_test

import (
	"context"
	"fmt"

	"github.com/gosio/gosio/emitter"
)

// printer is a client library of a few lines.
type printer struct{}

func (printer) SPublish(_ context.Context, channel string, payload []byte) error {
	fmt.Printf("%s %s\n", channel, payload)
	return nil
}

func ExampleNewSharded() {
	e := emitter.NewSharded(printer{}, nil)
	if err := e.To("news").Except("muted").Emit("headline", "It works"); err != nil {
		fmt.Println(err)
	}
	if err := e.Of("/admin").In("former").DisconnectSockets(true); err != nil {
		fmt.Println(err)
	}
	fmt.Println(e.Emit("disconnect"))
	// Output:
	// socket.io#/# {"type":3,"data":{"packet":{"type":2,"data":["headline","It works"]},"opts":{"rooms":["news"],"except":["muted"],"flags":{}}},"uid":"emitter","nsp":"/"}
	// socket.io#/admin# {"type":6,"data":{"opts":{"rooms":["former"],"except":[],"flags":{}},"close":true},"uid":"emitter","nsp":"/admin"}
	// emitter: cannot emit "disconnect": parser: reserved event name
}
