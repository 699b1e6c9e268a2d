package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"

	"github.com/gosio/gosio/core/engine/internal/frame"
	"github.com/gosio/gosio/core/engine/internal/frame/stream"
	"github.com/gosio/gosio/core/engine/internal/outbox"
	"github.com/gosio/gosio/core/engine/internal/query"
	"github.com/gosio/gosio/internal/loglimit"
)

// Stream is a reliable, bidirectional stream of bytes to one client. Read and Write
// return os.ErrDeadlineExceeded after a deadline, and io.EOF or net.ErrClosed when the
// client or its network is gone. Close ends the stream at once.
type Stream interface {
	net.Conn
	// CloseWrite ends the writing side of the stream. The client gets all bytes that
	// were written before, and must then close the connection.
	CloseWrite() error
}

// ServeStream serves a WebTransport request, with any library that implements
// WebTransport. Like ServeHTTP it checks origin, session id, Options.AllowRequest and
// Options.Pin, and responds to a request that it refuses. Otherwise it calls accept,
// which must accept the request and return the stream that the client opens. ctx ends
// after Options.UpgradeTimeout, and when the server shuts down. If accept returns an
// error, accept must have closed everything. ServeStream returns when the stream is
// closed, and does not use r after that.
//
// ServeStream checks a session id in the query before it accepts the request. The
// session id in the first packet of the stream decides which session is upgraded. See
// https://socket.io/docs/v4/engine-io-protocol/#webtransport.
func (srv *Server) ServeStream(w http.ResponseWriter, r *http.Request, accept func(ctx context.Context) (Stream, error)) {
	if !srv.gate.checkOrigin(w, r) {
		return
	}
	q := query.Parse(r.URL.RawQuery)
	if err := srv.gate.checkStream(r, q); err != nil {
		srv.report.refuse(w, r, err)
		return
	}
	st, sid, early, err := srv.receiveStream(r, accept)
	if err != nil {
		srv.log.Debug("engine: no stream", "error", loglimit.Clip(err.Error()))
		return
	}
	if sid == "" && q.SID == "" {
		srv.openStream(r, st, early)
		return
	}
	taken := false
	defer func() {
		if !taken { // or Options.Pin or OnRefused has panicked
			_ = st.Close() // nothing is owed to it
		}
	}()
	s, e := srv.gate.find(r, sid)
	switch {
	case e != nil:
	case q.SID != "" && q.SID != sid:
		e = &RequestError{Code: CodeBadRequest, Context: "the stream is for another session than the request"}
	case srv.opts.NoUpgrade:
		e = &RequestError{Code: CodeBadRequest, Context: "upgrades are disabled"}
	default:
		taken = true
		e = srv.upgradeStream(s, st, early)
	}
	if taken = e == nil; !taken {
		srv.report.refused(slog.LevelInfo, r, e)
	}
}

// receiveStream accepts the request and reads the first packet of the stream. early has
// the bytes that came after it.
func (srv *Server) receiveStream(r *http.Request, accept func(context.Context) (Stream, error)) (st *streamConn, sid string, early []byte, err error) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	if d := srv.opts.UpgradeTimeout; d > 0 {
		defer srv.clock.AfterFunc(d, cancel).Stop()
	}
	defer context.AfterFunc(srv.life, cancel)()
	conn, err := accept(ctx)
	if err != nil {
		return nil, "", nil, err
	}
	st = &streamConn{Stream: conn, limit: srv.opts.MaxHTTPBufferSize}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	sid, early, err = st.open()
	if !stop() {
		err = context.Cause(ctx)
	}
	if err != nil {
		_ = conn.Close() // nothing is owed to it
	}
	return st, sid, early, err
}

// openStream opens a session directly on a stream.
func (srv *Server) openStream(r *http.Request, st *streamConn, early []byte) {
	opened := false
	defer func() {
		if !opened { // shutting down, no id, or the application has panicked
			_ = st.Close() // the client finds out by itself
		}
	}()
	id, e := srv.table.newID(r, srv.opts.GenerateID)
	if e != nil {
		srv.report.refused(slog.LevelInfo, r, e)
		return
	}
	defer func() {
		if !opened {
			srv.table.unreserve(id)
		}
	}()
	s := srv.newSession(r, query.Query{}, id)
	c := new(wsConn).init(s, st, st, nil)
	if opened = srv.open(s, r, c, nil); opened {
		c.runOver(early)
	}
}

