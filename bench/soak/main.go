// Command soak runs a server, or two in a cluster on Redis, that are started again when they
// end; clients of all kinds that come and go; and a fault each -every. It writes figures as
// CSV, and fails when an event is lost, doubled or out of order where docs/delivery.md
// promises that none is.
//
//	go run ./soak -duration 1h -clients 300 -official 30 -csv soak.csv
//	go run ./soak -redis # two servers and a Redis that is killed, too; needs redis-server
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// setup is what is run.
type setup struct {
	duration, every   time.Duration
	clients, official int
	redis             bool
	file              string
}

func main() {
	serve := flag.String("serve", "", "serve at this `address`: what the supervisor starts")
	socket := flag.String("redis-socket", "", "with -serve: the `path` of Redis' socket")
	var o setup
	flag.DurationVar(&o.duration, "duration", time.Hour, "how long")
	flag.IntVar(&o.clients, "clients", 100, "how many clients there are at a time: a third each by WebSocket, by polling, and by the upgrade")
	flag.IntVar(&o.official, "official", 0, "how many official JS clients there are beside them; needs Node, and npm ci in conformance/client")
	flag.DurationVar(&o.every, "every", time.Minute, "how often something is killed, stopped or reset")
	flag.BoolVar(&o.redis, "redis", false, "two servers on Redis streams")
	flag.StringVar(&o.file, "csv", "soak.csv", "`file` for the figures of each second, and beside it a plot")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := error(nil)
	if *serve != "" {
		err = runServer(ctx, *serve, *socket)
	} else {
		err = o.run(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

// run runs all and returns what is wrong.
func (o *setup) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, o.duration)
	defer cancel()
	p, err := start(ctx, o.redis)
	if err != nil {
		return err
	}
	defer p.end()
	f := newFigures()
	crowd := newCrowd(p.addresses(), f)
	var running sync.WaitGroup
	for i := range o.clients {
		running.Go(func() { crowd.client(i).run(ctx) })
	}
	var official error
	if o.official > 0 {
		running.Go(func() { official = f.official(ctx, p.addresses(), o.official) })
	}
	running.Go(func() { p.faults(ctx, o.every, crowd, f) })
	err = f.write(ctx, o.file, p)
	cancel()
	running.Wait()
	if err == nil {
		err = official
	}
	if err == nil {
		err = plot(o.file)
	}
	if err == nil {
		err = summary(o.file)
	}
	if err != nil {
		return err
	}
	return f.verdict()
}
