// Package session lets clients in that have a session of the web application
// around: by the same cookie, in the same store. The session is loaded in the
// handshake, before the join, and watched from then on: whoever logs out loses
// live sockets, too, on every node.
//
//	sessions := session.New(sessionscs.New(manager), session.Config{
//		User: func(v *session.Session) string { return v.String("userID") },
//	})
//	srv.Use(sessions)
//	srv.On("cart", func(s *socketio.Socket) int { n, _ := session.Value[int](s, "items"); return n })
//
// and where the application logs a user out:
//
//	err := sessions.Logout(r.Context(), manager.Token(r.Context()))
//
// # What a socket can do with a session
//
// It reads a snapshot, taken in the handshake and renewed by every check. It
// writes with [Sessions.Update], which loads, changes and saves at that moment:
// what HTTP requests have written meanwhile is not overwritten by what was
// loaded in the handshake. Nothing is ever written when a socket closes, so a
// session that was logged out does not come back to life. Cookies are set by
// HTTP responses only: log in, renew and log out there.
//
// # The end
//
// A socket ends when its session is logged out, is found gone, expired or
// somebody else's by a check, or is refused by Config.Require. A logout is told
// first, by Config.EndedEvent. The connection is closed, so that the
// stock client reconnects by itself with the cookie it has then: after a login
// or a renewal it is in again, after a logout it gets connect_error with
// err.data.code "session_missing" or "session_ended". When other namespaces
// share the connection and are not under the same [Sessions], only this one is
// left, after Config.EndedEvent.
//
// # Security
//
// The cookie is sent by browsers whatever page makes the request, so what keeps
// other sites out is the check of Origin that package socketio does on every
// request. Using Sessions together with CORS.Origins "*" panics.
//
// # Goroutines and locks
//
// A socket has one timer and no goroutine. Checks run 16 at a time for each
// Sessions, and at once for a session whose expiry has come; a check is bounded by
// 10 s and by the socket's end. The lock of a socket's lease is taken before its
// life's, and that before the index of live sockets; none is held while a provider
// or a bus runs. Writers of one session wait for their turn, as long as their
// contexts allow.
package session
