package webtransport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/quic-go/quic-go/http3"
	wt "github.com/quic-go/webtransport-go"

	socketio "github.com/gosio/gosio/core"
)

// refused resets the streams that nobody asked for.
const refused wt.StreamErrorCode = 1

// linger is how long a client has to get the last bytes: the end of a session
// overtakes what is still on its way.
const linger = 500 * time.Millisecond

// accept completes a request and returns the first stream that the client
// opens. All others are refused, and its datagrams are never read: of those
// HTTP/3 keeps 32, and drops the rest.
func (s *Server) accept(ctx context.Context, w http.ResponseWriter, r *http.Request) (socketio.Stream, error) {
	session, err := s.h3.Upgrade(w, r)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return nil, err
	}
	go refuseUni(session)
	st, err := session.AcceptStream(ctx)
	if err != nil {
		_ = session.CloseWithError(0, "")
		return nil, err
	}
	go refuseStreams(session)
	return &stream{Stream: st, session: session, connect: w.(http3.HTTPStreamer).HTTPStream()}, nil
}

// refuseStreams resets streams until the session ends.
func refuseStreams(session *wt.Session) {
	for {
		st, err := session.AcceptStream(session.Context())
		if err != nil {
			return
		}
		st.CancelRead(refused)
		st.CancelWrite(refused)
	}
}

func refuseUni(session *wt.Session) {
	for {
		st, err := session.AcceptUniStream(session.Context())
		if err != nil {
			return
		}
		st.CancelRead(refused)
	}
}

// stream is a client's stream, which ends with its session.
type stream struct {
	*wt.Stream
	session *wt.Session
	connect *http3.Stream // of the request
}

// Read implements net.Conn.
func (st *stream) Read(p []byte) (int, error) {
	n, err := st.Stream.Read(p)
	return n, asNet(err)
}

// Write implements net.Conn.
func (st *stream) Write(p []byte) (int, error) {
	n, err := st.Stream.Write(p)
	return n, asNet(err)
}

// asNet says of all the ways in which QUIC, HTTP/3 and WebTransport end that
// the peer has gone.
func asNet(err error) error {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return fmt.Errorf("%w: %w", net.ErrClosed, err)
}

// Close ends the session, and drops what is on its way.
func (st *stream) Close() error { return st.session.CloseWithError(0, "") }

// CloseWrite ends the stream behind what was written, and the session soon after:
// browsers' clients take the end of a stream for nothing.
func (st *stream) CloseWrite() error {
	err := st.Stream.Close()
	t := time.AfterFunc(linger, st.endSession)
	context.AfterFunc(st.session.Context(), func() { t.Stop() })
	return err
}

// goodbye is the capsule that ends a session: its type, its length, and code 0.
// See draft-ietf-webtrans-http3, section 5.
var goodbye = []byte{0x68, 0x43, 4, 0, 0, 0, 0}

// endSession says goodbye and leaves the rest to the client. The library
// resets the streams as well, which Chromium takes for a lost connection.
func (st *stream) endSession() {
	if st.connect.TryWriteAll(goodbye) != nil || st.connect.Close() != nil {
		_ = st.Close()
	}
}

// LocalAddr implements net.Conn.
func (st *stream) LocalAddr() net.Addr { return st.session.LocalAddr() }

// RemoteAddr implements net.Conn.
func (st *stream) RemoteAddr() net.Addr { return st.session.RemoteAddr() }
