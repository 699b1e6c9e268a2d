package engine

import (
	"compress/flate"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/gosio/gosio/core/engine/internal/frame"
)

// PerMessageDeflate is the compression of WebSocket messages, RFC 7692. Its
// zero value is permessage-deflate with the defaults.
//
// Without context takeover, the default, a connection keeps nothing between
// two messages, and a message for many clients is compressed once for all of
// them. With it a connection refers to what it has sent before: messages get
// smaller, but each keeps 32 KB in memory per direction, and everything is
// compressed for each client again.
//
// The length of a compressed message tells about its content: do not compress
// messages that mix secrets with text that somebody else chooses (see
// [Message.Compress]).
type PerMessageDeflate struct {
	// Threshold is the smallest size, in bytes, of a message that is compressed.
	// Default 1,024; negative: all.
	Threshold int
	// Level is that of package compress/flate, 1 (fastest) to 9. Default 1:
	// the others take several times as long for a few per cent.
	Level int
	// ServerContextTakeover lets this side refer to earlier messages, if the
	// client does not ask for server_no_context_takeover. Default: never.
	ServerContextTakeover bool
	// ClientContextTakeover lets clients do so. Default: they are told not to,
	// by client_no_context_takeover.
	ClientContextTakeover bool
}

// deflater is the compression of one server; nil: off.
type deflater struct {
	PerMessageDeflate
	shared  [16]*deflation // of connections without takeover, by server_max_window_bits
	writers sync.Pool      // of *deflateWriter
	frames  sync.Map       // of weak.Pointer[byte], the plain frame's: *deflatedFrame
}

// deflation is what a connection has agreed on. Without takeover in either
// direction all that agree on the same share one.
type deflation struct {
	d        *deflater
	longest  int // message that is compressed, in bytes: see negotiate
	takeover bool
	window   []byte // the end of what was sent, with takeover; belongs to whoever writes
	inflater *frame.Inflater
}

const (
	minWindowBits = 8
	maxWindowBits = 15
)

// newDeflater panics on options that cannot work.
func newDeflater(o *PerMessageDeflate) *deflater {
	if o == nil {
		return nil
	}
	d := &deflater{PerMessageDeflate: *o}
	orDefault(&d.Threshold, 1024)
	orDefault(&d.Level, flate.BestSpeed)
	if d.Level < flate.BestSpeed || d.Level > flate.BestCompression {
		panic("socketio: PerMessageDeflate.Level must be 1 to 9, or 0 for the default")
	}
	for bits := minWindowBits; bits <= maxWindowBits; bits++ {
		d.shared[bits] = &deflation{d: d, longest: longest(bits), inflater: new(frame.Inflater)}
	}
	return d
}

// longest is the size of the longest message that is compressed for a client
// with such a window. DEFLATE refers back within the window; package flate's is
// 32 KB whatever is asked for. But within a message that is not longer than
// the client's window, and without takeover, it cannot refer to more.
func longest(bits int) int {
	if bits == maxWindowBits {
		return int(^uint(0) >> 1)
	}
	return 1 << bits
}

// negotiate returns what to agree on with a client, and how to tell it: nil
// if it offers nothing, or nothing that can be accepted. Of several offers the
// first that can be counts. See RFC 7692 sections 5.1 and 7.1.
func (d *deflater) negotiate(h http.Header) (_ *deflation, response string) {
	if d == nil {
		return nil, ""
	}
	for _, line := range h["Sec-Websocket-Extensions"] {
		for line != "" {
			var offer string
			offer, line = cutUnquoted(line, ',')
			if o, ok := parseOffer(offer); ok {
				return d.accept(o)
			}
		}
	}
	return nil, ""
}

// offer is a client's wish. Its client_max_window_bits says only that we may
// bound the client's window, which we do not: all are understood.
type offer struct {
	serverNoTakeover, clientNoTakeover, clientBits bool
	serverBits                                     int // 0: not named
}

// accept agrees.
func (d *deflater) accept(o offer) (*deflation, string) {
	bits := o.serverBits
	if bits == 0 {
		bits = maxWindowBits
	}
	server := d.ServerContextTakeover && !o.serverNoTakeover && bits == maxWindowBits
	client := d.ClientContextTakeover && !o.clientNoTakeover
	response := "permessage-deflate"
	if !server {
		response += "; server_no_context_takeover"
	}
	if !client {
		response += "; client_no_context_takeover"
	}
	if o.serverBits != 0 {
		response += "; server_max_window_bits=" + strconv.Itoa(bits)
	}
	if !server && !client {
		return d.shared[bits], response
	}
	return &deflation{
		d: d, longest: longest(bits), takeover: server, inflater: &frame.Inflater{Takeover: client},
	}, response
}

// parseOffer reads one extension of the header. It reports false if that is
// another one, or if it is not as RFC 7692 section 7.1 wants it: then it is
// declined.
func parseOffer(s string) (o offer, ok bool) {
	name, rest := cutUnquoted(s, ';')
	if !strings.EqualFold(strings.Trim(name, " \t"), "permessage-deflate") {
		return offer{}, false
	}
	for rest != "" {
		var param string
		param, rest = cutUnquoted(rest, ';')
		key, value, valued := strings.Cut(param, "=")
		if !o.set(strings.ToLower(strings.Trim(key, " \t")), strings.Trim(value, " \t"), valued) {
			return offer{}, false
		}
	}
	return o, !strings.HasSuffix(strings.TrimRight(s, " \t"), ";")
}

// set takes a parameter. It reports false for one that is unknown, comes twice
// or has a value that it must not have.
func (o *offer) set(key, value string, valued bool) bool {
	flag := func(f *bool) bool {
		again := *f
		*f = true
		return !again
	}
	switch key {
	case "server_no_context_takeover":
		return !valued && flag(&o.serverNoTakeover)
	case "client_no_context_takeover":
		return !valued && flag(&o.clientNoTakeover)
	case "client_max_window_bits":
		return (!valued || windowBits(value) > 0) && flag(&o.clientBits)
	case "server_max_window_bits":
		again := o.serverBits != 0
		o.serverBits = windowBits(value)
		return o.serverBits > 0 && !again
	}
	return false
}

// windowBits reads 8 to 15, perhaps in quotes; it returns 0 for all else.
func windowBits(s string) int {
	if inner, ok := strings.CutPrefix(s, `"`); ok {
		if s, ok = strings.CutSuffix(inner, `"`); !ok {
			return 0
		}
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < minWindowBits || n > maxWindowBits || strconv.Itoa(n) != s {
		return 0
	}
	return n
}

// cutUnquoted cuts s at the first sep outside of quotes.
func cutUnquoted(s string, sep byte) (before, after string) {
	quoted := false
	for i := range len(s) {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == sep && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}
