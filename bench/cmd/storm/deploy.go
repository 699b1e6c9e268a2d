package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/gosio/gosio/bench/load"
)

// deployed is the process of the clients whose servers are replaced. It ends when its input
// does.
func deployed() error {
	var all []netip.AddrPort
	for _, text := range strings.Split(*address, ",") {
		at, err := netip.ParseAddrPort(text)
		if err != nil {
			return err
		}
		all = append(all, at)
	}
	stop := make(chan struct{})
	go func() { // ends with the process
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(stop)
	}()
	result, err := load.RunDeploy(all, *clients, *patience, func() { fmt.Println("ready") }, stop)
	if err != nil {
		return fmt.Errorf("%w: %+v", err, result)
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}

// deploy replaces two servers under clients, one after the other, as a rolling update does.
func deploy() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2**patience+2*time.Minute)
	defer cancel()
	*env += " GRACEFUL=1"
	var servers [2]*server
	for i := range servers {
		s, err := launch(ctx, "0")
		if err != nil {
			return err
		}
		defer func() { servers[i].stop() }()
		servers[i] = s
	}
	crowd := exec.CommandContext(ctx, os.Args[0], "-role", "deployed", "-address", servers[0].address+","+servers[1].address, "-clients", fmt.Sprint(*clients), "-patience", patience.String())
	crowd.Stderr = os.Stderr
	in, err := crowd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := crowd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := crowd.Start(); err != nil {
		return err
	}
	answers := bufio.NewReader(out)
	if line, err := answers.ReadString('\n'); err != nil || line != "ready\n" {
		return fmt.Errorf("the clients are not connected: %q, %w", line, err)
	}
	for i, s := range servers {
		began := time.Now()
		if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			return err
		}
		if err := s.cmd.Wait(); err != nil {
			return fmt.Errorf("server %d: %w", i, err)
		}
		fmt.Printf("server %d has ended in %.1f s\n", i, time.Since(began).Seconds())
		_, port, _ := strings.Cut(s.address, ":")
		if servers[i], err = launch(ctx, port); err != nil {
			return err
		}
		time.Sleep(5 * time.Second) // the stock client's longest pause, less what it has had
	}
	_ = in.Close()
	var d load.Deploy
	if err := json.NewDecoder(answers).Decode(&d); err != nil {
		return fmt.Errorf("the clients: %w", errors.Join(err, crowd.Wait()))
	}
	if err := crowd.Wait(); err != nil {
		return err
	}
	fmt.Printf("%d clients, %d connections were ended; back after %.1f s at half, %.1f s of 99 in 100, %.1f s at most; %d refused, %d failed; at most %d joins in a second at one server\n",
		d.Clients, d.Lost, d.Half.Seconds(), d.Most.Seconds(), d.All.Seconds(), d.Refused, d.Failed, d.PerSecond)
	return nil
}
