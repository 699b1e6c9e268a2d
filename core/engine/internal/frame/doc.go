// Package frame reads and writes the WebSocket frames of one connection,
// server side (RFC 6455 sections 5, 7.4 and 8.1).
//
// It starts where the opening handshake ends and is pure: no goroutine, no
// clock, no I/O, and it never panics on what a peer sends. The caller owns the
// connection, lends [Reader.Feed] whatever bytes have arrived and writes what
// [AppendHeader], [PutHeader] and [AppendClose] produce.
//
// # Contract
//
//   - A [Reader] between two messages holds nothing: its zero value is ready,
//     and an idle connection costs 24 bytes here. Memory is held only while a
//     frame or a message is incomplete, and grows with the bytes received,
//     never with the length a frame declares.
//   - A frame that is whole in the fed bytes is unmasked in place and delivered
//     without a copy.
//   - The result does not depend on how the bytes were cut into Feed calls.
//   - Errors come as soon as the bytes allow: a length over the limit at the
//     frame header, invalid UTF-8 at the first impossible byte.
//   - Everything in this package is for one goroutine at a time; distinct
//     Readers are independent.
//
// The one extension is permessage-deflate (RFC 7692), for connections that have
// agreed on it: [Limits] then has an [Inflater], which takes memory only while
// it decompresses a message that is whole. All other reserved bits are protocol
// errors, and this one, too, where it was not agreed on.
package frame
