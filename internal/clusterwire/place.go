package clusterwire

import (
	"strconv"
	"strings"
	"time"
)

// Place is what our own servers add to their entries of a stream, in a field that
// others do not read.
type Place struct {
	Number  uint64        // of the entry among those of its UID, from 1 on; 0: there is no Place
	Append  uint64        // what its server calls the operation; 0: nothing
	One     bool          // the target is one socket, and no room of that name
	Timeout time.Duration // of a request, in whole milliseconds: how long its server waits
}

// placeField is the name of the field.
const placeField = "gosio"

// String is the value of the field.
func (p Place) String() string {
	b := make([]byte, 0, 32)
	b = append(strconv.AppendUint(b, p.Number, 10), ' ')
	b = append(strconv.AppendUint(b, p.Append, 10), ' ')
	one := byte('0')
	if p.One {
		one = '1'
	}
	b = append(b, one, ' ')
	return string(strconv.AppendInt(b, p.Timeout.Milliseconds(), 10))
}

// ParsePlace is the opposite of [Place.String]. An empty text is no Place.
func ParsePlace(text string) (p Place, err error) {
	if text == "" {
		return p, nil
	}
	var word [4]string
	rest, more := text, true
	for i := range word {
		if !more {
			return p, ErrMessage
		}
		word[i], rest, more = strings.Cut(rest, " ")
	}
	number, err1 := strconv.ParseUint(word[0], 10, 64)
	name, err2 := strconv.ParseUint(word[1], 10, 64)
	timeout, err3 := strconv.ParseUint(word[3], 10, 40)
	if more || err1 != nil || err2 != nil || err3 != nil || number == 0 || word[2] != "0" && word[2] != "1" {
		return p, ErrMessage
	}
	return Place{number, name, word[2] == "1", time.Duration(timeout) * time.Millisecond}, nil
}

// The types of entries that only our own servers write: no numbers, so the official
// packages pass over them.
const (
	peerEntry  = "gosio-" // begins the type of a request
	gapEntry   = peerEntry + "gap"
	beginEntry = peerEntry + "begin"
)

// peerMessage reads an entry of our own servers. It is nil for another one.
func (e *Entry) peerMessage(limits *Limits) (*Message, error) {
	rest, ours := strings.CutPrefix(e.Type, peerEntry)
	if !ours {
		return nil, nil
	}
	m := &Message{UID: e.UID, Namespace: e.Namespace, FromPeer: true}
	switch e.Type {
	case gapEntry:
		m.Type = Gap
		return m, nil
	case beginEntry:
		m.Type = Begin
		return m, nil
	}
	plain := *e
	plain.Type = rest
	m, err := plain.Decode(limits)
	switch {
	case err != nil:
		return nil, err
	case m.FromPeer || m.RequestID == "" || m.Type != Broadcast && m.Type != Fetch && m.Type != ServerSide:
		return nil, ErrType
	}
	m.FromPeer = true
	return m, nil
}
