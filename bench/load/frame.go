package load

import (
	"encoding/binary"
	"errors"
)

// Opcode is a WebSocket opcode (RFC 6455, section 11.8).
type Opcode byte

// The opcodes the generator sends or understands.
const (
	OpContinuation Opcode = 0x0
	OpText         Opcode = 0x1
	OpBinary       Opcode = 0x2
	OpClose        Opcode = 0x8
	OpPing         Opcode = 0x9
	OpPong         Opcode = 0xA
)

// Frame is one frame received from a server. Payload points into the buffer it
// was parsed from and is valid until that buffer is reused.
type Frame struct {
	Fin     bool
	Op      Opcode
	Payload []byte
}

// Errors of ParseFrame: what a server must never send to a client.
var (
	ErrReservedBits = errors.New("load: a frame has reserved bits set")
	ErrServerMasked = errors.New("load: a server's frame is masked")
	ErrFrameTooLong = errors.New("load: a frame is longer than 64 MB")
)

const maxFrame = 64 << 20

// AppendFrame appends a final client frame, masked with key, to dst
// (RFC 6455, sections 5.2 and 5.3).
func AppendFrame(dst []byte, op Opcode, payload []byte, key uint32) []byte {
	dst = append(dst, 0x80|byte(op))
	switch n := len(payload); {
	case n < 126:
		dst = append(dst, 0x80|byte(n))
	case n <= 0xffff:
		dst = append(dst, 0x80|126)
		dst = binary.BigEndian.AppendUint16(dst, uint16(n))
	default:
		dst = append(dst, 0x80|127)
		dst = binary.BigEndian.AppendUint64(dst, uint64(n))
	}
	dst = binary.LittleEndian.AppendUint32(dst, key)
	start := len(dst)
	dst = append(dst, payload...)
	Mask(dst[start:], key)
	return dst
}

// Mask applies the masking key (little-endian order of its four bytes) to b in
// place. Masking twice gives the input back.
func Mask(b []byte, key uint32) {
	wide := uint64(key)<<32 | uint64(key)
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^wide)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= byte(key >> (8 * (i & 3)))
	}
}

// ParseFrame reads one unmasked frame from the start of b. It returns the
// number of bytes the frame takes, or 0 if b does not hold a whole one yet.
func ParseFrame(b []byte) (f Frame, n int, err error) {
	if len(b) < 2 {
		return f, 0, nil
	}
	if b[0]&0x70 != 0 {
		return f, 0, ErrReservedBits
	}
	if b[1]&0x80 != 0 {
		return f, 0, ErrServerMasked
	}
	size, head := uint64(b[1]), 2
	switch size {
	case 126:
		if len(b) < 4 {
			return f, 0, nil
		}
		size, head = uint64(binary.BigEndian.Uint16(b[2:])), 4
	case 127:
		if len(b) < 10 {
			return f, 0, nil
		}
		size, head = binary.BigEndian.Uint64(b[2:]), 10
	}
	if size > maxFrame {
		return f, 0, ErrFrameTooLong
	}
	end := head + int(size)
	if len(b) < end {
		return f, 0, nil
	}
	return Frame{Fin: b[0]&0x80 != 0, Op: Opcode(b[0] & 0x0f), Payload: b[head:end]}, end, nil
}
