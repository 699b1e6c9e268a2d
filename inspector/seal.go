package inspector

import (
	"crypto/sha256"
	"encoding/binary"
)

// seal hides the checksums of events, by which servers know that they have delivered the same
// one: with the checksum of an event a viewer could try all values of a secret in it that has
// few digits. What a server has sealed, that server opens, and those with the same Options.Key.
type seal [sha256.Size]byte

// newSeal returns the seal of the key of a gate.
func newSeal(key []byte) seal { return sha256.Sum256(append([]byte("seal of checksums"), key...)) }

// The rounds of a Feistel network.
const sealRounds = 4

func (s *seal) shut(sum uint32) uint32 {
	left, right := uint16(sum>>16), uint16(sum&0xffff)
	for round := range sealRounds {
		left, right = right, left^s.mix(round, right)
	}
	return uint32(left)<<16 | uint32(right)
}

func (s *seal) open(sum uint32) uint32 {
	left, right := uint16(sum>>16), uint16(sum&0xffff)
	for round := range sealRounds {
		left, right = right^s.mix(sealRounds-1-round, left), left
	}
	return uint32(left)<<16 | uint32(right)
}

func (s *seal) mix(round int, half uint16) uint16 {
	sum := sha256.Sum256(append(s[:len(s):len(s)], byte(round), byte(half>>8), byte(half)))
	return binary.BigEndian.Uint16(sum[:])
}
