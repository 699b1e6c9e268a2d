package engine

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
