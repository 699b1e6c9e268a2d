package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	sioredis "github.com/gosio/gosio/adapters/redis"
	socketio "github.com/gosio/gosio/core"
)

var goModes = map[string]sioredis.Mode{
	"by room": sioredis.ClassicByRoom, "by pattern": sioredis.ClassicByPattern, "sharded": sioredis.ShardedDynamic,
	"sharded private": sioredis.ShardedDynamicPrivate, "sharded static": sioredis.ShardedStatic, "streams": sioredis.Streams,
}

// serve is the server that is measured, or several of them, which share a process; the
// first one has the clients. Its first line is its port.
func serve(mode, redis string, count int) error {
	var first *socketio.Server
	for range count {
		opts := socketio.Options{}
		var engine *sioredis.Engine
		if mode != "none" {
			engine = sioredis.New(&sioredis.Options{
				URL: "unix://" + redis, Mode: goModes[mode],
				Stream: sioredis.Stream{MaxLen: 1_000_000}, // who reads is behind who floods
			})
			opts.Adapter = engine.Adapter
		}
		srv := socketio.NewServer(&opts)
		srv.OnServerSide("sync", func() int { return 1 })
		if first == nil {
			first = srv
			handle(srv, engine)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr().(*net.TCPAddr).Port)
	return (&http.Server{Handler: first, ReadHeaderTimeout: time.Minute}).Serve(l)
}

func handle(srv *socketio.Server, engine *sioredis.Engine) {
	srv.On("join", func(s *socketio.Socket, room string) error { return s.Join(room) })
	srv.On("fan", func(at float64) error { return srv.Emit("m", at) })
	srv.On("flood", func(room string, n int, text string) error {
		for i := range n {
			for srv.To(room).Emit("m", text) != nil { // until there is room
			}
			if i%16384 == 16383 {
				for engine.Stats().Waiting > 16<<20 {
					time.Sleep(time.Millisecond)
				}
			}
		}
		for engine.Stats().Waiting > 0 {
			time.Sleep(time.Millisecond)
		}
		return nil
	})
	srv.On("sync", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		_, err := srv.ServerSideEmitWithAck(ctx, "sync")
		return err
	})
	srv.On("memory", func() int {
		debug.FreeOSMemory()
		return resident(os.Getpid())
	})
}

// resident is the memory of a process in bytes.
func resident(pid int) int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.Atoi(fields[1])
	return pages * os.Getpagesize()
}

// used is the CPU time of a process.
func used(pid int) time.Duration {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond // Linux counts in hundredths
}
