package engine

import (
	"sync"
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
