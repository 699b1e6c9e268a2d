package frame

import (
	"encoding/binary"
	"math/bits"
	"strings"
	"unicode/utf8"
)

const (
	// MaxHeader is the longest header a server writes, in bytes.
	MaxHeader = 10

	maxClientHeader = MaxHeader + 4 // a client's has a masking key
	maxControl      = 125           // longest payload of a control frame

	finBit  = 0x80
	rsvBits = 0x70
	rsv1Bit = 0x40 // a compressed message (RFC 7692 section 6)
	opBits  = 0x0F
	maskBit = 0x80
	len7    = 0x7F
	len16   = 126
	len64   = 127
)

// header is what a client's frame header says.
type header struct {
	op   Opcode
	fin  bool
	key  uint32 // masking key, first byte lowest
	len  uint64 // of the payload; not yet checked against any limit
	size int    // of the header itself

	deflated bool // the message that the frame begins is compressed
}

// parseHeader reads the header at the start of b. It returns size 0 if b holds
// only a part of it. Each check runs as soon as its byte is there, in the order
// of the bytes, so that the outcome does not depend on how the input is cut.
// With deflate the first frame of a message may be marked as compressed.
func parseHeader(b []byte, deflate bool) (h header, err error) {
	if len(b) == 0 {
		return header{}, nil
	}
	b0 := b[0]
	op := Opcode(b0 & opBits)
	switch {
	case b0&rsvBits != 0 && (b0&rsvBits != rsv1Bit || !deflate || op != Text && op != Binary):
		return header{}, errReservedBits
	case !op.known():
		return header{}, errOpcode
	case op.control() && b0&finBit == 0:
		return header{}, errControlFin
	}
	if len(b) < 2 {
		return header{}, nil
	}
	b1 := b[1]
	switch {
	case b1&maskBit == 0:
		return header{}, errUnmasked
	case op.control() && b1&len7 > maxControl:
		return header{}, errControlSize
	}
	h = header{op: op, fin: b0&finBit != 0, len: uint64(b1 & len7), deflated: b0&rsv1Bit != 0}
	at := 2
	if b1&len7 >= len16 {
		if h.len, at, err = parseLength(b, b1&len7); at == 0 {
			return header{}, err
		}
	}
	if len(b) < at+4 {
		return header{}, nil
	}
	h.key = binary.LittleEndian.Uint32(b[at:])
	h.size = at + 4
	return h, nil
}

// parseLength reads the extended length of a frame, of the given kind. It
// returns end 0 if b ends before it or if the length is refused.
func parseLength(b []byte, kind byte) (n uint64, end int, err error) {
	if kind == len16 {
		if len(b) < 4 {
			return 0, 0, nil
		}
		if n = uint64(binary.BigEndian.Uint16(b[2:])); n < len16 {
			return 0, 0, errLength
		}
		return n, 4, nil
	}
	if len(b) < MaxHeader {
		return 0, 0, nil
	}
	if n = binary.BigEndian.Uint64(b[2:]); n>>16 == 0 || n>>63 != 0 {
		return 0, 0, errLength
	}
	return n, MaxHeader, nil
}

// AppendHeader appends to dst the header of an unmasked, unfragmented frame
// with a payload of length bytes, at most [MaxHeader] bytes. The length must
// not be negative, and at most 125 for a control opcode.
func AppendHeader(dst []byte, op Opcode, length int) []byte {
	b0 := finBit | byte(op)
	switch {
	case length < len16:
		return append(dst, b0, byte(length))
	case length <= 0xFFFF:
		return binary.BigEndian.AppendUint16(append(dst, b0, len16), uint16(length))
	default:
		return binary.BigEndian.AppendUint64(append(dst, b0, len64), uint64(length))
	}
}

// PutHeader writes the header of [AppendHeader] so that it ends at
// buf[MaxHeader], where the payload starts: buf[start:MaxHeader+length] is the
// whole frame. The first MaxHeader bytes of buf are room for the header.
func PutHeader(buf []byte, op Opcode, length int) (start int) {
	switch {
	case length < len16:
		start = MaxHeader - 2
	case length <= 0xFFFF:
		start = MaxHeader - 4
	}
	AppendHeader(buf[start:start:MaxHeader], op, length)
	return start
}

// PutDeflated is [PutHeader] for a message that is compressed.
func PutDeflated(buf []byte, op Opcode, length int) (start int) {
	start = PutHeader(buf, op, length)
	buf[start] |= rsv1Bit
	return start
}

// Deflated reports whether a frame that a server writes is compressed.
func Deflated(frame []byte) bool { return frame[0]&rsv1Bit != 0 }

// AppendClose appends a whole close frame to dst. Code [CodeNoStatus] makes an
// empty one, without the reason. A reason over 123 bytes is cut at a character;
// bytes that are not UTF-8 become U+FFFD.
func AppendClose(dst []byte, code int, reason string) []byte {
	if code == CodeNoStatus {
		return AppendHeader(dst, Close, 0)
	}
	reason = cut(strings.ToValidUTF8(reason, "\uFFFD"), maxControl-2)
	dst = AppendHeader(dst, Close, 2+len(reason))
	return append(binary.BigEndian.AppendUint16(dst, uint16(code)), reason...)
}

// cut returns the longest prefix of the valid UTF-8 s that has at most n bytes
// and does not end inside a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// unmask applies the masking key to p in place (RFC 6455 section 5.3) and
// returns the key turned to where the next byte of the payload needs it.
func unmask(p []byte, key uint32) uint32 {
	next := bits.RotateLeft32(key, -8*(len(p)&3))
	wide := uint64(key)<<32 | uint64(key)
	for len(p) >= 32 {
		le := binary.LittleEndian
		q := p[:32:32]
		le.PutUint64(q, le.Uint64(q)^wide)
		le.PutUint64(q[8:], le.Uint64(q[8:])^wide)
		le.PutUint64(q[16:], le.Uint64(q[16:])^wide)
		le.PutUint64(q[24:], le.Uint64(q[24:])^wide)
		p = p[32:]
	}
	for len(p) >= 8 {
		binary.LittleEndian.PutUint64(p, binary.LittleEndian.Uint64(p)^wide)
		p = p[8:]
	}
	for i := range p {
		p[i] ^= byte(wide)
		wide >>= 8
	}
	return next
}
