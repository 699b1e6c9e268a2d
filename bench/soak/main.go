// Command soak runs a server that a supervisor starts again, clients that come and go, and
// a fault each -every; it writes figures as CSV, and fails when an event is lost, doubled or
// out of order where docs/delivery.md promises that none is.
//
//	go run ./soak -duration 1h -clients 300 -csv soak.csv
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

func main() {
	serve := flag.String("serve", "", "serve at this `address`: what the supervisor starts")
	duration := flag.Duration("duration", time.Hour, "how long")
	clients := flag.Int("clients", 100, "how many clients there are at a time")
	every := flag.Duration("every", time.Minute, "how often something is killed, stopped or reset")
	csv := flag.String("csv", "soak.csv", "`file` for the figures of each second, and beside it a plot")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := error(nil)
	if *serve != "" {
		err = runServer(ctx, *serve)
	} else {
		err = soak(ctx, *duration, *every, *clients, *csv)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

// soak runs all and returns what is wrong.
func soak(ctx context.Context, duration, every time.Duration, clients int, file string) error {
	ctx, cancel := context.WithTimeout(ctx, duration)
	defer cancel()
	s, err := supervise(ctx)
	if err != nil {
		return err
	}
	f := newFigures()
	var running sync.WaitGroup
	for i := range clients {
		running.Go(func() { newClient(i, s.address, f).run(ctx) })
	}
	running.Go(func() { faults(ctx, every, s, f) })
	err = f.write(ctx, file, s)
	cancel()
	running.Wait()
	s.end()
	if err == nil {
		err = plot(file)
	}
	if err != nil {
		return err
	}
	return f.verdict()
}
