package adapter

import "fmt"

// PartialError says that not all who were asked have answered: clients, or the
// servers of a cluster. It comes together with the answers that there are.
type PartialError struct {
	// Event is the event that was to be answered; empty when sockets were fetched.
	Event string
	// Expected is how many were asked and have not left meanwhile. Clients of a
	// server that has not said how many it asks are not among them.
	Expected int
	// Answered is how many answers there are.
	Answered int
	// Missing are the servers that have not answered, by the names that the adapter
	// has for them; nil if it has none.
	Missing []string
	// Err is why: the end of the context, most often. When all clients have
	// answered that are known of, it is the PartialError of the servers.
	Err error
}

// Error implements error.
func (e *PartialError) Error() string {
	if e.Event == "" {
		return fmt.Sprintf("socketio: %d of %d have answered: %v", e.Answered, e.Expected, e.Err)
	}
	return fmt.Sprintf("socketio: event %q: %d of %d have answered: %v", clip(e.Event), e.Answered, e.Expected, e.Err)
}

// Unwrap returns Err.
func (e *PartialError) Unwrap() error { return e.Err }

// clip bounds what a text from outside adds to a log line.
func clip(s string) string { return s[:min(len(s), 256)] }
