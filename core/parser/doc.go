// Package parser encodes and decodes Socket.IO v5 packets, and the Go values in
// them.
//
// It is a pure codec: bytes in, values out. It starts no goroutine, reads no
// clock and writes no log. Functions may be called concurrently; a [Decoder]
// belongs to one connection, and only one of its methods may run at a time. No
// input makes it panic or recurse beyond a bound, and no error text quotes the
// input.
//
// # Decoding
//
// A [Decoder] takes the messages of a connection and gives packets:
//
//	<type>[<attachments>-][<namespace>,][<id>][<JSON>]
//
// What it returns is valid as a whole: the JSON, its depth, its shape for the
// type, the event's name, and each placeholder of an attachment. It is stricter
// than the reference implementation where that one is lax: counts and ids are
// plain digits, an event has a payload, and a placeholder's num is an index that
// exists (0.0, too: some clients know no integers), and each attachment is named. Each
// rule is a line of testdata/reject.txt.
//
// Data and arguments alias the message, and are good as long as it is, except
// in packets with attachments, which own their memory. [Packet.AppendArgs] finds
// the arguments without decoding them; [Unmarshal] decodes one.
//
// # Encoding
//
// [AppendEvent] and [AppendAck] encode Go values, [Packet.Append] the other
// packets. Namespaces are written as they are given; they must start with a
// slash and contain no comma.
//
// # Bytes
//
// Exactly []byte, at any depth, travels as an attachment. Named byte slices,
// json.RawMessage and types that encode themselves are JSON. A packet of a
// plain type that contains something like a placeholder keeps it as data. Together
// with attachments the peer would take it for a reference to them: that is
// [ErrLookalike].
//
// All else follows encoding/json: fields match without regard to case, the last
// of repeated keys wins, half of a surrogate pair becomes U+FFFD, and numbers
// decode into any as float64. Nothing of HTML is escaped.
//
// See https://github.com/socketio/socket.io-protocol.
package parser
