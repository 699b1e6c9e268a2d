package mount

import socketio "github.com/gosio/gosio/core"

// Param is the key of a URL parameter in Upstream.Values. As a type of its own it
// cannot be the key of anything that middleware stores.
type Param string

// Of returns the value that the parameter had in the socket's handshake, or an
// empty string.
func (p Param) Of(s *socketio.Socket) string {
	v, _ := s.Handshake().Value(p).(string)
	return v
}

// Get returns what the framework's middleware had stored under the key in the
// socket's handshake, if it is a T.
func Get[T any](s *socketio.Socket, key any) (v T, ok bool) {
	v, ok = s.Handshake().Value(key).(T)
	return v, ok
}
