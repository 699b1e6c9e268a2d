package socketio

import "sync"

// hearers are the functions of listeners that wait for the acknowledgements of one event.
type hearers struct {
	mu sync.Mutex
	of map[*Socket][]func(*Acknowledgement)
}

func (h *hearers) add(s *Socket, f func(*Acknowledgement)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.of == nil {
		h.of = make(map[*Socket][]func(*Acknowledgement))
	}
	h.of[s] = append(h.of[s], f)
}

// take returns those that wait for a socket, once. h may be nil.
func (h *hearers) take(s *Socket) []func(*Acknowledgement) {
	if h == nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	all := h.of[s]
	delete(h.of, s)
	return all
}
