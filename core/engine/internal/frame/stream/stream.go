// Package stream frames Engine.IO packets on a byte stream, as they travel on
// WebTransport: a header, whose first byte has the kind in bit 7 and the length
// in the others, or 126 or 127 there and the length behind it in two or eight
// bytes, big-endian; then the packet. It knows bytes only, and does no I/O.
//
// See https://socket.io/docs/v4/engine-io-protocol/#webtransport.
package stream

import (
	"encoding/binary"
	"unicode/utf8"
)

// MaxHeader is the length of the longest header, in bytes.
const MaxHeader = 9

const (
	binaryFlag = 0x80
	length16   = 126
	length64   = 127

	// maxLength is what the peers can count to: 2^53-1.
	maxLength = 1<<53 - 1
)

// Error is a breach of the protocol or of a limit by the peer. Nothing that it
// has sent is part of the text.
type Error string

// Error returns the text.
func (e Error) Error() string { return string(e) }

// The errors of Feed.
const (
	ErrEmpty   Error = "empty packet" // an empty binary message is what clients send of an empty attachment
	ErrLength  Error = "length not minimal or over 53 bits"
	ErrTooBig  Error = "message too big (Limits.MaxHTTPBufferSize)"
	ErrNotUTF8 Error = "text is not UTF-8"
)

// Handler takes the frames.
type Handler interface {
	// Message takes one packet; data is valid only during the call.
	Message(data []byte, binary bool) error
}

// Reader takes a stream apart. The zero value is ready.
type Reader struct {
	head    [MaxHeader]byte
	had     int    // bytes in head; 0 between frames
	missing int    // of the frame's packet, once the header is complete
	body    []byte // what has come of it
	inBody  bool
}

// Partial reports whether a frame has begun and not ended.
func (r *Reader) Partial() bool { return r.had > 0 }

// Feed takes bytes that have arrived and gives h each frame that they
// complete. A packet over limit bytes is an error as soon as its header is
// there; a limit of zero or less is none. After an error, an [Error] or h's,
// the Reader must not be used again. What it holds is at most twice what it
// was fed of one frame.
func (r *Reader) Feed(src []byte, limit int64, h Handler) error {
	for len(src) > 0 {
		if !r.inBody {
			r.head[r.had], src = src[0], src[1:]
			r.had++
			if err := r.header(limit); err != nil {
				return err
			}
			if !r.inBody || r.missing > 0 {
				continue
			}
		}
		n := min(r.missing, len(src))
		data := src[:n]
		src = src[n:]
		r.missing -= n
		if r.missing > 0 || r.body != nil {
			r.body = append(r.body, data...)
			data = r.body
		}
		if r.missing > 0 {
			return nil
		}
		isBinary := r.head[0]&binaryFlag != 0
		r.had, r.inBody, r.body = 0, false, nil
		if !isBinary && !utf8.Valid(data) {
			return ErrNotUTF8
		}
		if err := h.Message(data, isBinary); err != nil {
			return err
		}
	}
	return nil
}

// header looks at the header so far.
func (r *Reader) header(limit int64) error {
	length := uint64(r.head[0] &^ binaryFlag)
	switch {
	case length < length16:
	case length == length16 && r.had < 3, length == length64 && r.had < MaxHeader:
		return nil
	case length == length16:
		if length = uint64(binary.BigEndian.Uint16(r.head[1:])); length < length16 {
			return ErrLength
		}
	default:
		if length = binary.BigEndian.Uint64(r.head[1:]); length <= 0xffff || length > maxLength {
			return ErrLength
		}
	}
	switch {
	case length == 0 && r.head[0]&binaryFlag == 0:
		return ErrEmpty
	case limit > 0 && length > uint64(limit), length > uint64(^uint(0)>>1):
		return ErrTooBig
	}
	r.missing, r.inBody = int(length), true
	return nil
}

// AppendHeader appends the header of a packet of length bytes.
func AppendHeader(dst []byte, isBinary bool, length int) []byte {
	var flag byte
	if isBinary {
		flag = binaryFlag
	}
	switch {
	case length < length16:
		return append(dst, flag|byte(length))
	case length <= 0xffff:
		return binary.BigEndian.AppendUint16(append(dst, flag|length16), uint16(length))
	}
	return binary.BigEndian.AppendUint64(append(dst, flag|length64), uint64(length))
}
