package engine

// Receiver takes what arrives on one session.
//
// Its methods, and those of its Workers, must not panic: most of the calls are made
// on goroutines of the engine, where a panic ends the process. An implementation
// that calls code of others recovers, logs, and calls [Session.Fail], as package
// socketio does for its handlers. runtime.Goexit within Message ends the session
// with [ReasonTransportError].
type Receiver interface {
	// Message takes one message, in order, one at a time. data is valid only
	// during the call. It returns the work that the message leaves for the
	// application, nil if there is none. An error closes the session with
	// [ReasonForcedClose]; work that is returned beside one is still done.
	//
	// The engine does the work once it has taken all the messages that have
	// arrived together: the last one's inline, if it can, and that of the others
	// elsewhere.
	Message(data []byte, binary bool) (Worker, error)
	// Backlog is called before more is read. It returns nil if the Receiver can
	// take more, else a channel that is closed once it can.
	Backlog() <-chan struct{}
	// Closed is called once, when the session ends. It may run while Message
	// does, and inside a Send that ends the session. err is the cause, nil if
	// there is none beyond the reason. Server.Shutdown waits for it to return.
	Closed(reason Reason, err error)
}

// Worker is work for the application.
type Worker interface {
	// Work does it. With inline it may call the application and wait for it,
	// while others use the Receiver: see lend.go. Otherwise it must return at
	// once.
	Work(inline bool)
}

// unfinished is the work that the messages taken so far have left: that of the
// last one which left any.
type unfinished struct{ last Worker }

// add notes the work of a further message; that of the one before is done elsewhere.
func (u *unfinished) add(w Worker) {
	if w != nil {
		u.start()
		u.last = w
	}
}

// take returns the work, which is the caller's to do.
func (u *unfinished) take() Worker {
	w := u.last
	u.last = nil
	return w
}

// start has the work done elsewhere.
func (u *unfinished) start() {
	if w := u.take(); w != nil {
		w.Work(false)
	}
}
