// Package session lets in clients that have a session of the web application, by the
// same cookie and from the same store. The session is loaded in the handshake, before
// the socket joins its namespace, and checked regularly from then on. A logout ends
// the session's live sockets on every node.
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
// A socket ends when its session is logged out, or when a check finds that the
// session is gone, has expired, belongs to another user or is refused by
// Config.Require. At a logout the client gets Config.EndedEvent first. The connection
// is closed, so that the stock client reconnects by itself with the cookie it has
// then: after a login or a renewal it is let in, after a logout it gets connect_error
// with err.data.code "session_missing" or "session_ended". When other namespaces
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
// A socket has one timer and no goroutine. For each Sessions 16 checks run at a
// time, and beside them 256 checks of sessions whose expiry has come. The context
// of a check ends after 10 s, and with the socket. A check that has not returned a
// second later gives its place to the next one, and is logged. Its goroutine stays
// until the check returns, and the socket is not checked again before that. While
// 256 checks are so left, no check begins. A socket whose session has expired ends
// if there is no result of a check 10 s later, and at once if no check begins.
//
// Locks are taken in this order: a socket's lease, its life, the index of live
// sockets. None is held while the application's code runs: functions of Config, a
// [Provider] and a [Bus]. Writers of one session wait for their turn, as long as
// their contexts allow.
package session
