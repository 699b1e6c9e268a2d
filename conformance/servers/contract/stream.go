package contract

import (
	"time"

	socketio "github.com/gosio/gosio/core"
)

// ticker emits "tick" to one socket until it is stopped.
type ticker struct {
	stop, stopped chan struct{}
	ticks         int // once stopped is closed
}

var tickerKey = socketio.NewKey[*ticker]("ticker")

// stream is the namespace for what must keep its order across the upgrade.
func stream(ns *socketio.Namespace) {
	ns.OnConnect(newCounter)
	ns.OnConnect(func(s *socketio.Socket) {
		t := &ticker{stop: make(chan struct{}), stopped: make(chan struct{})}
		tickerKey.Set(s, t)
		go t.run(s) // ends at "stop", or with the socket
	})
	ns.On("tock", func(s *socketio.Socket, i int) {
		c, _ := counterKey.Get(s)
		c.add(i)
	})
	ns.On("stop", func(s *socketio.Socket) map[string]any {
		t, _ := tickerKey.Get(s)
		close(t.stop)
		<-t.stopped
		c, _ := counterKey.Get(s)
		return map[string]any{"ticks": t.ticks, "count": c.n, "ordered": c.ordered}
	})
}

func (t *ticker) run(s *socketio.Socket) {
	defer close(t.stopped)
	every := time.NewTicker(2 * time.Millisecond)
	defer every.Stop()
	for {
		select {
		case <-every.C:
			if s.Emit("tick", t.ticks) != nil {
				return
			}
			t.ticks++
		case <-t.stop:
			return
		case <-s.Context().Done():
			return
		}
	}
}
