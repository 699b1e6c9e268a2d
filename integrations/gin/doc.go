// Package siogin mounts a Socket.IO server in a Gin application:
//
//	srv := socketio.NewServer(nil)
//	r := gin.Default()
//	siogin.Mount(r, srv)
//
// What middleware stores with c.Set and the parameters of the group's path are
// copied in the handshake; [Get] and [Param] read them from the socket for as
// long as it lives. Values must not themselves hold on to the *gin.Context or
// its writer, which Gin reuses; a session of gin-contrib/sessions does, and is
// left out. Values of the request's own context are kept if
// socketio.Options.ContextKeys names their keys. The client's address is
// c.ClientIP(): engine.SetTrustedProxies applies.
//
// Middleware runs for every poll and POST, not only for the handshake:
// [IsHandshake] tells them apart. Behind gin-contrib/cors list the same origins
// in socketio.Options.CORS: the server itself refuses other pages, also on
// WebSockets, which CORS does not cover. http.Server.WriteTimeout and timeouts
// of the request's context are fine; what replaces the writer by one without
// Hijack leaves clients on polling, and the log says which writer it was.
// gin-contrib/timeout answers 408 to a poll that waits longer, and clients that
// poll then connect anew, over and over: mount on a group without it.
//
// Package graceful serves an http.Server until a signal, and ends both in order. By
// hand, call srv.Shutdown before http.Server.Shutdown, which would wait for polls.
package siogin
