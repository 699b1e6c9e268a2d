// Package siofiber mounts a Socket.IO server in a Fiber (v2) application:
//
//	srv := socketio.NewServer(nil)
//	app := fiber.New()
//	siofiber.Mount(app, srv)
//	log.Fatal(siofiber.Listen(app, ":3000"))
//
// What middleware stores with c.Locals and the parameters of the group's path
// are copied in the handshake; [Get] and [Param] read them from the socket for
// as long as it lives. Strings and []byte are copied as such; what is inside a
// pointer or a struct must not refer to Fiber's buffers (c.Get, c.Query and
// their like do: copy it with utils.CopyString). Values of c.UserContext() are
// kept if socketio.Options.ContextKeys names their keys. The client's address
// is c.IP(): ProxyHeader and TrustedProxies apply.
//
// Fiber runs on fasthttp, not on net/http. This package translates by itself:
// Fiber's own adaptor runs a goroutine and a pipe per request. Limits that come with fasthttp:
//
//   - Prefork starts processes that share the port. A polling session then
//     meets strangers: polling is refused, and the log says what to do.
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
//   - cache keeps answers by path: one client would get another's packets.
//     Mount before it, or set its Next to siofiber.Skip("/socket.io").
//   - csrf refuses the client's POSTs, which carry no token: the same. The
//     server checks the Origin of every request itself.
//   - timeout.New abandons handlers that still run: do not wrap the path.
//     timeout.NewWithContext is fine.
//   - limiter counts every poll.
//   - cors: list the same origins in socketio.Options.CORS.
//   - recover sees no panic of the server's options (AllowRequest, Pin, …): the
//     mount logs those itself and answers 500, with recover and without, as a
//     panic would end the process on fasthttp. After runtime.Goexit there it
//     closes the connection. Handlers of events the server guards in any case.
//
// Package graceful serves the app until a signal, and ends sockets and app in order:
// see its AppFunc. By hand, call srv.Shutdown before the app's, which would wait for
// polls and leave WebSockets open.
package siofiber
