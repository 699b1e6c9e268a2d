// Package siotest tests applications that use package socketio: an in-memory
// network and a client at the level of events, without ports.
//
//	func TestChat(t *testing.T) {
//		alice := siotest.Dial(t, app, siotest.Options{Auth: token{"alice"}})
//		bob := siotest.Dial(t, app, siotest.Options{Auth: token{"bob"}})
//		alice.Emit("message", "hello")
//		var text string
//		bob.Expect("message", &text)
//	}
//
// The handler that is dialled is the server, or the router that it is mounted
// in with all middleware in front of it; for Fiber, whose app is no handler,
// there is Options.Dial. [HTTP] reaches the application's other routes. What
// should not connect is the business of [Refused] (a namespace says no) and
// [Rejected] (the HTTP handshake fails).
//
// Everything that a client starts ends with its test, and works in virtual time
// within testing/synctest, where hours of heartbeats take no time and "nothing
// more happens" can be said; the server then has to be made, and closed, inside
// the bubble, too:
//
//	synctest.Test(t, func(t *testing.T) {
//		srv := newApp()
//		t.Cleanup(srv.Close)
//		alice := siotest.Dial(t, srv, siotest.Options{})
//		bob := siotest.Dial(t, srv, siotest.Options{Transport: "polling"})
//		alice.Emit("whisper", "to nobody")
//		bob.ExpectIdle()
//		alice.Stall(true) // a cable is pulled
//		time.Sleep(time.Minute)
//		bob.Expect("left")
//	})
//
// What the inspector has recorded of a socket or a room, [Replay] sends again.
//
// What goes wrong fails the test. Methods that wait do so for Options.Timeout
// and call t.Fatal, so they belong to the goroutine of the test. [Client.Emit],
// [Client.EmitWithAck] and [Message.Ack] may be called by any goroutine.
//
// [Conn] is for tests of what no client does: it sends packets as they are.
package siotest
