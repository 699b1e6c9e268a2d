// Package hostile attacks whole servers, each framework's among them, over real
// sockets: what a client can do wrong, one by one (TestCatalogue, TestAdvisories), and
// in any mixture (TestGenerated). All the while twenty other clients are served, and
// afterwards nothing may be left: no session, room, goroutine, file descriptor or
// memory. The tests need the build tag e2e; see `make hostile`.
package hostile
