// Package mounttest tests mounts: packages that put a Socket.IO server into
// applications of a web framework. It drives a server that is mounted in the real
// framework with raw requests, over polling, WebSocket and the upgrade between
// them, and checks what each mount has to do. It is for the authors of mounts; to
// test an application there is package siotest.
//
// [Front.Run] is the whole list, for a framework whose middleware it knows. [Run]
// is what needs no middleware, [Drive] the short form for one more application. A
// mount on another HTTP server than that of net/http has [Contained] or
// [ContainedNext], [HeaderKeptOnce], [OneWrite], [ForwardedFor] and, on Unix,
// OutOfDescriptors, too.
package mounttest
