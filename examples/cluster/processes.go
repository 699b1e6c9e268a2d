package main

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// process is a program that is kept running.
type process struct {
	name    string
	command *exec.Cmd // a template: each start runs a copy
}

// again is the time from the end of a process to its next start.
const again = 3 * time.Second

// supervise keeps processes running until ctx ends, and then stops them. It returns the
// error of the first process that cannot be started at all.
func supervise(ctx context.Context, all []process, started func(name string, pid int)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var running sync.WaitGroup
	var one sync.Mutex // started is called once at a time
	for _, p := range all {
		running.Go(func() {
			for ctx.Err() == nil {
				if err := p.run(ctx, func(pid int) {
					one.Lock()
					defer one.Unlock()
					started(p.name, pid)
				}); err != nil {
					cancel(err)
				}
				select {
				case <-ctx.Done():
				case <-time.After(again):
				}
			}
		})
	}
	running.Wait()
	if err := context.Cause(ctx); err != ctx.Err() { //nolint:errorlint // the cause that cancel was given
		return err
	}
	return nil
}

// run runs the process once, until it ends or ctx does. Its error says that it could
// not be started.
func (p *process) run(ctx context.Context, started func(pid int)) error {
	command := exec.CommandContext(ctx, p.command.Path, p.command.Args[1:]...)
	command.Env, command.Stdout, command.Stderr = p.command.Env, os.Stdout, os.Stderr
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = 15 * time.Second // then it is killed
	if err := command.Start(); err != nil {
		return err
	}
	started(command.Process.Pid)
	err := command.Wait()
	if ctx.Err() == nil {
		slog.Warn("a process has ended: it is started again", "process", p.name, "err", err, "in", again)
	}
	return nil
}
