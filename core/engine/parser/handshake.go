package parser

import (
	"strconv"
	"time"
)

// Handshake is the data of the open packet, the first one a server sends.
// See https://github.com/socketio/engine.io-protocol#handshake.
type Handshake struct {
	// SID is the session id. It must need no escaping in JSON.
	SID string
	// Upgrades names the transports the client may upgrade to. Nil and empty
	// are both written as an empty array.
	Upgrades []string
	// PingInterval and PingTimeout are written in whole milliseconds.
	PingInterval, PingTimeout time.Duration
	// MaxPayload is the largest body, in bytes, that the server takes.
	MaxPayload int64
}

// Append appends the handshake's JSON to dst, with the keys in the order of the
// reference server.
func (h Handshake) Append(dst []byte) []byte {
	dst = append(dst, `{"sid":"`...)
	dst = append(dst, h.SID...)
	dst = append(dst, `","upgrades":[`...)
	for i, name := range h.Upgrades {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '"')
		dst = append(dst, name...)
		dst = append(dst, '"')
	}
	dst = append(dst, `],"pingInterval":`...)
	dst = strconv.AppendInt(dst, h.PingInterval.Milliseconds(), 10)
	dst = append(dst, `,"pingTimeout":`...)
	dst = strconv.AppendInt(dst, h.PingTimeout.Milliseconds(), 10)
	dst = append(dst, `,"maxPayload":`...)
	dst = strconv.AppendInt(dst, h.MaxPayload, 10)
	return append(dst, '}')
}
