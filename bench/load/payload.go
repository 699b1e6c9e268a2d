package load

import (
	"bytes"
	"errors"
	"strconv"
)

// Separator stands between the packets of a polling payload (Engine.IO v4,
// "HTTP long-polling").
const Separator = 0x1e

// ErrPayload says that a polling body is not a list of packets.
var ErrPayload = errors.New("load: empty packet in a polling payload")

// SplitPayload calls each for every packet of a polling body, in order.
func SplitPayload(body []byte, each func(packet []byte) error) error {
	for {
		packet, rest, more := bytes.Cut(body, []byte{Separator})
		if len(packet) == 0 {
			return ErrPayload
		}
		if err := each(packet); err != nil {
			return err
		}
		if !more {
			return nil
		}
		body = rest
	}
}

// Data is the argument of the n-th message of a connection: a number that
// shows loss and order, then filler up to dataSize bytes.
const dataSize = 32

const filler = "abcdefghijklmnopqrst"

// AppendData appends the quoted argument of message n.
func AppendData(dst []byte, n uint64) []byte {
	dst = append(dst, '"')
	var digits [dataSize - len(filler)]byte
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = byte('0' + n%10)
		n /= 10
	}
	dst = append(dst, digits[:]...)
	dst = append(dst, filler...)
	return append(dst, '"')
}

// AppendEvent appends an Engine.IO message with the Socket.IO event `event`
// and the data of message n, for the namespace "/".
func AppendEvent(dst []byte, event string, n uint64) []byte {
	dst = append(dst, `42["`...)
	dst = append(dst, event...)
	dst = append(dst, `",`...)
	dst = AppendData(dst, n)
	return append(dst, ']')
}

// AppendAckEvent is AppendEvent with n as acknowledgement id.
func AppendAckEvent(dst []byte, event string, n uint64) []byte {
	dst = append(dst, "42"...)
	dst = strconv.AppendUint(dst, n, 10)
	dst = append(dst, `["`...)
	dst = append(dst, event...)
	dst = append(dst, `",`...)
	dst = AppendData(dst, n)
	return append(dst, ']')
}

// AppendAck appends what the server must answer to AppendAckEvent.
func AppendAck(dst []byte, n uint64) []byte {
	dst = append(dst, "43"...)
	dst = strconv.AppendUint(dst, n, 10)
	dst = append(dst, '[')
	dst = AppendData(dst, n)
	return append(dst, ']')
}

// AppendCommand appends an event with two arguments: a JSON value and the data
// of message n (`bcast` and `flood`).
func AppendCommand(dst []byte, event, value string, n uint64) []byte {
	dst = append(dst, `42["`...)
	dst = append(dst, event...)
	dst = append(dst, `",`...)
	dst = append(dst, value...)
	dst = append(dst, ',')
	dst = AppendData(dst, n)
	return append(dst, ']')
}

// AppendJoin appends the event that joins a room, acknowledged under id.
func AppendJoin(dst []byte, id uint64, room string) []byte {
	dst = append(dst, "42"...)
	dst = strconv.AppendUint(dst, id, 10)
	dst = append(dst, `["join",`...)
	dst = strconv.AppendQuote(dst, room)
	return append(dst, ']')
}

// AppendJoined appends what the server must answer to AppendJoin.
func AppendJoined(dst []byte, id uint64) []byte {
	dst = append(dst, "43"...)
	dst = strconv.AppendUint(dst, id, 10)
	return append(dst, `["ok"]`...)
}
