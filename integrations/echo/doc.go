// Package sioecho mounts a Socket.IO server in an Echo (v4) application:
//
//	srv := socketio.NewServer(nil)
//	e := echo.New()
//	sioecho.Mount(e, srv)
//
// What middleware stores with c.Set under Config.ContextKeys and the
// parameters of the group's path are copied in the handshake; [Get] and
// [Param] read them from the socket for as long as it lives. Values must not
// themselves hold on to the echo.Context, which Echo reuses. Values of the
// request's own context are kept if socketio.Options.ContextKeys names their
// keys. The client's address is c.RealIP(): that of the connection, unless
// echo.IPExtractor names the header that the app's own proxies set.
//
// Middleware runs for every poll and POST, not only for the handshake:
// [IsHandshake] tells them apart. Of Echo's own:
//
//   - CSRF refuses the client's POSTs, which carry no token: skip the path.
//     The server checks the Origin of every request itself.
//   - CORS: list the same origins in socketio.Options.CORS.
//   - BodyLimit: at least Limits.MaxHTTPBufferSize, or big POSTs end sessions.
//   - RateLimiter counts every poll: skip the path, or what is no handshake.
//   - ContextTimeout is fine. Timeout replaces the writer by one that cannot be
//     hijacked: clients stay on polling, and the log says so.
//   - Pre(AddTrailingSlash) and Pre(RemoveTrailingSlash) are fine unless they
//     redirect.
//
// Package graceful serves an http.Server with e as its Handler until a signal, and
// ends both in order. By hand, call srv.Shutdown before e.Shutdown, which would wait
// for polls.
package sioecho
