package engine

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"github.com/gosio/gosio/core/engine/internal/frame"
	"github.com/gosio/gosio/core/engine/parser"
)

// wsConn is one WebSocket connection: the transport of a session, or a probe
// that may become it. One on a stream differs in its frames only: see stream.go.
//
// What a send and a write need comes first: see warm.go.
type wsConn struct {
	lease lease
	shard uint32

	// Guarded by s.mu.
	scheduled bool // on the ready list, or being written
	blocked   bool // the kernel has refused bytes; a drain waits for it
	closing   bool // a close frame is the last thing in out
	out       []Message

	s         *Session
	deflation *deflation      // nil: messages are not compressed
	raw       syscall.RawConn // nil where conn is no plain TCP connection
	conn      net.Conn

	// Guarded by s.mu.
	written chan struct{} // closed when nothing is being written any more; made on demand
	probed  bool
	late    bool  // the upgrade was not completed in time
	waited  uint8 // how often it was given more time; see pause.go

	// Owned by the reader.
	atWork     bool  // see busy
	pings      int32 // ping frames taken since pingsAt, in ns
	frames     frame.Reader
	ready      func(fd uintptr) bool // onReadable, bound once
	buf        *readBuffer
	n          int
	err        error
	main       bool       // the session's transport; a probe until its upgrade
	base64     bool       // of a probe: its request asks for bytes as base64
	timed      bool       // an incomplete message has a read deadline
	completed  bool       // a message was completed by the bytes being fed
	met        bool       // a message has come; see rest
	grown      bool       // one that may have grown the stack
	renew      bool       // another goroutine is to go on
	unfinished unfinished // left by the messages of the bytes being fed
	pingsAt    int64
	expire     *Timer      // of an upgrade
	opening    *time.Timer // runs begin, instead of run: see Options.OpenDelay

	subprotocol string        // that was agreed on; set before the connection is shared
	spared      uint8         // how often an incomplete message was not blamed; see pause.go
	burst       uint8         // how often too many pings were not; see sparePing
	messageBy   clock         // with timed
	over        chan struct{} // closed when the connection has ended, if its caller waits
}

// attach gives the connection its network side.
func (c *wsConn) attach(conn net.Conn) {
	c.conn, c.raw = conn, rawConn(conn)
	if c.raw != nil {
		c.ready = c.onReadable
	}
}

// start runs the reader: on a goroutine of its own, so that net/http's, with
// its grown stack, can end; or on the caller's, which then waits for the end
// of the connection.
func (c *wsConn) start(r *http.Request, early []byte) {
	if r.Context().Value(runOnCaller{}) == nil {
		go c.run(early)
		return
	}
	c.over = make(chan struct{})
	c.runOver(early)
}

// runOver is run that returns when the connection has ended: also when it is
// another goroutine that reads by then, because the application has ended this
// one by runtime.Goexit. It cannot be held up on its way out otherwise.
func (c *wsConn) runOver(early []byte) {
	over, returned := c.over, false
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
		c.begin()
	}
	c.loop(early)
}

// begin sends what has been queued: open has held that back.
func (c *wsConn) begin() {
	c.s.mu.Lock()
	if c.main {
		c.scheduled = false
	}
	first := c.schedule()
	if first == nil && c.main {
		c.stopped() // who waits for the end of the connection waits for this
	}
	c.s.mu.Unlock()
	if first != nil {
		c.s.srv.flush.add(first)
	}
}

// errQuit ends a session on whose reader the application has called
// runtime.Goexit, or panicked.
var errQuit = errors.New("engine: the application has ended the goroutine that reads")

// loop reads until the connection ends or another goroutine takes over; early
// are bytes that have been read.
func (c *wsConn) loop(early []byte) {
	mine := true // nobody else is going to read
	defer func() {
		if mine {
			go c.finish(&failure{TransportError, errQuit})
		}
	}()
	err := c.feed(early)
	for err == nil {
		if !c.work(&mine) {
			return
		}
		if c.renew {
			c.renew, mine = false, false
			go c.loop(nil)
			return
		}
		err = c.readOnce()
	}
	mine = false
	c.finish(err)
}

// rest decides whether another goroutine is to go on after this message. It is
// one that often comes before silence, the first of a connection or a pong,
// and what came before has grown the reader's stack: Go never shrinks one of
// 4 KB, but a new goroutine starts with 2 KB.
func (c *wsConn) rest(pong bool) {
	switch {
	case !c.met:
		c.met, c.renew = true, true
	case pong:
		c.renew, c.grown = c.grown, false
	default:
		c.renew, c.grown = false, true
	}
}

// finish ends a connection that is not read any more.
func (c *wsConn) finish(err error) {
	defer c.finished() // also when the application ends this goroutine
	c.quiet()          // ended waits for a flusher
	c.unfinished.start()
	c.ended(err)
}

