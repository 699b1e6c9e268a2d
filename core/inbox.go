package socketio

import (
	"sync"

	"github.com/gosio/gosio/core/parser"
)

type jobKind uint8

const (
	jobEvent jobKind = iota
	jobConnect
	jobGreet // what is left of a jobConnect
	jobDisconnect
	jobDone
)

// job is one thing that a socket's dispatcher does.
type job struct {
	kind   jobKind
	reason Reason        // jobDisconnect
	hook   int           // jobGreet, jobDisconnect: the hooks that have begun
	packet parser.Packet // jobEvent; its data is the job's own
}

// overhead is what a waiting job counts beside its data.
const overhead = 128

// inbox is what waits for a socket's dispatcher. A socket has one only while
// something does.
type inbox struct{ jobs []job }

var inboxes = sync.Pool{New: func() any { return new(inbox) }}

const maxInbox = 64

func (in *inbox) free() {
	if cap(in.jobs) <= maxInbox {
		clear(in.jobs)
		in.jobs = in.jobs[:0]
		inboxes.Put(in)
	}
}
