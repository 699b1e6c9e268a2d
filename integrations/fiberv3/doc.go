// Package siofiber mounts a Socket.IO server in a Fiber v3 application:
//
//	srv := socketio.NewServer(nil)
//	app := fiber.New()
//	siofiber.Mount(app, srv)
//	log.Fatal(siofiber.Listen(app, ":3000"))
//
// It is a module of its own, so that nobody else needs Fiber v3. For Fiber v2
// there is integrations/fiber, with the same names.
//
// What middleware stores with c.Locals and the parameters of the group's path
// are copied in the handshake; [Get] and [Param] read them from the socket for
// as long as it lives, and so do functions like requestid.FromContext and
// keyauth.TokenFromContext from s.Handshake().Request().Context(). Strings and
// []byte are copied as such; what is inside a pointer or a struct must not refer
// to Fiber's buffers (c.Get, c.Query and their like do: copy it with
// utils.CopyString). Sessions are not kept, for Fiber reuses them: store what is
// needed with c.Locals. Values of c.Context() are kept if socketio.Options.ContextKeys
// names their keys. The client's address is c.IP(): ProxyHeader, TrustProxy and
// TrustProxyConfig apply.
//
// Fiber runs on fasthttp, not on net/http. This package translates by itself:
// Fiber's own adaptor, which also serves an http.Handler that is registered as a
// route, runs a goroutine and a pipe per request. Limits that come with fasthttp:
//
//   - ListenConfig.EnablePrefork starts processes that share the port. A polling
//     session then meets strangers: polling is refused, and the log says what to do.
//   - fiber.Config.BodyLimit, 4 MB by default, must be at least
//     Limits.MaxHTTPBufferSize.
//   - fiber.Config.ReadBufferSize, 4 KB by default, bounds URL and header before
//     Limits.Handshake does: cookies and tokens often need more.
//   - Limits.BodyTimeout cannot bound what is read before the handlers run: set
//     fiber.Config.ReadTimeout, to 20 s say, or a client holds its connection for
//     as long as it likes. Set IdleTimeout, too, which is the same otherwise.
//     They concern neither polls nor WebSockets. With StreamRequestBody the first
//     8 KB of a body that has a Content-Length are still read before.
//   - WebSockets do not count in fiber.Config.Concurrency.
//   - Out of file descriptors, fasthttp stops to listen and app.Listen returns.
//     [Listen] and [Listener] wait until there are some again, as net/http does.
//   - A client that vanishes during a poll is found after about 2 s; after the
//     ping timeout on systems that are no Unix.
//   - The status in logs is 101 for every WebSocket request, also for one that
//     is refused later: Options.OnRefused hears of those.
//
// Middleware runs for every poll and POST, not only for the handshake:
// [IsHandshake] tells them apart. Of Fiber's own:
//
//   - cache is fine: it heeds the no-store of the server's answers, as that of
//     v2 does not.
//   - csrf refuses the client's POSTs, which carry no token: mount before it, or
//     set its Next to siofiber.Skip("/socket.io"). The server checks the Origin
//     of every request itself.
//   - timeout.New is fine: a poll is answered before it ends.
//   - limiter counts every poll.
//   - cors: list the same origins in socketio.Options.CORS.
//   - recover sees no panic of the server's options (AllowRequest, Pin, …): the
//     mount logs those itself and answers 500, with recover and without, as a
//     panic would end the process on fasthttp. After runtime.Goexit there it
//     closes the connection. Handlers of events the server guards in any case.
//
// Package graceful serves the app until a signal, and ends sockets and app in order:
// see its AppFunc. By hand, call srv.Shutdown before the app's, which would wait for
// polls and leave WebSockets open; with ListenConfig.GracefulContext, end that
// context after srv.Shutdown, or call it in app.Hooks().OnPreShutdown.
package siofiber
