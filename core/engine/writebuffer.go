package engine

import "sync"

// scratchSize is how many bytes a flusher gathers for one write.
const scratchSize = 64 << 10

// writeBuffer is what a goroutine needs to write to connections, without an
// allocation per write.
type writeBuffer struct {
	scratch [scratchSize]byte
	data    []byte
	n       int
	err     error
	try     func(fd uintptr)
}

var writeBuffers = sync.Pool{New: func() any {
	b := new(writeBuffer)
	b.try = b.once
	return b
}}
