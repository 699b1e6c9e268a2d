// Package inspector shows what happens in a server, on a page of its own: the servers of
// the cluster with the last hour of their numbers, sockets, rooms, and what can be done
// to them.
//
//	mux.Handle("/inspect/", inspector.New(srv, inspector.Options{
//		Users: map[string]string{"ops": "$2a$12$…"}, // a bcrypt hash
//	}))
//
// The page asks, and nothing is pushed: search, filters and paging run on the servers,
// which answer with a bounded number of rows. All servers of a cluster answer together if
// New was called on each, with the same options.
//
// # Who may see it
//
// One of [Options.Users], [Options.Allow] and [Options.Guard] must be set. What they say
// holds for the page's connection; a page of another origin gets none.
//
// # What it gets to see
//
// Never: auth payloads, cookies, authorization headers, Engine.IO session ids, and
// sockets of clients of Socket.IO 2.x, whose ids are such. Of a handshake it sees the
// address, the path, and those headers and query parameters that cannot be secrets, by a
// list ([Options.Show] adds names); of sockets the id, the rooms, the identity and the
// values of shared keys, in which members are replaced whose names say that they are
// secret ([Options.Redact]). So are they in the arguments of events; and so are all
// arguments of an event with such a name, JSON Web Tokens, and what follows "Bearer".
// Anything else that a client sends as a bare string is shown.
//
// What a socket or the sockets of a room send and get can be recorded to a file, without
// the same secrets unless [Options.RecordSecrets] is set: two recordings of a server at a
// time, of five minutes, 4 MB and 100 sockets at most. siotest.Replay sends it again.
//
// # What it costs
//
// The newest 5,000 steps of connections are kept: opened, upgraded, joined, recovered, left.
// That is less than a megabyte with names of the usual length. Of each outgoing event its
// recipients are listed, 1,000 at most, with what became of it for them, and when; 200
// events of a second, and some three and a half megabytes in all.
//
// Of contents nothing is kept, unless somebody looks at a tail: from the first question
// until ten seconds after the last one, 500 events a second of each tail, of eight tails,
// four of them of one viewer, six megabytes in all. A twentieth of one processor is taken at
// most to look at events, for all viewers together; answers pay for that, too.
//
// Every five seconds the inspector calls [socketio.Server.Stats], whose answers of an hour
// are kept (70 KB), and for each event an [socketio.Observer] counts errors and times: 500
// events by their names, with a kilobyte each. Answers for the page take a tenth of one
// processor and a mebibyte a second at most, whoever asks and however often: further
// questions wait, and beyond eight are refused.
package inspector
