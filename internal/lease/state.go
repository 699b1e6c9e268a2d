package lease

// A state says how far a lease is.
type state uint8

const (
	stateLive  state = iota // the socket may do what it likes
	stateGrace              // the owner has warned the client that the end is near
	stateEnded              // it is over, and the socket has not been told to go: perhaps it still connects
	stateLeft               // the socket was told to go
	stateGone               // the socket has disconnected
)

// open reports whether events are still handled.
func (s state) open() bool { return s <= stateGrace }

// An event is what changes a state.
type event uint8

const (
	eventWarn  event = iota // the time of the warning has come
	eventRenew              // the client has shown a fresh credential
	eventEnd                // the credential has expired, or was withdrawn
	eventLeave              // the owner disconnects the socket
	eventGone               // the socket has disconnected
)

// next is the state after an event. It reports false, and the same state, for an
// event that comes too late or too early.
func (s state) next(e event) (state, bool) {
	switch {
	case e == eventWarn && s == stateLive:
		return stateGrace, true
	case e == eventRenew && s.open():
		return stateLive, true
	case e == eventEnd && s.open():
		return stateEnded, true
	case e == eventLeave && s == stateEnded:
		return stateLeft, true
	case e == eventGone && s != stateGone:
		return stateGone, true
	}
	return s, false
}

// A checkState says whether a check is under way.
type checkState uint8

const (
	checkIdle     checkState = iota
	checkQueued              // the check waits for its turn
	checkUrgently            // the check of an expired credential waits for its turn
	checkRunning             // the check asks the store
	checkAgain               // as before, but the answer may be too old: another check follows
)

// A checkEvent is what changes a checkState.
type checkEvent uint8

const (
	checkWanted  checkEvent = iota // something may have changed
	checkUrgent                    // the credential has expired
	checkStarted                   // the turn of the check has come
	checkDone                      // the check has a result
)

// next is the state after an event. It reports false, and the same state, when
// the event asks for nothing new.
func (s checkState) next(e checkEvent) (checkState, bool) {
	switch {
	case e == checkWanted && s == checkIdle:
		return checkQueued, true
	case e == checkWanted && s == checkRunning:
		return checkAgain, true
	case e == checkUrgent && (s == checkIdle || s == checkQueued):
		return checkUrgently, true
	case e == checkStarted && (s == checkQueued || s == checkUrgently):
		return checkRunning, true
	case e == checkDone && s == checkRunning:
		return checkIdle, true
	case e == checkDone && s == checkAgain:
		return checkQueued, true
	}
	return s, false
}
