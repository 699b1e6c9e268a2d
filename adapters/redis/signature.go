package sioredis

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
)

// signer signs what this server publishes, and tells what others with the same key have
// published. A nil one signs nothing and believes all.
type signer struct{ keys [][]byte }

// shortestKey is how many bytes a key has at least.
const shortestKey = 16

// newSigner returns nil without keys. It panics for a key that could be guessed.
func newSigner(keys [][]byte) *signer {
	if len(keys) == 0 {
		return nil
	}
	s := new(signer)
	for i, key := range keys {
		if len(key) < shortestKey {
			panic(fmt.Sprintf("socketio: sioredis.Options.Keys: key %d has %d bytes: take %d or more from crypto/rand, the same on all servers", i, len(key), shortestKey))
		}
		s.keys = append(s.keys, slices.Clone(key))
	}
	return s
}

// sum is what a key makes of a message on a channel: so a message is no message on
// another one.
func sum(key []byte, channel, payload string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(channel)))) //nolint:gosec // so that the channel's end is certain
	h.Write([]byte(channel))
	h.Write([]byte(payload))
	return h.Sum(nil)
}

// sign puts a signature of the first key in front of a message.
func (s *signer) sign(channel, payload string) string {
	if s == nil {
		return payload
	}
	return string(sum(s.keys[0], channel, payload)) + payload
}

// check takes the signature off, and reports whether one of the keys has made it.
func (s *signer) check(channel, message string) (payload string, ok bool) {
	if s == nil {
		return message, true
	}
	if len(message) < sha256.Size {
		return "", false
	}
	mac, payload := []byte(message[:sha256.Size]), message[sha256.Size:]
	return payload, slices.ContainsFunc(s.keys, func(key []byte) bool { return hmac.Equal(mac, sum(key, channel, payload)) })
}
