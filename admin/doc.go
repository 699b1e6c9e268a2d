// Package admin lets the official Admin UI of Socket.IO (npm package
// @socket.io/admin-ui) look into a server: what [Instrument] adds speaks the protocol
// of version 0.5.1.
//
//	admin.Instrument(srv, admin.Options{
//		Users: map[string]string{"ops": "$2a$12$…"}, // a bcrypt hash
//	})
//
// In [ModeProduction], the default, every server of a cluster broadcasts its numbers in
// the namespace of the UI every two seconds. In [ModeDevelopment] it also pushes each
// socket, room and event, which is for some hundreds of sockets: the UI keeps all of them.
//
// # What the UI gets to see
//
// Never: auth payloads, cookies, authorization headers, Engine.IO session ids, and
// sockets of clients of Socket.IO 2.x, whose ids are such. In development mode it sees
// of a handshake the address, the path, and those headers and query parameters that
// cannot be secrets, by a list ([Options.Show] adds names; the others are there without
// their values); of sockets the id, the rooms and the values of shared keys; of events
// the names and the arguments. In values and arguments members whose names say that they
// are secret are replaced ([Secret], [Options.Redact]).
package admin
