// Package route is what the mounts have in common: the path they are registered
// at, and URL parameters that are kept with the handshake.
package route

import (
	"strings"

	socketio "github.com/gosio/gosio/core"
)

// First returns the first of the configs, which are one or none: the zero value
// has the defaults.
func First[C any](configs []C) (c C) {
	if len(configs) > 0 {
		c = configs[0]
	}
	return c
}

// Path returns the path of a Config without a slash at its end; the default is
// "/socket.io". It panics, in the name of the package, for a path that cannot be
// used: special are the characters that mean something to the router.
func Path(pkg, path, special string) string {
	if path == "" {
		return "/socket.io"
	}
	if path[0] != '/' || path == "/" || strings.ContainsAny(path, special) {
		panic("socketio: " + pkg + ".Config.Path " + path + ": use one path that begins with a slash; parameters belong into the group")
	}
	return strings.TrimSuffix(path, "/")
}

// Below reports whether path is prefix or below it; a slash at the prefix's end
// does not matter.
func Below(prefix, path string) bool {
	rest, ok := strings.CutPrefix(path, strings.TrimSuffix(prefix, "/"))
	return ok && (rest == "" || rest[0] == '/')
}

// Param is the key of a URL parameter among the values of a handshake. As a type
// of its own it cannot be the key of anything that middleware stores.
type Param string

// Of returns the value that the parameter had in the socket's handshake, or an
// empty string.
func (p Param) Of(s *socketio.Socket) string {
	v, _ := s.Handshake().Value(p).(string)
	return v
}
