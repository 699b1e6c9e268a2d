package parser

import (
	"bytes"
	"encoding/base64"
	"errors"
)

// Errors of [Decode] and [Packets]. Each of them is the protocol's "parse
// error": the connection that sent the packet has to be closed.
var (
	// ErrEmptyPacket reports a packet without a type, such as an empty text
	// frame, an empty body, or an empty segment of a payload.
	ErrEmptyPacket = errors.New("engine: empty packet")
	// ErrType reports a first byte that is neither a packet type nor b.
	ErrType = errors.New("engine: unknown packet type")
	// ErrBase64 reports a binary message whose base64 is malformed.
	ErrBase64 = errors.New("engine: malformed base64 in a binary message")
)

// Type is the type of an Engine.IO packet.
// See https://github.com/socketio/engine.io-protocol#protocol.
type Type byte

// The packet types, with the protocol's names and numbers.
const (
	TypeOpen Type = iota
	TypeClose
	TypePing
	TypePong
	TypeMessage
	TypeUpgrade
	TypeNoop

	maxType = TypeNoop
)

// binaryPrefix is what stands in place of the type digit in the text form of a
// binary message.
const binaryPrefix = 'b'

var typeNames = [...]string{"open", "close", "ping", "pong", "message", "upgrade", "noop"}

// String returns the protocol's name of the type, or "unknown".
func (t Type) String() string {
	if t > maxType {
		return "unknown"
	}
	return typeNames[t]
}

// Packet is one Engine.IO packet.
type Packet struct {
	// Type is the packet's type; the zero value is TypeOpen.
	Type Type
	// Data is what follows the type; it may be empty. After Decode it aliases
	// the input, except for a binary message, whose data is freshly allocated.
	Data []byte
	// Binary tells that Data is bytes and not text. Only a TypeMessage may be
	// binary.
	Binary bool
}

// Decode parses the text form of one packet. It copies nothing but the bytes
// of a binary message. It does not check that the data is valid UTF-8: the
// caller does.
func Decode(src []byte) (Packet, error) {
	if len(src) == 0 {
		return Packet{}, ErrEmptyPacket
	}
	if src[0] == binaryPrefix {
		data, err := decodeBase64(src[1:])
		if err != nil {
			return Packet{}, err
		}
		return Packet{Type: TypeMessage, Data: data, Binary: true}, nil
	}
	typ := Type(src[0] - '0') // a byte below '0' wraps above maxType
	if typ > maxType {
		return Packet{}, ErrType
	}
	return Packet{Type: typ, Data: src[1:]}, nil
}

// decodeBase64 reads the standard and the URL-safe alphabet, with and without
// padding and line breaks: clients differ, and the reference server takes them all.
func decodeBase64(src []byte) ([]byte, error) {
	if bytes.ContainsAny(src, "\r\n") {
		var ok bool
		if src, ok = joinLines(src); !ok {
			return nil, ErrBase64
		}
	}
	enc := base64.RawStdEncoding
	if bytes.ContainsAny(src, "-_") {
		enc = base64.RawURLEncoding
	}
	if len(src)%4 == 0 {
		src = bytes.TrimSuffix(src, []byte("="))
		src = bytes.TrimSuffix(src, []byte("="))
	}
	dst := make([]byte, enc.DecodedLen(len(src)))
	n, err := enc.Decode(dst, src)
	if err != nil {
		return nil, ErrBase64
	}
	return dst[:n], nil
}

// shortLine bounds line breaks: on average there are that many characters to each.
// The Java client breaks after 76, and at the end.
const shortLine = 16

// joinLines returns base64 without its line breaks. It reports false if there are
// too many, or nothing else.
func joinLines(src []byte) (joined []byte, ok bool) {
	joined = make([]byte, 0, len(src))
	breaks := 0
	for _, c := range src {
		switch c {
		case '\n':
			breaks++
		case '\r':
		default:
			joined = append(joined, c)
		}
	}
	marks := len(src) - len(joined)
	most := len(joined)/shortLine + 1
	return joined, len(joined) > 0 && breaks <= most && marks <= 2*most
}

// Append appends the text form of the packet to dst. The packet must be valid:
// a known type, and Binary only with TypeMessage.
func (p Packet) Append(dst []byte) []byte {
	if p.Binary {
		return base64.StdEncoding.AppendEncode(append(dst, binaryPrefix), p.Data)
	}
	return append(append(dst, '0'+byte(p.Type)), p.Data...)
}
