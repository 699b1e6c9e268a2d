// Package clusterwire has the messages that the servers and emitters of a
// cluster send to each other over Redis, as the official packages send them:
//
//   - classic: @socket.io/redis-adapter 8.3 and @socket.io/redis-emitter 5.1, by
//     PUBLISH: [Message.ClassicBroadcast], [Message.ClassicRequest] and
//     [Message.ClassicResponse];
//   - envelopes, which sharded pub/sub and the ephemeral messages of streams have
//     in common: [Message.Sharded], [Message.Ephemeral] and [DecodeEnvelope];
//   - entries of streams, of @socket.io/redis-streams-adapter 0.3 and
//     @socket.io/redis-streams-emitter 0.1: [Message.Entry];
//   - what only our own servers say to each other: [Peer].
//
// It is pure: bytes in, values out; no goroutine, clock or logger. Decoders never
// panic and never trust a length; what they return holds no part of the input.
// Absent members and null are the same to them, since the encoders of the official
// packages disagree about undefined. Room names that are numbers become their
// decimal text. Bytes, typed arrays and times are what package msgjson makes of
// them.
package clusterwire
