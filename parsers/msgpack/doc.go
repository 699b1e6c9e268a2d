// Package msgpack lets a server speak with clients that use
// socket.io-msgpack-parser, or the bundle socket.io.msgpack.min.js:
//
//	srv := socketio.NewServer(&socketio.Options{Parser: msgpack.Parser{}})
//
// All clients of the server have to. Nothing else changes: handlers get the
// same arguments, be it that attachments are part of the one message that a
// packet is. A client that sends text, or anything that is no such packet, is
// disconnected, with socketio.ReasonForcedClose.
//
// # What arrives
//
// A packet becomes JSON, as JSON.stringify would make it, with attachments, by
// these rules beside the obvious ones:
//
//   - bin, and ext 0, which is how Node's clients send ArrayBuffers and typed
//     arrays (with the whole buffer that they look into), is a []byte.
//   - undefined is null, and left out of objects.
//   - A Date is the text of its toISOString.
//   - NaN and infinities are null. Integers keep all their digits.
//   - What is not valid UTF-8 in a string becomes U+FFFD.
//   - The integer keys that some encoders write are strings; other keys than
//     these two are refused.
//   - Any other ext is [type, bytes], as for Node's servers.
//
// In browsers, a Uint8Array (any typed array, Blob or File) does not arrive as
// bytes: stock clients send it as the object {"0": 1, "1": 2}. There, emit an
// ArrayBuffer: array.buffer, or array.slice().buffer for a part.
//
// An object that looks like the placeholder of an attachment is data. If bytes
// come in the same packet, they arrive as strings of base64, which decode into
// []byte as well; so do those in a payload of CONNECT.
//
// # What is sent
//
// []byte is bin: a Buffer in Node, an ArrayBuffer in browsers. Times are what
// encoding/json makes of them: strings. Integers of more than 53 bits lose
// digits in JavaScript, as with any parser.
//
// See https://github.com/socketio/socket.io-msgpack-parser.
package msgpack