// upgradeStream takes a stream for the steps of the upgrade.
func (srv *Server) upgradeStream(s *Session, st *streamConn, early []byte) *RequestError {
	if s.v3 { // whose clients know no streams
		return &RequestError{Code: CodeBadRequest, Context: "protocol revision differs from the session's"}
	}
	s.upgrade(UpgradeStepTried, nil)
	p := &probe{s: s}
	if !p.claim() {
		s.upgrade(UpgradeStepFailed, errUpgradeTooLate)
		return &RequestError{Code: CodeBadRequest, Context: "session is on " + s.Transport() + ", or upgrading"}
	}
	if c := new(wsConn).init(s, st, st, p); p.enter(c) {
		c.runOver(early)
	}
	return nil
}

// streamConn is the connection and the framing of a wsConn on a stream. Queued messages
// are WebSocket frames, as on all connections; outgoing converts them.
type streamConn struct {
	Stream
	limit  int64         // of a packet, in bytes
	frames stream.Reader // belongs to the reader
}

// maxOpening bounds the first packet, in bytes; a session id has up to 256.
const maxOpening = 512

// errOpening ends a stream that does not begin with an open packet.
var errOpening = errors.New("engine: a stream has to begin with an open packet")

// opening is a stream.Handler for the first packet.
type opening struct {
	seen bool
	sid  string
}

// Message implements stream.Handler.
func (o *opening) Message(data []byte, binary bool) error {
	if binary || data[0] != '0' {
		return errOpening
	}
	if len(data) > 1 {
		var body struct {
			SID string `json:"sid"`
		}
		if json.Unmarshal(data[1:], &body) != nil || body.SID == "" {
			return errOpening
		}
		o.sid = body.SID
	}
	o.seen = true
	return nil
}

// open reads the first packet and returns its session id, if there is one, and the
// bytes that came after the packet.
func (st *streamConn) open() (sid string, early []byte, err error) {
	var first opening
	buf := make([]byte, maxOpening)
	for {
		n, readErr := st.Read(buf)
		for i := range n {
			if err := st.frames.Feed(buf[i:i+1], maxOpening, &first); err != nil {
				return "", nil, err
			}
			if first.seen {
				return first.sid, bytes.Clone(buf[i+1 : n]), nil
			}
		}
		if readErr != nil {
			return "", nil, readErr
		}
	}
}

func (st *streamConn) feed(data []byte, h frame.Handler) (partial bool, err error) {
	err = st.frames.Feed(data, st.limit, h)
	var broken stream.Error
	if errors.As(err, &broken) { // as in the reference
		err = &failure{ReasonParseError, breach(broken)}
	}
	return st.frames.Partial(), err
}

func (st *streamConn) transport() string { return WebTransport }

// emptyBinary is an empty binary message as text, in base64.
var emptyBinary = []byte{1, 'b'}

// outgoing replaces the WebSocket headers of the batch by those of the stream, and
// drops control frames.
func (st *streamConn) outgoing(batch []outbox.Message) (out []outbox.Message, saved int) {
	out = make([]outbox.Message, 0, len(batch)+1)
	var heads []byte
	for _, m := range batch {
		switch {
		case m.Head == 0:
			saved += len(m.Frame)
		case m.Binary && len(m.Packet()) == 0: // clients take an empty frame for an error
			out = append(out, outbox.Message{Frame: emptyBinary}.MarkedAs(m))
		case m.Binary:
			at := len(heads)
			heads = stream.AppendHeader(heads, true, len(m.Packet()))
			out = append(out, outbox.Message{Frame: heads[at:]}, outbox.Message{Frame: m.Packet()}.MarkedAs(m))
			saved++
		default: // the WebSocket frame of a text without its first byte
			out = append(out, outbox.Message{Frame: m.Frame[1:]}.MarkedAs(m))
			saved++
		}
	}
	return out, saved
}

// end tells the client that the session has ended, as a close frame does on a
// WebSocket.
func (st *streamConn) end() { _ = st.CloseWrite() } // it may be closed already

func (st *streamConn) release() {}
