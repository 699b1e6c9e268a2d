package engine

import (
	"context"
	"errors"
	"net/http"
	"os"

	"github.com/gosio/gosio/core/engine/internal/link"
)

type runOnCaller struct{}

// RunOnCaller marks a request whose WebSocket session is to run on the
// goroutine that calls ServeHTTP, which then returns when the session is over.
// Servers that close the connection when a hijack handler returns need that.
func RunOnCaller(ctx context.Context) context.Context {
	return context.WithValue(ctx, runOnCaller{}, true)
}

// start runs the reader on a goroutine of its own, so that net/http's, with its grown
// stack, can end; after RunOnCaller on the caller's, which then waits for the end of the
// connection.
func (c *wsConn) start(r *http.Request, early []byte) {
	if r.Context().Value(runOnCaller{}) == nil {
		go c.run(early)
		return
	}
	c.runOver(early)
}

// runOver is run, but returns when the connection has ended, even if another goroutine
// reads by then because the application has ended this one by runtime.Goexit: only a
// deferred function can wait then.
func (c *wsConn) runOver(early []byte) {
	over, returned := make(chan struct{}), false
	c.over = over
	defer func() {
		if !returned {
			if p := recover(); p != nil {
				panic(p) //nolint:forbidigo // a bug of ours, or of the application: it goes on
			}
		}
		<-over
	}()
	c.run(early)
	returned = true
}

// run has what was queued sent, takes what came after the handshake, and reads on.
func (c *wsConn) run(early []byte) {
	if c.opening == nil {
		c.writer.begin()
	}
	c.loop(early)
}

// loop reads until the connection ends or another goroutine takes over; early
// are bytes that have been read.
func (c *wsConn) loop(early []byte) {
	reading := true // nobody else is going to read
	defer func() {
		if reading {
			go c.finish(&failure{ReasonTransportError, errQuit})
		}
	}()
	err := c.feed(early)
	for err == nil {
		if !c.work(&reading) {
			return
		}
		if c.maybeRespawn() {
			reading = false
			return
		}
		err = c.readOnce()
	}
	reading = false
	c.finish(err)
}

// maybeRespawn continues reading on a new goroutine after a message that an idle
// period often follows, if earlier messages have grown this goroutine's stack.
func (c *wsConn) maybeRespawn() bool {
	if c.reader.stack != stackLeave {
		return false
	}
	c.reader.stack = stackSmall
	go c.loop(nil)
	return true
}

// readOnce takes what has arrived and feeds it.
func (c *wsConn) readOnce() error {
	if c.probe == nil && c.s.state.Load() == stateOpen && c.s.waitBacklog(&c.reader.activity) {
		c.reader.resume()
	}
	buf, n, err := c.reader.read()
	if n > 0 {
		if f := c.feed(buf[:n]); f != nil {
			err = f
		}
	}
	if buf != nil {
		link.ReadBuffers.Put(buf)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = c.reader.messageLate(err)
	}
	return err
}

// feed parses bytes that have arrived, and limits the time that an incomplete
// message may take.
func (c *wsConn) feed(data []byte) error {
	if len(data) == 0 {
		return nil
	}
	before := c.reader.messages
	partial, err := c.writer.framing.feed(data, c)
	if err != nil {
		return err
	}
	more, err := c.reader.limit(partial, before)
	if more && c.probe == nil {
		c.s.traffic() // its pong may be behind this message
	}
	return err
}

// finish ends a connection that is not read any more.
func (c *wsConn) finish(err error) {
	defer c.finished()       // also when the application ends this goroutine
	c.reader.activity.stop() // ended waits for a flusher
	c.unfinished.start()
	c.ended(err)
}

// finished releases what belongs to a connection that has ended.
func (c *wsConn) finished() {
	_ = c.reader.link.Close() // nobody is left to tell
	c.writer.deflation = nil  // nothing is read or written any more
	c.writer.framing.release()
	if c.over != nil {
		close(c.over)
	}
	if c.probe == nil {
		c.s.release(c)
	}
	c.s.unref()
}

// work runs the application's work after a read. It reports false if another goroutine
// has taken over reading. While reading is false, another goroutine reads or will.
func (c *wsConn) work(reading *bool) bool {
	w := c.unfinished.take()
	if w == nil {
		return true
	}
	n, ok := c.s.srv.lending.lend(c)
	if !ok {
		w.Work(false)
		return true
	}
	*reading = false
	w.Work(true)
	if !c.writer.lease.n.CompareAndSwap(n, n+1) {
		return false
	}
	*reading = true
	c.s.srv.lending.slots[c.writer.lease.slot].Store(nil)
	c.uncork()
	return true
}

// uncork writes what was sent while the reader was lent.
func (c *wsConn) uncork() {
	c.s.mu.Lock()
	ready := c.writer.scheduleLocked()
	c.s.mu.Unlock()
	if ready == nil {
		return
	}
	b := link.WriteBuffers.Get().(*link.WriteBuffer)
	if ready.flush(b) {
		c.s.srv.flush.add(ready)
	}
	link.WriteBuffers.Put(b)
}

// takeOver starts another reader, if lending n is still under way.
func (c *wsConn) takeOver(n uint64) {
	if n&1 == 0 || !c.writer.lease.n.CompareAndSwap(n, n+1) {
		return
	}
	c.s.srv.lending.slots[c.writer.lease.slot].Store(nil)
	c.reader.activity.stop() // for as long as the other goroutine takes to start
	c.s.mu.Lock()
	ready := c.writer.scheduleLocked()
	c.s.mu.Unlock()
	c.s.srv.flush.add(ready)
	go c.loop(nil)
}
