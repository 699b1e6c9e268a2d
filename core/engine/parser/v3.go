package parser

import (
	"encoding/base64"
	"errors"
	"iter"
	"strconv"
	"unicode/utf8"
)

// Protocol 3, which clients of Socket.IO 2.x speak. Its packets are those of
// protocol 4 but for bytes, which carry a packet type, too; its payloads say
// how long each packet is.
// See https://github.com/socketio/engine.io-protocol/tree/v3.

// ErrLength reports a payload of protocol 3 whose lengths are not those of its
// packets.
var ErrLength = errors.New("engine: malformed length in a payload")

// ErrUTF8 reports a text packet in a binary payload that is not valid UTF-8.
var ErrUTF8 = errors.New("engine: text is not UTF-8")

// maxDigits bounds the digits of a length: no payload is larger.
const maxDigits = 10

// The marks of a binary payload of protocol 3.
const (
	textMark   = 0
	binaryMark = 1
	lengthEnd  = 0xff
)

// DecodeV3 is Decode for protocol 3: the letter b is followed by the type of
// the packet, which for bytes must be TypeMessage.
func DecodeV3(src []byte) (Packet, error) {
	if len(src) > 0 && src[0] == binaryPrefix {
		if len(src) == 1 || src[1] != '0'+byte(TypeMessage) {
			return Packet{}, ErrType
		}
		data, err := decodeBase64(src[2:])
		if err != nil {
			return Packet{}, err
		}
		return Packet{Type: TypeMessage, Data: data, Binary: true}, nil
	}
	return Decode(src)
}

// DecodeBinaryV3 parses the binary form of a packet in protocol 3, a WebSocket
// frame or a part of a payload: a byte with the type, which must be TypeMessage,
// then the data, which aliases src.
func DecodeBinaryV3(src []byte) (Packet, error) {
	switch {
	case len(src) == 0:
		return Packet{}, ErrEmptyPacket
	case src[0] != byte(TypeMessage):
		return Packet{}, ErrType
	}
	return Packet{Type: TypeMessage, Data: src[1:], Binary: true}, nil
}

// PacketsV3 iterates like [Packets] over a text payload of protocol 3, which
// must be valid UTF-8: for each packet its length in UTF-16 code units, as
// JavaScript counts, a colon, and its text form. An empty packet is passed
// over; an empty payload is an error.
func PacketsV3(payload []byte) iter.Seq2[Packet, error] {
	return func(yield func(Packet, error) bool) {
		if len(payload) == 0 {
			yield(Packet{}, ErrEmptyPacket)
			return
		}
		for rest := payload; len(rest) > 0; {
			text, after, err := cutV3(rest)
			rest = after
			var p Packet
			if err == nil {
				if len(text) == 0 {
					continue
				}
				p, err = DecodeV3(text)
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

// cutV3 returns the first packet of a text payload and what follows it.
func cutV3(payload []byte) (text, rest []byte, err error) {
	units, i := 0, 0
	for ; i < len(payload) && payload[i] != ':'; i++ {
		if c := payload[i]; c < '0' || c > '9' || i == maxDigits {
			return nil, nil, ErrLength
		}
		units = min(units*10+int(payload[i]-'0'), len(payload)) // and never over an int
	}
	if i == 0 || i == len(payload) {
		return nil, nil, ErrLength
	}
	payload = payload[i+1:]
	n := 0
	for units > 0 {
		if n == len(payload) {
			return nil, nil, ErrLength
		}
		r, size := utf8.DecodeRune(payload[n:])
		n += size
		units -= 1 + astral(r)
	}
	if units < 0 { // in the middle of a character
		return nil, nil, ErrLength
	}
	return payload[:n:n], payload[n:], nil
}

// astral is 1 for a character that takes two UTF-16 code units.
func astral(r rune) int {
	if r > 0xffff {
		return 1
	}
	return 0
}

// utf16Len is the length of valid UTF-8 in UTF-16 code units.
func utf16Len(text []byte) int {
	n := 0
	for _, c := range text {
		switch {
		case c >= 0xf0: // begins a character of two units
			n += 2
		case c&0xc0 != 0x80: // begins one
			n++
		}
	}
	return n
}

// BinaryPacketsV3 iterates like [Packets] over a binary payload of protocol 3:
// for each packet a byte that is 0 for the text form and 1 for the binary one,
// its length in bytes as decimal digits of a byte each, the byte 255, and the
// packet. An empty payload, and an empty packet, is an error.
func BinaryPacketsV3(payload []byte) iter.Seq2[Packet, error] {
	return func(yield func(Packet, error) bool) {
		if len(payload) == 0 {
			yield(Packet{}, ErrEmptyPacket)
			return
		}
		for rest := payload; len(rest) > 0; {
			binary := rest[0] == binaryMark
			part, after, err := cutBinaryV3(rest)
			rest = after
			var p Packet
			switch {
			case err != nil:
			case binary:
				p, err = DecodeBinaryV3(part)
			case !utf8.Valid(part):
				err = ErrUTF8
			default:
				p, err = DecodeV3(part)
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

// cutBinaryV3 returns the first packet of a binary payload and what follows it.
func cutBinaryV3(payload []byte) (part, rest []byte, err error) {
	if payload[0] > binaryMark {
		return nil, nil, ErrLength
	}
	payload = payload[1:]
	n, i := 0, 0
	for ; i < len(payload) && payload[i] != lengthEnd; i++ {
		if payload[i] > 9 || i == maxDigits {
			return nil, nil, ErrLength
		}
		n = min(n*10+int(payload[i]), len(payload)) // and never over an int
	}
	if i == 0 || n > len(payload)-i-1 { // which is -1 if there is no end
		return nil, nil, ErrLength
	}
	payload = payload[i+1:]
	return payload[:n:n], payload[n:], nil
}

// AppendTextV3 appends a packet in its text form, valid UTF-8, as a part of a
// text payload of protocol 3.
func AppendTextV3(dst, text []byte) []byte {
	dst = strconv.AppendInt(dst, int64(utf16Len(text)), 10)
	return append(append(dst, ':'), text...)
}

// AppendBinaryV3 appends a packet as a part of a binary payload of protocol 3:
// in its text form, or with binary in its binary one.
func AppendBinaryV3(dst, packet []byte, binary bool) []byte {
	mark := byte(textMark)
	if binary {
		mark = binaryMark
	}
	dst = append(dst, mark)
	start := len(dst)
	dst = strconv.AppendInt(dst, int64(len(packet)), 10)
	for i := range dst[start:] {
		dst[start+i] -= '0'
	}
	return append(append(dst, lengthEnd), packet...)
}

// AppendBase64V3 appends the text form of a message of bytes in protocol 3.
func AppendBase64V3(dst, data []byte) []byte {
	return base64.StdEncoding.AppendEncode(append(dst, binaryPrefix, '0'+byte(TypeMessage)), data)
}