// finished releases what hangs on a connection that has ended.
func (c *wsConn) finished() {
	_ = c.conn.Close() // nobody is left to tell
	c.deflation = nil  // its windows; nothing is read or written any more
	if c.over != nil {
		close(c.over)
	}
	if c.main {
		c.s.release(c)
	}
	c.s.unref()
}

// readOnce takes what has arrived and feeds it.
func (c *wsConn) readOnce() error {
	if c.main && c.s.state.Load() == stateOpen {
		held := c.s.waitBacklog(c)
		if held && c.timed { // the rest of the message may have come long ago
			_ = c.limitMessage(c.s.srv.opts.MessageTimeout)
		}
	}
	buf, n, err := c.read()
	if n > 0 {
		if f := c.feed(buf[:n]); f != nil {
			err = f
		}
	}
	if buf != nil {
		readBuffers.Put(buf)
	}
	if c.timed && errors.Is(err, os.ErrDeadlineExceeded) {
		err = c.messageLate(err)
	}
	return err
}

// errMessageTimeout ends a connection that leaves a message incomplete.
const errMessageTimeout = breach("message was not completed in time (Limits.MessageTimeout)")

// feed parses bytes that have arrived, and limits the time that an incomplete
// message may take.
func (c *wsConn) feed(data []byte) error {
	if len(data) == 0 {
		return nil
	}
	opts := &c.s.srv.opts
	c.completed = false
	partial, err := c.parse(data)
	if err != nil || (!partial && !c.timed) {
		return err
	}
	switch {
	case !partial:
		c.timed = false
		return c.conn.SetReadDeadline(time.Time{})
	case opts.MessageTimeout > 0 && (!c.timed || c.completed):
		c.timed = true
		c.spared = 0
		return c.limitMessage(opts.MessageTimeout)
	}
	if c.main {
		c.s.traffic() // its pong may be behind this message
	}
	return nil
}

// parse feeds the WebSocket's parser, or the stream's.
func (c *wsConn) parse(data []byte) (partial bool, err error) {
	if st, ok := c.conn.(*streamConn); ok {
		return st.parse(data, c)
	}
	opts := &c.s.srv.opts
	lim := frame.Limits{Message: opts.MaxHTTPBufferSize, Fragments: opts.MaxFragments}
	if c.deflation != nil {
		lim.Inflater = c.deflation.inflater
	}
	err = c.frames.Feed(data, lim, c)
	partial, _ = c.frames.Partial()
	return partial, err
}

// Message implements frame.Handler.
func (c *wsConn) Message(data []byte, binary bool) error {
	c.completed = true
	if !c.main {
		return c.probing(data, binary)
	}
	if c.s.v3 {
		return c.messageV3(data, binary)
	}
	c.rest(!binary && len(data) > 0 && data[0] == '0'+byte(parser.Pong))
	if binary { // always the data of a message, without a type
		return c.receive(parser.Packet{Type: parser.Message, Data: data, Binary: true})
	}
	p, err := parser.Decode(data)
	if err != nil {
		return &failure{ParseError, err}
	}
	if p.Binary {
		c.s.answerInKind()
	}
	return c.receive(p)
}

// Ping implements frame.Handler: RFC 6455 section 5.5.2.
func (c *wsConn) Ping(data []byte) error {
	if limit := c.s.srv.opts.ControlFrames; limit > 0 {
		now := time.Now().UnixNano()
		if now-c.pingsAt > int64(time.Second) {
			c.pingsAt, c.pings = now, 0
		}
		if c.pings++; int(c.pings) > limit && !c.sparePing(now) {
			return &frame.Error{Code: frame.CodePolicyViolation}
		}
	}
	return c.write(rawFrame(append(frame.AppendHeader(nil, frame.Pong, len(data)), data...)))
}

// sparePing begins another second if the pings of several may have been read at
// once, because the process was stopped. A connection has maxSpared of those: else
// a server that is always late has no limit.
func (c *wsConn) sparePing(now int64) bool {
	if c.burst >= maxSpared || c.s.srv.amends(c.s.srv.now()) == 0 {
		return false
	}
	c.burst++
	c.pingsAt, c.pings = now, 1
	return true
}

// Pong implements frame.Handler. Nobody asked for it: Engine.IO has pings of
// its own.
func (c *wsConn) Pong([]byte) error { return nil }

// peerClosed stops the reader after the peer's close frame.
type peerClosed struct{ code int }

func (*peerClosed) Error() string { return "engine: peer closed the connection" }

// Close implements frame.Handler.
func (c *wsConn) Close(code int, _ []byte) error { return &peerClosed{code} }

// write queues a frame on this connection, whether it is a transport or a
// probe. It fails when the peer makes us answer and does not read the answers.
func (c *wsConn) write(m Message) error {
	c.s.mu.Lock()
	if c.s.over() {
		c.s.mu.Unlock()
		return ErrSlowConsumer
	}
	var ready *wsConn
	if !c.closing {
		c.push(m)
		c.s.queued += int64(len(m.frame))
		ready = c.schedule()
	}
	c.s.mu.Unlock()
	if ready != nil {
		c.s.srv.flush.add(ready)
	}
	return nil
}

