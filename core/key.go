package socketio

// Key names a value of type T that sockets carry. Keys are distinct even if
// their names are equal; make each one once, as a package variable.
type Key[T any] struct{ name string }

// value is one entry of a socket's few values.
type value struct{ key, val any }

// NewKey returns a new key. The name is for debugging only.
func NewKey[T any](name string) *Key[T] { return &Key[T]{name} }

// String returns the key's name.
func (k *Key[T]) String() string { return k.name }

// Set stores v with the socket. It may be called concurrently.
func (k *Key[T]) Set(s *Socket, v T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.values {
		if s.values[i].key == k {
			s.values[i].val = v
			return
		}
	}
	s.values = append(s.values, value{k, v})
}

// Get returns what Set has stored, and whether it has. It may be called
// concurrently.
func (k *Key[T]) Get(s *Socket) (v T, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.values {
		if s.values[i].key == k {
			return s.values[i].val.(T), true
		}
	}
	return v, false
}
