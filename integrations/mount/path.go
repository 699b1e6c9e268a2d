package mount

import "strings"

// First returns the first of the configs, which are one or none: the zero value
// has the defaults.
func First[C any](configs []C) (c C) {
	if len(configs) > 0 {
		c = configs[0]
	}
	return c
}

// Path returns the path at which to register the server, without a slash at its
// end: path, which is Config.Path, or by default "/socket.io". It panics, in the
// name of the package pkg, if path is "/", does not begin with a slash, or has one
// of the characters in special, which mean something to the router: ":*".
//
// Register the path, the path with a slash at its end, and everything below it,
// for all methods, with nothing redirected: clients do not follow redirects.
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
// does not matter. It is what a mount's Skip answers.
func Below(prefix, path string) bool {
	rest, ok := strings.CutPrefix(path, strings.TrimSuffix(prefix, "/"))
	return ok && (rest == "" || rest[0] == '/')
}
