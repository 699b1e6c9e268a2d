package engine

import (
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/gosio/gosio/core/engine/internal/compress"
	"github.com/gosio/gosio/core/engine/internal/outbox"
)

// What the response to a poll is made of.

// Header values are shared between responses and never written to.
var (
	headerText    = []string{"text/plain; charset=UTF-8"}
	headerHTML    = []string{"text/html"}
	headerJSON    = []string{"application/json"}
	headerNoStore = []string{"no-store"}
	headerTwo     = []string{"2"}
	headerOctets  = []string{octetStream}
	bodyOK        = []byte("ok")
)

// bodies holds buffers for request and response bodies, but none that an
// unusual message has grown.
var bodies = sync.Pool{New: func() any {
	b := make([]byte, 0, 4<<10)
	return &b
}}

// octetStream is the content type of a binary payload of protocol 3. Clients compare
// it as it stands.
const octetStream = "application/octet-stream"

const maxPooledBody = 64 << 10

func putBody(b *[]byte) {
	if cap(*b) <= maxPooledBody {
		bodies.Put(b)
	}
}

// respond writes a payload: the batch, then the control packet, if any.
func (t *polling) respond(w http.ResponseWriter, r *http.Request, batch []outbox.Message, end string, initial bool) error {
	pooled := bodies.Get().(*[]byte)
	defer putBody(pooled)
	body := (*pooled)[:0]
	h := w.Header()
	h["Content-Type"] = headerText
	if t.s.v3 {
		var binary bool
		if body, binary = outbox.AppendPayloadV3(body, batch, end); binary {
			h["Content-Type"] = headerOctets
		}
	} else {
		body = outbox.AppendPayload(body, batch, end)
	}
	*pooled = body
	h["Cache-Control"] = headerNoStore
	if t.s.srv.opts.HTTPCompression > 0 {
		packed := bodies.Get().(*[]byte)
		defer putBody(packed)
		body = compress.Response(h, r, body, packed, outbox.MayCompress(batch), t.s.srv.opts.HTTPCompression)
	}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	if f := t.s.srv.opts.Headers; f != nil {
		f(h, r, initial)
	}
	return t.writeBody(w, body)
}

// writeBody gives the peer WriteTimeout to take each part of a body: one that
// does not read must not hold the goroutine. net/http takes the deadline away
// when the request is over.
func (t *polling) writeBody(w http.ResponseWriter, body []byte) error {
	w.WriteHeader(http.StatusOK) // not left to Write: a compressor may take the length away here, and only here
	rc := http.NewResponseController(w)
	for part := range slices.Chunk(body, maxPooledBody) {
		if d := t.s.srv.opts.WriteTimeout; d > 0 {
			_ = rc.SetWriteDeadline(time.Now().Add(d)) // where there is none, the server's own holds
		}
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return nil
}
