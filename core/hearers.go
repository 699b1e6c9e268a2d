package socketio

import "sync"

// hearers are the functions of listeners that wait for the acknowledgements of one event.
type hearers struct {
	mu sync.Mutex
	of map[string][]func(*Acknowledgement) // by the id of the socket
}

func (h *hearers) add(id string, f func(*Acknowledgement)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.of == nil {
		h.of = make(map[string][]func(*Acknowledgement))
	}
	h.of[id] = append(h.of[id], f)
}

// take returns those that wait for a socket, once. h may be nil.
func (h *hearers) take(id string) []func(*Acknowledgement) {
	if h == nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	all := h.of[id]
	delete(h.of, id)
	return all
}
