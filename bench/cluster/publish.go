package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// publish is how much it costs to say something to a room that nobody here is in, beside the
// client library alone. That sends the very bytes that a server has sent, by the same
// commands, as many in a batch. A server with a stream also reads all that is there, its own
// entries, too: so the library does that in a second row.
func (b *bench) publish() error {
	n := scaled(400_000)
	fmt.Println("| | messages a second | CPU of the sender, us | of raw |\n|---|---|---|---|")
	for _, family := range []struct {
		raw   rawSender
		kinds []string
	}{
		{rawSender{"PUBLISH", "by room", false}, []string{"by room", "node classic"}},
		{rawSender{"SPUBLISH", "sharded", false}, []string{"sharded", "node sharded"}},
		{rawSender{"XADD", "streams", false}, nil},
		{rawSender{"XADD, and XREAD", "streams", true}, []string{"streams", "node streams"}},
	} {
		var raws []float64
		var cpus []time.Duration
		rates, costs := map[string][]float64{}, map[string][]time.Duration{}
		for range *rounds {
			rate, cpu, err := family.raw.measure(n)
			if err != nil {
				return err
			}
			raws, cpus = append(raws, rate), append(cpus, cpu)
			for _, kind := range measured(family.kinds...) {
				rate, cpu, err := flood(kind, n)
				if err != nil {
					return err
				}
				rates[kind], costs[kind] = append(rates[kind], rate), append(costs[kind], cpu)
			}
		}
		raw := middle(raws)
		fmt.Printf("| raw %s | %.0f | %s | 1 |\n", family.raw.name, raw, micros(middle(cpus)))
		for _, kind := range measured(family.kinds...) {
			fmt.Printf("| %s | %.0f | %s | %.2f |\n", kind, middle(rates[kind]), micros(middle(costs[kind])), middle(rates[kind])/raw)
		}
	}
	return nil
}

// flood measures a server.
func flood(kind string, n int) (rate float64, cpu time.Duration, err error) {
	if strings.HasPrefix(kind, "node") {
		n = max(n/8, 1)
	}
	err = with(func(b *bench) error {
		s, err := b.start(kind, 1)
		if err != nil {
			return err
		}
		c, err := dial(context.Background(), s.port, nil)
		if err != nil {
			return err
		}
		if _, err := c.call("flood", "nobody", n/10, text); err != nil { // warm
			return err
		}
		before, begin := used(s.pid), time.Now()
		_, err = c.call("flood", "nobody", n, text)
		rate, cpu = float64(n)/time.Since(begin).Seconds(), (used(s.pid)-before)/time.Duration(n)
		return err
	})
	return rate, cpu, err
}

// rawSender is the client library alone.
type rawSender struct {
	name  string
	kind  string // of the server whose message is sent
	reads bool   // all of the stream, as a server does
}

// batch is how many commands a server sends at once, of this length.
const batch = 512

const channel, stream = "socket.io#/#nobody#", "socket.io"

// client returns the client library with the options that a server has.
func (b *bench) client() (rueidis.Client, error) {
	opts, err := rueidis.ParseURL("unix://" + b.redis)
	if err != nil {
		return nil, err
	}
	opts.PipelineMultiplex, opts.DisableCache, opts.DisableRetry = -1, true, true
	opts.WriteBufferEachConn = 32 << 10
	return rueidis.NewClient(opts)
}

func (r rawSender) measure(n int) (rate float64, cpu time.Duration, err error) {
	command, err := r.example()
	if err != nil {
		return 0, 0, err
	}
	err = with(func(b *bench) error {
		client, err := b.client()
		if err != nil {
			return err
		}
		defer client.Close()
		c, release := client.Dedicate()
		defer release()
		if err := r.send(c, command, n/10); err != nil { // warm
			return err
		}
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		read := make(chan error, 1)
		if r.reads {
			at, err := newest(client)
			if err != nil {
				return err
			}
			go func() { read <- readStream(ctx, client, at.ID, n) }() // until all is read
		} else {
			read <- nil
		}
		before, begin := used(os.Getpid()), time.Now()
		if err := r.send(c, command, n); err != nil {
			return err
		}
		took := time.Since(begin)
		err = <-read
		rate, cpu = float64(n)/took.Seconds(), (used(os.Getpid())-before)/time.Duration(n)
		return err
	})
	return rate, cpu, err
}

