package compress

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/gosio/gosio/core/engine/internal/frame"
)

// Negotiate returns what to agree on with a client, and how to tell it: nil
// if it offers nothing, or nothing that can be accepted. Of several offers the
// first that can be counts. See RFC 7692 sections 5.1 and 7.1.
func (d *Deflater) Negotiate(h http.Header) (_ *Deflation, response string) {
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

// offer is what a client asks for. Its client_max_window_bits says only that this side
// may bound the client's window, which it does not: all values are understood.
type offer struct {
	serverNoTakeover, clientNoTakeover, clientBits bool
	serverBits                                     int // 0: not named
}

// accept returns what is agreed on for an offer, and the header that says so.
func (d *Deflater) accept(o offer) (*Deflation, string) {
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
	return &Deflation{
		d: d, longest: longest(bits), takeover: server, Inflater: &frame.Inflater{Takeover: client},
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
