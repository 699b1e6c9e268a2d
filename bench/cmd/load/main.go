// Command load loads one server with one scenario and prints the result as a
// line of JSON. bench/run starts it; by hand:
//
//	go run ./cmd/load -address 127.0.0.1:42000 -pid 1234 -scenario echo1
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/netip"
	"os"

	"github.com/gosio/gosio/bench/load"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	address := flag.String("address", "127.0.0.1:42000", "IPv4 `address` of the server")
	scenario := flag.String("scenario", "echo1", "scenario to run")
	kind := flag.String("kind", string(load.SocketIO), "what the server speaks: socketio, websocket, http")
	pid := flag.Int("pid", 0, "process `id` of the server")
	debug := flag.String("debug", "", "`URL` of the server's figures about itself")
	locks := flag.String("locks", "", "`URL` of what has waited for the server's locks")
	level := flag.String("level", "quick", "sizes: full, quick, shortest")
	measure := flag.Duration("measure", 0, "how long to measure, instead of the level's time")
	warm := flag.Duration("warm", 0, "how long to warm up, instead of the level's time")
	flag.Parse()

	target := load.Target{Kind: load.Kind(*kind), PID: *pid, Debug: *debug, Locks: *locks}
	var err error
	if target.Address, err = netip.ParseAddrPort(*address); err != nil {
		return err
	}
	params, ok := load.Levels[*level]
	if !ok {
		return fmt.Errorf("no level %q", *level)
	}
	if *measure > 0 {
		params.Measure = *measure
	}
	if *warm > 0 {
		params.Warm = *warm
	}
	result, err := load.Run(*scenario, target, params)
	if err != nil {
		return fmt.Errorf("%s: %w", *scenario, err)
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}