// schedule returns c if it has to be put on the ready list: not while its
// reader is lent, as that writes when it is given back. Called with s.mu held.
func (c *wsConn) schedule() *wsConn {
	if c.scheduled || len(c.out) == 0 || c.lease.lent() {
		return nil
	}
	c.scheduled = true
	return c
}

// ended maps the end of the reader to the end of its session, and sees that
// the close frame leaves before the connection is closed.
func (c *wsConn) ended(err error) {
	reason, cause := TransportError, err
	var f *failure
	var broken *frame.Error
	var closed *peerClosed
	switch {
	case errors.As(err, &f):
		reason, cause = f.reason, f.err
	case errors.As(err, &broken), errors.Is(err, errNotProbe):
	case errors.Is(err, os.ErrDeadlineExceeded):
		cause = errMessageTimeout
	case errors.As(err, &closed):
		reason = TransportClose // and its code is answered in kind
	case isGone(err):
		reason, cause = TransportClose, nil
	}
	answers := f != nil || broken != nil || closed != nil // to what came before it
	defer func() {
		if c.opening != nil && c.opening.Stop() {
			c.begin()
		}
		c.waitWritten()
		if f != nil || broken != nil {
			c.discard()
		}
	}()
	if c.main {
		c.s.shut(reason, cause, answers)
	} else {
		c.endProbe(cause)
	}
}

// isGone reports whether an error of a connection says that the peer, or this
// side, has closed it: whoever notices first, reader or writer, the session
// ends with the same reason. A peer that drops a TLS connection without its
// goodbye is an unexpected EOF.
func isGone(err error) bool {
	for _, e := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE, net.ErrClosed} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// waitWritten waits until what is queued has left, or cannot leave: the
// session's timer cuts a connection that takes too long.
func (c *wsConn) waitWritten() {
	c.s.mu.Lock()
	if !c.scheduled {
		c.s.mu.Unlock()
		return
	}
	written := make(chan struct{})
	c.written = written
	c.s.mu.Unlock()
	<-written
}

// stopped notes that nothing is being written any more. Called with s.mu held.
func (c *wsConn) stopped() {
	c.scheduled = false
	if c.written != nil {
		close(c.written)
		c.written = nil
	}
}

// discard reads what a peer still sends that broke the protocol: closing with
// unread bytes would reset the connection and take the close frame along.
func (c *wsConn) discard() {
	defer c.quiet()
	_ = c.conn.SetReadDeadline(time.Now().Add(c.s.srv.opts.CloseTimeout))
	for {
		buf, n, err := c.read()
		if buf != nil {
			readBuffers.Put(buf)
		}
		if err != nil || n == 0 {
			return
		}
	}
}

// closeLocked ends the connection politely: with flush after what is queued,
// otherwise at once. It returns what is to be put on the ready list. Called
// with s.mu held.
func (c *wsConn) closeLocked(reason Reason, err error, flush bool) *wsConn {
	if !flush {
		keep := 0
		if len(c.out) > 0 && c.out[0].answer {
			keep = 1
		}
		c.s.queued -= sizeOf(c.out[keep:])
		clear(c.out[keep:])
		c.out = c.out[:keep]
	}
	last := rawFrame(frame.AppendClose(nil, closeCode(reason, err), ""))
	c.s.queued += int64(len(last.frame))
	c.push(last)
	c.closing = true
	wait := c.s.srv.opts.CloseTimeout
	polite := reason == ForcedClose || reason == ServerShuttingDown
	if flush && polite && (c.blocked || c.s.queued > scratchSize) {
		wait = max(wait, c.s.srv.opts.WriteTimeout)
	}
	c.s.arm(c.s.srv.in(wait)) // then cut
	return c.schedule()
}

// closeCode is the close code that goes with the end of a session.
// See RFC 6455 section 7.4.1.
func closeCode(reason Reason, err error) int {
	var broken *frame.Error
	var closed *peerClosed
	switch {
	case errors.As(err, &broken):
		return broken.Code
	case errors.As(err, &closed): // RFC 6455 section 5.5.1
		return closed.code
	case errors.Is(err, ErrSlowConsumer), errors.Is(err, errMessageTimeout):
		return frame.CodePolicyViolation
	case reason == ServerShuttingDown:
		return frame.CodeServiceRestart
	}
	return frame.CodeNoStatus
}

// abort ends the connection without a word; its reader notices.
func (c *wsConn) abort() {
	conn := c.conn
	if t, ok := conn.(interface{ NetConn() net.Conn }); ok { // TLS would wait to say goodbye
		conn = t.NetConn()
	}
	_ = conn.Close() // it may be closed already
}
