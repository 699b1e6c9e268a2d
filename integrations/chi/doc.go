// Package siochi mounts a Socket.IO server in a Chi application:
//
//	srv := socketio.NewServer(nil)
//	r := chi.NewRouter()
//	siochi.Mount(r, srv)
//
// r.Mount("/socket.io", srv) works, too: the server is an http.Handler. What
// this package adds is that the URL parameters of the route are copied in the
// handshake, for [Param], and the client's address as middleware.ClientIPFrom…
// or middleware.RealIP found it. Values of the request's context, such as
// middleware.RequestIDKey, are kept if socketio.Options.ContextKeys names their
// keys; [Get] reads them.
//
// Middleware runs for every poll and POST, not only for the handshake:
// [IsHandshake] tells them apart. Of Chi's own:
//
//   - RedirectSlashes redirects POSTs and WebSockets, which clients do not
//     follow: use StripSlashes.
//   - AllowContentType refuses the client's POSTs, which are text/plain: list
//     that, too, or mount outside of it.
//   - Compress, Throttle and all others that wrap the writer are fine for
//     WebSockets.
//   - Timeout is fine: a poll is answered before its time is up.
//   - Throttle counts a waiting poll as a busy slot, but no WebSocket: mount
//     outside of it, or give it a slot per polling client.
//   - RequestSize: at least Limits.MaxHTTPBufferSize, or big POSTs end sessions.
//   - URLFormat cuts ".io" off a path that does not end with a slash, so that
//     clients with addTrailingSlash: false get a 404.
//   - go-chi/cors: list the same origins in socketio.Options.CORS, which the
//     server also checks on WebSockets.
//
// http.CrossOriginProtection refuses POSTs of pages of other origins, whatever
// socketio.Options.CORS says: AddTrustedOrigin with the same ones, or
// AddInsecureBypassPattern with the path, as the server checks the Origin of
// every request itself.
//
// http.TimeoutHandler replaces the writer by one that cannot be hijacked:
// clients stay on polling, and the log says so.
//
// Package graceful serves an http.Server until a signal, and ends both in order. By
// hand, call srv.Shutdown before http.Server.Shutdown, which would wait for polls.
package siochi
