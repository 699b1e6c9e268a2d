package engine

import (
	"errors"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/gosio/gosio/core/engine/internal/link"
	"github.com/gosio/gosio/core/engine/internal/outbox"
)

// wsConn is one WebSocket connection: the transport of a session, or a probe
// that may become it. It puts the parts together: what comes in takes the way
// link, reader, framing, session; what goes out session, writer, framing, link.
// One on a stream differs in its framing only.
//
// What a send and a write need comes first: see prefetch.go.
type wsConn struct {
	writer writer

	s      *Session
	probe  *probe // nil: the session's transport; belongs to the reader
	reader reader

	unfinished  unfinished    // left by the messages of the bytes being fed; belongs to the reader
	opening     *time.Timer   // runs writer.begin, instead of run: see Options.OpenDelay
	over        chan struct{} // closed when the connection has ended, if its caller waits
	subprotocol string        // that was agreed on
}

// init puts the parts of a connection together. p is nil for a session's transport.
func (c *wsConn) init(s *Session, conn net.Conn, f framing, p *probe) *wsConn {
	shard := s.srv.flush.next()
	c.s, c.probe = s, p
	c.writer = writer{shard: shard, s: s, link: link.New(conn), framing: f, queue: outbox.Queue{Budget: &s.budget}}
	c.reader = reader{srv: s.srv, link: &c.writer.link, activity: activity{flush: &s.srv.flush, shard: shard}}
	if c.reader.link.Direct() {
		c.reader.ready = c.reader.onReadable
	}
	return c
}

// newWebSocket returns the connection of a session on a WebSocket that was
// accepted for a request with header h.
func newWebSocket(s *Session, a accepted, h http.Header, p *probe) *wsConn {
	both := new(struct { // one allocation for what lives as long
		conn    wsConn
		framing webSocketFraming
	})
	c, f := &both.conn, &both.framing
	c.init(s, a.Conn, f, p)
	c.subprotocol = a.subprotocol
	f.opts = &s.srv.opts
	if c.writer.deflation, _ = s.srv.acceptor.deflate.Negotiate(h); c.writer.deflation != nil {
		f.inflater = c.writer.deflation.Inflater
	}
	return c
}

// start runs the reader: on a goroutine of its own, so that net/http's, with
// its grown stack, can end; or on the caller's, which then waits for the end
// of the connection.
func (c *wsConn) start(r *http.Request, early []byte) {
	if r.Context().Value(runOnCaller{}) == nil {
		go c.run(early)
		return
	}
	c.runOver(early)
}

// runOver is run that returns when the connection has ended: also when it is
// another goroutine that reads by then, because the application has ended this
// one by runtime.Goexit. It cannot be held up on its way out otherwise.
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

// run sends what has been queued, takes what came behind the handshake, and
// reads on.
func (c *wsConn) run(early []byte) {
	if c.opening == nil {
		c.writer.begin()
	}
	c.loop(early)
}

// errQuit ends a session on whose reader the application has called
// runtime.Goexit, or panicked.
var errQuit = errors.New("engine: the application has ended the goroutine that reads")

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

// finished releases what hangs on a connection that has ended.
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
