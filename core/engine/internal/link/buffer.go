package link

import "sync"

// ReadBuffer is what one read fills at most.
type ReadBuffer [readBufferSize]byte

// ReadBuffers holds buffers for readers, each for as long as it has bytes to parse.
var ReadBuffers = sync.Pool{New: func() any { return new(ReadBuffer) }}

// ScratchSize is how many bytes are gathered for one write.
const ScratchSize = 64 << 10

// WriteBuffer is what a goroutine needs to write to connections without an allocation
// per write.
type WriteBuffer struct {
	Scratch [ScratchSize]byte

	data []byte
	n    int
	err  error
	try  func(fd uintptr)
}

// WriteBuffers holds buffers for goroutines that write.
var WriteBuffers = sync.Pool{New: func() any {
	b := new(WriteBuffer)
	b.try = b.once
	return b
}}
