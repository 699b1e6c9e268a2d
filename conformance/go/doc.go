// Package clients tries the leading Socket.IO client in Go, zishang520's,
// against the server of CONTRACT.md. It is a module of its own, so that what
// the client needs is nobody else's.
package clients