// example is the command that a server sends for a message.
func (r rawSender) example() (command []string, err error) {
	err = with(func(b *bench) error {
		client, err := b.client()
		if err != nil {
			return err
		}
		defer client.Close()
		hook, release := client.Dedicate()
		defer release()
		came := make(chan string, 1)
		hook.SetPubSubHooks(rueidis.PubSubHooks{OnMessage: func(m rueidis.PubSubMessage) { came <- m.Message }})
		verb, subscribe := "PUBLISH", hook.B().Subscribe().Channel(channel).Build()
		if r.kind == "sharded" {
			verb, subscribe = "SPUBLISH", hook.B().Ssubscribe().Channel(channel).Build()
		}
		if err := hook.Do(context.Background(), subscribe).Error(); err != nil {
			return err
		}
		s, err := b.start(r.kind, 1)
		if err != nil {
			return err
		}
		c, err := dial(context.Background(), s.port, nil)
		if err != nil {
			return err
		}
		if _, err = c.call("flood", "nobody", 1, text); err != nil {
			return err
		}
		if r.kind != "streams" {
			command = []string{verb, channel, <-came}
			return nil
		}
		entry, err := newest(client)
		if err != nil {
			return err
		}
		command = []string{"XADD", stream, "MAXLEN", "~", "1000000", "*"}
		for _, f := range entry.FieldValues {
			command = append(command, f.Field, f.Value)
		}
		return nil
	})
	return command, err
}

// newest is the last entry of the stream.
func newest(client rueidis.Client) (rueidis.XRangeSlice, error) {
	list, err := client.Do(context.Background(), client.B().Xrevrange().Key(stream).End("+").Start("-").Count(1).Build()).AsXRangeSlices()
	if err == nil && len(list) == 0 {
		err = errors.New("nothing is in the stream")
	}
	if err != nil {
		return rueidis.XRangeSlice{}, err
	}
	return list[0], nil
}

// send sends a command n times. Entries of a stream go in transactions, as a server sends them.
func (r rawSender) send(c rueidis.DedicatedClient, command []string, n int) error {
	cmds := make(rueidis.Commands, 0, batch+2)
	for n > 0 {
		some := min(n, batch)
		n, cmds = n-some, cmds[:0]
		if r.kind == "streams" {
			cmds = append(cmds, c.B().Multi().Build())
		}
		for range some {
			cmds = append(cmds, r.build(c.B(), command))
		}
		if r.kind == "streams" {
			cmds = append(cmds, c.B().Exec().Build())
		}
		for _, r := range c.DoMulti(context.Background(), cmds...) {
			if err := r.Error(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r rawSender) build(b rueidis.Builder, command []string) rueidis.Completed {
	switch r.kind {
	case "by room":
		return b.Publish().Channel(command[1]).Message(command[2]).Build()
	case "sharded":
		return b.Spublish().Channel(command[1]).Message(command[2]).Build()
	}
	cmd := b.Xadd().Key(command[1]).Maxlen().Almost().Threshold(command[4]).Id("*").FieldValue()
	for i := 6; i < len(command); i += 2 {
		cmd = cmd.FieldValue(command[i], command[i+1])
	}
	return cmd.Build()
}

// readStream reads n entries behind one, as many at once as a server.
func readStream(ctx context.Context, client rueidis.Client, at string, n int) error {
	c, release := client.Dedicate()
	defer release()
	for n > 0 {
		all, err := c.Do(ctx, c.B().Xread().Count(256).Block(1000).Streams().Key(stream).Id(at).Build()).AsXReadSlices()
		if rueidis.IsRedisNil(err) {
			continue
		}
		if err != nil {
			return err
		}
		entries := all[stream]
		n -= len(entries)
		at = entries[len(entries)-1].ID
	}
	return nil
}
