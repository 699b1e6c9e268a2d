package clusterwire

import (
	"bytes"
	"strconv"
	"sync"
	"time"

	"github.com/gosio/gosio/internal/msgjson"
)

// buffer is JSON that is being written. Members bring the comma before them.
type buffer struct{ b []byte }

var buffers = sync.Pool{New: func() any { return new(buffer) }}

const maxScratch = 64 << 10

// newBuffer returns a buffer in which an object is open.
func newBuffer() *buffer {
	w := buffers.Get().(*buffer)
	w.b = append(w.b[:0], '{')
	return w
}

// free gives the buffer back, with what is in it.
func (w *buffer) free() {
	if cap(w.b) <= maxScratch {
		buffers.Put(w)
	}
}

// exact returns what f appends, without room behind it.
func exact(f func(dst []byte) ([]byte, error)) ([]byte, error) {
	w := buffers.Get().(*buffer)
	defer w.free()
	b, err := f(w.b[:0])
	w.b = b
	if err != nil {
		return nil, err
	}
	return bytes.Clone(b), nil
}

// key begins a member.
func (w *buffer) key(key string) {
	if c := w.b[len(w.b)-1]; c != '{' {
		w.b = append(w.b, ',')
	}
	w.b = append(append(append(w.b, '"'), key...), '"', ':')
}

func (w *buffer) raw(key string, raw []byte) {
	w.key(key)
	w.b = append(w.b, raw...)
}

func (w *buffer) str(key, s string) {
	w.key(key)
	w.b = msgjson.AppendString(w.b, []byte(s))
}

// strUnlessEmpty leaves a member out that the official packages leave out.
func (w *buffer) strUnlessEmpty(key, s string) {
	if s != "" {
		w.str(key, s)
	}
}

func (w *buffer) int(key string, n int) {
	w.key(key)
	w.b = strconv.AppendInt(w.b, int64(n), 10)
}

func (w *buffer) bool(key string, v bool) {
	w.key(key)
	w.b = strconv.AppendBool(w.b, v)
}

func (w *buffer) strs(key string, list []string) {
	w.key(key)
	w.b = append(w.b, '[')
	for i, s := range list {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.b = msgjson.AppendString(w.b, []byte(s))
	}
	w.b = append(w.b, ']')
}

// open begins an object, the value of a member; close ends it.
func (w *buffer) open(key string) {
	w.key(key)
	w.b = append(w.b, '{')
}

func (w *buffer) close() { w.b = append(w.b, '}') }

// target writes the member opts. Some classic requests have no flags.
func (w *buffer) target(t *Target, flags bool) {
	w.open("opts")
	w.targetMembers(t, flags)
	w.close()
}

func (w *buffer) targetMembers(t *Target, flags bool) {
	w.strs("rooms", t.Rooms)
	w.strs("except", t.Except)
	if !flags {
		return
	}
	w.open("flags")
	if t.Volatile {
		w.bool("volatile", true)
	}
	if t.NoCompress {
		w.bool("compress", false)
	}
	if t.Newest > 0 {
		w.int("newest", t.Newest)
		w.strUnlessEmpty("key", t.Key)
	}
	if t.Timeout > 0 {
		w.int("timeout", int(t.Timeout/time.Millisecond))
	}
	w.close()
}

// sockets writes the member sockets.
func (w *buffer) sockets(list []Socket) {
	w.key("sockets")
	w.b = append(w.b, '[')
	for i, s := range list {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.b = append(w.b, '{')
		w.str("id", s.ID)
		if s.Handshake != nil {
			w.raw("handshake", s.Handshake)
		}
		w.strs("rooms", s.Rooms)
		if s.Data != nil {
			w.raw("data", s.Data)
		}
		w.strUnlessEmpty("identity", s.Identity)
		w.close()
	}
	w.b = append(w.b, ']')
}

// first is the one value that an answer has: the official packages take no more.
func first(p *Packet) []byte {
	i := pastSpace(p.Data, min(1, len(p.Data)))
	value := p.Data[i:valueEnd(p.Data, i)]
	if len(value) == 0 {
		return []byte("null")
	}
	return value
}

// msgpack makes MessagePack of JSON with attachments.
func msgpack(json []byte, attachments [][]byte) ([]byte, error) {
	return exact(func(dst []byte) ([]byte, error) { return appendMsgpack(dst, json, attachments) })
}

// appendMsgpack appends it to dst. After an error it returns dst.
func appendMsgpack(dst, json []byte, attachments [][]byte) ([]byte, error) {
	return msgjson.Append(dst, func(w *msgjson.Writer) error { return w.Value(json, attachments) })
}
