package sioredis

import "strings"

// slotCount is how many slots a Redis Cluster has.
const slotCount = 16384

// slot is that of a channel: the CRC16 of its name or, if there is text in braces, of the
// first such text.
// See https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/.
func slot(channel string) int {
	if _, rest, ok := strings.Cut(channel, "{"); ok {
		if tag, _, ok := strings.Cut(rest, "}"); ok && tag != "" {
			channel = tag
		}
	}
	var crc uint16
	for i := range len(channel) {
		crc = crc<<8 ^ crcTable[byte(crc>>8)^channel[i]]
	}
	return int(crc) % slotCount
}

// crcTable is of CRC16-CCITT, as XMODEM has it.
var crcTable = func() (table [256]uint16) {
	for i := range table {
		crc := uint16(i) << 8
		for range 8 {
			high := crc&0x8000 != 0
			if crc <<= 1; high {
				crc ^= 0x1021
			}
		}
		table[i] = crc
	}
	return table
}()
