// Package contrib holds no code: its tests put the session middlewares of
// gin-contrib and echo-contrib in front of package session/gorilla. It is a
// module of its own, so that their dependencies are nobody else's.
//
//	conformance/contrib/run
package contrib
