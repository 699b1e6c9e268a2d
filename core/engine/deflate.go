package engine

// PerMessageDeflate is the compression of WebSocket messages, RFC 7692. Its
// zero value is permessage-deflate with the defaults.
//
// Without context takeover, the default, a connection keeps nothing between
// two messages, and a message for many clients is compressed once for all of
// them. With it a connection refers to what it has sent before: messages get
// smaller, but each keeps 32 KB in memory per direction, and everything is
// compressed for each client again.
//
// The length of a compressed message tells about its content: do not compress
// messages that mix secrets with text that somebody else chooses (see
// [Message.Compress]).
type PerMessageDeflate struct {
	// Threshold is the smallest size, in bytes, of a message that is compressed.
	// Default 1,024; negative: all messages are compressed.
	Threshold int
	// Level is the level of package compress/flate, 1 (fastest) to 9. Default 1: the
	// other levels take several times as long, and save a few per cent more.
	Level int
	// ServerContextTakeover lets this side refer to earlier messages, if the
	// client does not ask for server_no_context_takeover. Default: never.
	ServerContextTakeover bool
	// ClientContextTakeover lets clients do so. Default: they are told not to,
	// by client_no_context_takeover.
	ClientContextTakeover bool
}
