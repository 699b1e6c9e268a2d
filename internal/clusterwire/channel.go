package clusterwire

import (
	"strconv"
	"unicode/utf16"
)

// Channel is where broadcasts to a namespace are published, classic and sharded,
// and in streams what is not kept.
func Channel(prefix, namespace string) string { return prefix + "#" + namespace + "#" }

// SubChannel is that of one room of a namespace, or of one server of envelopes.
func SubChannel(prefix, namespace, name string) string {
	return Channel(prefix, namespace) + name + "#"
}

// RequestChannel is where classic requests are published.
func RequestChannel(prefix, namespace string) string { return prefix + "-request#" + namespace + "#" }

// ResponseChannel is where classic responses are published. With uid, which may be
// empty, only that server subscribes to it.
func ResponseChannel(prefix, namespace, uid string) string {
	channel := prefix + "-response#" + namespace + "#"
	if uid != "" {
		channel += uid + "#"
	}
	return channel
}

// PeerChannel is where our own servers tell each other of themselves.
func PeerChannel(prefix, namespace string) string { return prefix + "-peers#" + namespace + "#" }

// LooksPrivate reports whether a room may be a socket's own: nobody subscribes to
// its channel in the sharded mode "dynamic".
func LooksPrivate(room string) bool {
	n := 0 // characters as JavaScript counts them
	for _, r := range room {
		n += utf16.RuneLen(r)
	}
	return n == 20
}

// Stream is the name of the stream of a namespace, of count that there are. The
// official adapter writes to names that it does not read where the hash is
// negative; readers take a namespace from any stream, so this one is always right.
func Stream(name string, count int, namespace string) string {
	if count <= 1 {
		return name
	}
	var hash int32
	for _, c := range utf16.Encode([]rune(namespace)) {
		hash = hash*31 + int32(c)
	}
	i := int(hash) % count
	if i < 0 {
		i = -i
	}
	return name + "-" + strconv.Itoa(i)
}
