// Program emitter does what each line of its input says, by the emitter of the
// form that its argument names, and writes a line when it is done: "ok" or the
// error. REDIS is the address.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"github.com/redis/go-redis/v9"

	"github.com/gosio/gosio/conformance/redis/given"
	"github.com/gosio/gosio/emitter"
	"github.com/gosio/gosio/emitter/goredis"
)

// order is a line of the input.
type order struct {
	Do        string // emit, join, leave, disconnect, server
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
}

func main() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS"), ContextTimeoutEnabled: true, MaxRetries: -1})
	defer func() { _ = client.Close() }()
	r := goredis.New(client)
	var e *emitter.Emitter
	switch os.Args[1] {
	case "classic":
		e = emitter.NewClassic(r, nil)
	case "sharded":
		e = emitter.NewSharded(r, nil)
	case "by-room":
		e = emitter.NewSharded(r, &emitter.ShardedOptions{ByRoom: true})
	case "streams":
		e = emitter.NewStreams(r, nil)
	case "four-streams":
		e = emitter.NewStreams(r, &emitter.StreamsOptions{Count: 4})
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var o order
		err := json.Unmarshal(lines.Bytes(), &o)
		if err == nil {
			err = o.run(e)
		}
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println("ok")
	}
}

func (o *order) run(e *emitter.Emitter) error {
	e = e.Of(o.Namespace)
	args := make([]any, len(o.Args))
	for i, a := range o.Args {
		args[i] = given.Value(a)
	}
	if o.Do == "server" {
		return e.ServerSideEmit(o.Event, args...)
	}
	b := e.Except(o.Except...)
	if !o.All {
		b = b.To(o.Rooms...)
	}
	if o.Volatile {
		b = b.Volatile()
	}
	if o.Compress != nil {
		b = b.Compress(*o.Compress)
	}
	switch o.Do {
	case "emit":
		return b.Emit(o.Event, args...)
	case "join":
		return b.SocketsJoin(o.Targets...)
	case "leave":
		return b.SocketsLeave(o.Targets...)
	case "disconnect":
		return b.DisconnectSockets(o.Close)
	}
	return fmt.Errorf("cannot do %q", o.Do)
}
