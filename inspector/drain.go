package inspector

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/loglimit"
)

// The bounds of a drain.
const (
	drainDelay   = time.Second // so that whoever has asked for it gets the answer
	drainDefault = time.Minute
	drainMost    = 10 * time.Minute
)

// drainOrder has a server end its connections.
type drainOrder struct {
	Node    string // its ServerID
	Seconds int    // after which what is left is cut; 0: drainDefault
	Viewer  string // whose order it is: set by the server that the page is connected to
}

// drainAnswer is what a server says to an order of another one.
type drainAnswer struct {
	Mine  bool   `json:"mine"`
	Error string `json:"error,omitempty"`
}

// drain ends the connections of this server, once.
type drain struct {
	in    *inspector
	begun atomic.Bool
}

// serve takes orders, for this server and for others.
func (d *drain) serve() {
	d.in.ns.OnServerSide("drain", func(o drainOrder) (a drainAnswer) {
		if o.Node != d.in.opts.ServerID {
			return a
		}
		a.Mine = true
		if err := d.begin(o); err != nil {
			a.Error = err.Error()
		}
		return a
	})
	d.in.ns.On("drain", func(ctx context.Context, s *socketio.Socket, o drainOrder) result {
		o.Viewer, _ = viewerKey.Get(s)
		log := d.in.opts.Logger.With("viewer", o.Viewer, "action", "drain", "node", loglimit.Clip(o.Node), "seconds", o.Seconds)
		if err := d.order(ctx, o); err != nil {
			log.Warn("inspector: action failed", "error", err)
			return result{Error: err.Error()}
		}
		log.Info("inspector: action")
		return result{}
	})
}

// order drains this server, or has another one do so.
func (d *drain) order(ctx context.Context, o drainOrder) error {
	if o.Node == d.in.opts.ServerID {
		return d.begin(o)
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	replies, err := d.in.ns.ServerSideEmitWithAck(ctx, "drain", o)
	for _, r := range replies {
		var a drainAnswer
		if r.Decode(&a) != nil || !a.Mine {
			continue
		}
		if a.Error != "" {
			return errors.New(a.Error)
		}
		return nil
	}
	if err != nil {
		return errors.New("no server of that name has answered, and some have not answered at all")
	}
	return errors.New("there is no server of that name")
}

// begin lets the drain begin in a moment.
func (d *drain) begin(o drainOrder) error {
	within := time.Duration(o.Seconds) * time.Second
	switch {
	case o.Seconds == 0:
		within = drainDefault
	case o.Seconds < 0 || o.Seconds > int(drainMost/time.Second):
		return fmt.Errorf("a drain takes 1 to %d seconds", drainMost/time.Second)
	}
	if d.begun.Swap(true) {
		return errors.New("the server is being drained, or was")
	}
	go d.run(loglimit.Clip(o.Viewer), within) // ends when the connections have, at the latest a while after within
	return nil
}

// run drains the server. It survives a panic of Options.Drain.
func (d *drain) run(viewer string, within time.Duration) {
	log := d.in.opts.Logger.With("viewer", viewer)
	defer func() {
		if p := recover(); p != nil {
			log.Error("inspector: panic", "panic", fmt.Sprint(p))
		}
	}()
	wait := time.NewTimer(drainDelay)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-d.in.srv.Context().Done(): // it ends anyway
		return
	}
	log.Info("inspector: draining", "connections", d.in.srv.Connections(), "within", within)
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	f := d.in.opts.Drain
	if f == nil {
		f = d.in.srv.Shutdown
	}
	if err := f(ctx); err != nil {
		log.Warn("inspector: drained, but not in order", "error", err, "took", time.Since(began).Round(time.Millisecond))
		return
	}
	log.Info("inspector: drained", "took", time.Since(began).Round(time.Millisecond))
}
