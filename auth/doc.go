// Package auth lets only clients with a valid token into a namespace. A socket ends
// when its token expires or is revoked; with a fresh token it may stay.
//
//	type Claims struct {
//		jwt.RegisteredClaims
//		Roles []string `json:"roles"`
//	}
//
//	guard := auth.JWT(auth.Config[Claims]{Keys: auth.Secret(secret), Algorithms: []string{"HS256"}})
//	srv.Use(guard)
//	srv.On("whoami", func(s *socketio.Socket) string {
//		id, _ := auth.From[Claims](s)
//		return id.Subject
//	})
//
// # The handshake
//
// A token is looked for in the auth payload of the namespace and then in the
// Authorization header; other places are asked only if Config.Sources says so.
// It is verified before the socket joins anything and before any of its events
// is handled. A client that is refused gets connect_error with err.data of type
// [Error], and decides by the code: for token_expired it gets a fresh token, for
// auth_unavailable it tries again later, for most others the user logs in. Details
// of a refusal are only logged, in fixed words: no part of a token ever reaches a log
// line or a client.
//
// A guard protects the namespaces that use it, and no others: a guard of "/" does not
// protect "/admin".
//
// # The life after
//
// At the expiry of the token, leeway and grace added, no further event is
// handled and the socket ends as Config.OnExpire says. By default the
// connection is closed, so that the stock client reconnects by itself and runs
// its auth function for a fresh token:
//
//	io({ auth: async (cb) => cb({ token: await freshToken() }) })
//
// When other namespaces share the connection and are not under the same
// guard, only this one is left, after Config.EndedEvent. With
// Config.RefreshEvent a client sends a fresh token ahead of time and stays.
// Revocations, from Config.Watch, and policies that no longer agree, found by
// Config.Recheck, end a socket in the same way.
//
// Connection state recovery never skips any of this: middleware runs for every
// connection to a namespace.
//
// # Goroutines and locks
//
// A guarded socket has one timer while its token has an expiry, or with
// Config.Recheck, and no goroutine. The timer stops when the socket is
// disconnected. Checks run 16 at a time for each guard. The context of a check
// ends after 10 s, and with the socket. A check that has not returned a second
// later gives its place to the next one, and is logged. Its goroutine stays until
// the check returns, and the socket is not checked again before that. While 256
// checks of a guard are so left, no check begins: sockets then end at their expiry
// and by revocations only.
//
// The lock of a socket's lease is taken before the lock of the index of live
// sockets. Neither lock is held while the application's code runs: functions of
// Config, policies, a [Verifier] and a [Watch].
package auth
