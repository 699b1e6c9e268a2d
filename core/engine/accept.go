package engine

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/coder/websocket"
	"github.com/gosio/gosio/core/engine/internal/compress"
	"github.com/gosio/gosio/core/engine/internal/header"
	"github.com/gosio/gosio/core/engine/internal/hijack"
	"github.com/gosio/gosio/core/engine/internal/query"
	"github.com/gosio/gosio/internal/loglimit"
)

// accepted is the connection of a WebSocket that was accepted.
type accepted struct {
	hijack.Taken
	subprotocol string              // that the 101 names
	deflation   *compress.Deflation // that was negotiated; nil: messages are not compressed
}

// acceptor completes WebSocket handshakes.
type acceptor struct {
	opts    *Options
	report  *reporter
	taker   hijack.Taker
	deflate *compress.Deflater // nil: off
}

// accept completes the opening handshake (RFC 6455 section 4.2) with
// coder/websocket and takes the connection over from it: the library's reader
// would keep buffers on an idle connection. With hold, it may leave the 101 to
// the caller, to be written with what comes first. On an error the request has
// been answered.
func (a *acceptor) accept(w http.ResponseWriter, r *http.Request, hold bool) (accepted, error) {
	if under, ok := hijack.Possible(w); !ok {
		a.report.note(slog.LevelError, "hijack", "engine: WebSocket upgrade impossible: a middleware's writer cannot be hijacked;"+
			" exclude the Socket.IO path from that middleware (clients go on with polling)",
			slog.String("writer", fmt.Sprintf("%T", under)))
		return accepted{}, a.notImplemented(w, r)
	}
	if err := checkUpgrade(w.Header(), r); err != nil {
		a.report.refuse(w, r, err)
		return accepted{}, err
	}
	subprotocol := a.subprotocol(r)
	if f := a.opts.Headers; f != nil {
		f(w.Header(), r, query.Parse(r.URL.RawQuery).SID == "")
	}
	if err := handshake(w, r); err != nil {
		e := &RequestError{Code: CodeBadRequest, Context: loglimit.Clip(err.Error())}
		a.report.refuse(w, r, e)
		return accepted{}, e
	}
	deflation, extensions := a.deflate.Negotiate(r.Header)
	if extensions != "" {
		w.Header().Set("Sec-WebSocket-Extensions", extensions)
	}
	if subprotocol != "" {
		w.Header().Set("Sec-WebSocket-Protocol", subprotocol)
	}
	taken, err := a.taker.TakeOver(w, hold && hijack.Bare(w))
	var refused *hijack.Refused
	switch {
	case errors.As(err, &refused):
		return accepted{}, a.notImplemented(refused.Answer(w), r)
	case err != nil:
		return accepted{}, a.unaccepted(r, err)
	}
	return accepted{taken, subprotocol, deflation}, nil
}

// maxOffered and maxSubprotocol bound what Options.Subprotocol is given, and what
// the 101 sends back.
const maxOffered, maxSubprotocol = 32, 256

// subprotocol chooses one that the client offers, "" for none.
// See RFC 6455 section 4.2.2.
func (a *acceptor) subprotocol(r *http.Request) string {
	offered := header.Tokens(r.Header["Sec-Websocket-Protocol"], maxOffered, maxSubprotocol)
	if len(offered) == 0 {
		return ""
	}
	chosen := offered[0]
	if f := a.opts.Subprotocol; f != nil {
		if chosen = f(r, slices.Clone(offered)); !slices.Contains(offered, chosen) {
			return ""
		}
	}
	return strings.Clone(chosen) // a part of the header would keep all of it in memory
}

// notImplemented answers an upgrade for which the writer is not made.
func (a *acceptor) notImplemented(w http.ResponseWriter, r *http.Request) error {
	for _, name := range []string{"Upgrade", "Connection", "Sec-Websocket-Accept", "Sec-Websocket-Extensions", "Sec-Websocket-Protocol"} {
		w.Header().Del(name) // set by the handshake
	}
	err := &RequestError{Code: CodeBadRequest, Context: "response writer cannot be hijacked", Status: http.StatusNotImplemented}
	a.report.refuseAt(slog.LevelDebug, w, r, err)
	return err
}

// unaccepted tells of a handshake that was answered with an error.
func (a *acceptor) unaccepted(r *http.Request, err error) error {
	e := &RequestError{Code: CodeBadRequest, Context: loglimit.Clip(err.Error())}
	a.report.refused(slog.LevelInfo, r, e)
	return e
}

// handshake has the library check the request and set the response's header.
func handshake(w http.ResponseWriter, r *http.Request) error {
	conn, err := websocket.Accept(&upgradeWriter{w}, r, &websocket.AcceptOptions{
		InsecureSkipVerify: true, // CheckOrigin has decided, by one policy for all transports
	})
	if err == nil {
		_ = conn.CloseNow() // lets go of the library's half; it has no connection
	}
	return err
}

// checkUpgrade applies RFC 6455 section 4.2.1. The library would, too, but quotes
// what it has got in its answers.
func checkUpgrade(h http.Header, r *http.Request) *RequestError {
	key := strings.TrimSpace(r.Header.Get("Sec-WebSocket-Key"))
	switch {
	case !r.ProtoAtLeast(1, 1):
		h.Set("Connection", "Upgrade")
		h.Set("Upgrade", "websocket")
		return &RequestError{Code: CodeBadRequest, Context: "upgrade by HTTP/1.0", Status: http.StatusUpgradeRequired}
	case r.Method != http.MethodGet:
		h.Set("Allow", http.MethodGet)
		return &RequestError{Code: CodeBadRequest, Context: "upgrade by " + loglimit.Clip(r.Method), Status: http.StatusMethodNotAllowed}
	case strings.TrimSpace(r.Header.Get("Sec-WebSocket-Version")) != "13":
		h.Set("Sec-WebSocket-Version", "13")
		return &RequestError{Code: CodeBadRequest, Context: "WebSocket version " + loglimit.Clip(r.Header.Get("Sec-WebSocket-Version"))}
	case len(key) != keyLength || !isKey(key):
		return &RequestError{Code: CodeBadRequest, Context: "WebSocket key of " + fmt.Sprint(len(key)) + " bytes"}
	}
	return nil
}

// keyLength is that of a Sec-WebSocket-Key: 16 bytes in base64.
const keyLength = 24

func isKey(key string) bool {
	b, err := base64.StdEncoding.DecodeString(key)
	return err == nil && len(b) == 16
}

// upgradeWriter is what the library sees instead of the framework's writer: it
// keeps the 101, which hijack.Taker writes, and the answer to an error,
// which would quote the request. From here the stack of
// net/http's goroutine would not have room for that, and be copied to a larger one.
type upgradeWriter struct{ w http.ResponseWriter }

func (u *upgradeWriter) Header() http.Header         { return u.w.Header() }
func (u *upgradeWriter) Write(b []byte) (int, error) { return len(b), nil }
func (u *upgradeWriter) WriteHeader(int)             {}

// Hijack gives the library a connection that is none.
func (u *upgradeWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	none := bufio.NewReadWriter(bufio.NewReaderSize(bytes.NewReader(nil), 16), bufio.NewWriterSize(bytes.NewBuffer(nil), 16))
	return detached{}, none, nil
}

// detached is the connection that the library gets.
type detached struct{ net.Conn }

func (detached) Read([]byte) (int, error)    { return 0, net.ErrClosed }
func (detached) Write(b []byte) (int, error) { return len(b), nil }
func (detached) Close() error                { return nil }
