// Package mount is for those who write a mount: a package that puts a Socket.IO
// server into applications of a web framework. The server is an http.Handler; what
// a mount adds is that its routes answer with and without a slash at the end, that
// the client's address is what the framework takes for it, and that the socket
// knows what middleware has found out and the parameters of the URL.
//
// [Serve] carries a request and its [Upstream] to the server. [Path], [First] and
// [Server] check what the application says; [Get], [Param] and [Below] are behind
// the functions that a mount exports. docs/mounts.md shows a whole one, and package
// mounttest has its tests.
package mount
