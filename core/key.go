package socketio

import "encoding/json"

// Key is the key of a value of type T that a socket holds. Two keys are different even
// if their names are equal: make each key once, as a package variable.
type Key[T any] struct {
	name   string
	shared bool
}

// NewKey returns a new key. The name is for debugging only. Other servers do not get
// the values.
func NewKey[T any](name string) *Key[T] { return &Key[T]{name: name} }

// NewSharedKey returns a new key whose values other servers get, as JSON: with
// [Broadcast.FetchSockets], and with a session that another server recovers, see
// [Recovery]. The name identifies the key: it must be the same on all servers, and no
// other shared key may have it. On servers of the reference the value is a member of
// socket.data. A value must not be changed after Set, because it is encoded later.
func NewSharedKey[T any](name string) *Key[T] { return &Key[T]{name: name, shared: true} }

// sharedAs returns the name of a shared key, "" for any other key.
func (k *Key[T]) sharedAs() string {
	if !k.shared {
		return ""
	}
	return k.name
}

// String returns the key's name.
func (k *Key[T]) String() string { return k.name }

// Set stores v for the socket. It may be called concurrently. [Recovery] does not
// restore a value that middleware has set first, even if handlers have set the value
// again: the middleware of the next handshake sets the value anew.
func (k *Key[T]) Set(s *Socket, v T) {
	k.set(s, v)
	if o := s.ns.srv.observer.Load(); o != nil && k.shared && s.connected() {
		o.value(ValueEvent{Socket: s, Key: k.name})
	}
}

func (k *Key[T]) set(s *Socket, v T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	early := s.state.Load() == connecting
	for i := range s.values {
		if s.values[i].key == k || s.values[i].distant(k) {
			s.values[i].key, s.values[i].val = k, v
			s.values[i].granted = s.values[i].granted || early
			return
		}
	}
	s.values = append(s.values, value{k, v, early})
}

// Get returns the value that Set has stored; ok is false if there is none. It may be
// called concurrently.
func (k *Key[T]) Get(s *Socket) (v T, ok bool) {
	val, found := k.find(s)
	if raw, distant := val.(json.RawMessage); distant && found == keyDistant {
		var decoded T // without a lock: decoding may call the application
		if json.Unmarshal(raw, &decoded) != nil {
			return v, false
		}
		val, found = k.settle(s, decoded), keyHere
	}
	if found == keyHere {
		return val.(T), true
	}
	return v, false
}

// keyFound says what a socket has under a key.
type keyFound uint8

const (
	keyNone    keyFound = iota
	keyHere             // a value of the key
	keyDistant          // JSON that has come with the session from another server
)

func (k *Key[T]) find(s *Socket) (val any, found keyFound) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.values {
		switch v := &s.values[i]; {
		case v.key == k:
			return v.val, keyHere
		case v.distant(k):
			return v.val, keyDistant
		}
	}
	return nil, keyNone
}

// settle stores the decoded value, unless another value has been set meanwhile, and
// returns the stored value.
func (k *Key[T]) settle(s *Socket, decoded T) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.values {
		switch v := &s.values[i]; {
		case v.key == k:
			return v.val
		case v.distant(k):
			v.key, v.val = k, decoded
		}
	}
	return decoded
}
