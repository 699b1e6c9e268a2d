// Package parser encodes and decodes Engine.IO v4 packets, polling payloads
// and the handshake.
//
// It is a pure codec: bytes in, values out. It holds no state, starts no
// goroutine, reads no clock, and every function may be called concurrently.
// No input makes it panic, and no error text quotes the input.
//
// A packet has two forms on the wire:
//
//   - text: the type digit and the data ([Decode], [Packet.Append]). A binary
//     message in text form is the letter b and base64; that is how polling, and
//     clients that force base64 on a WebSocket, carry bytes.
//   - binary: a WebSocket binary frame is always the data of a message, without
//     any prefix. There is nothing to encode or decode, so nothing here does.
//
// A polling payload is one or more text packets joined by [Separator], read
// with [Packets].
//
// The package does not check that text is valid UTF-8. The engine does, once
// for a whole body or frame.
//
// See https://github.com/socketio/engine.io-protocol.
package parser
