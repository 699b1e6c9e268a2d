package adapter

import "strconv"

// GapType says which way what is lost was going.
type GapType uint8

// The types of gaps.
const (
	// GapIncoming: operations of other servers have not arrived here.
	GapIncoming GapType = iota + 1
	// GapOutgoing: operations of this server have not arrived at other servers.
	// Their adapters report a GapIncoming when they learn of it: an adapter tells
	// them as soon as it can.
	GapOutgoing
)

// String is "incoming" or "outgoing".
func (t GapType) String() string {
	switch t {
	case GapIncoming:
		return "incoming"
	case GapOutgoing:
		return "outgoing"
	}
	return "GapType(" + strconv.Itoa(int(t)) + ")"
}

// Gap says that operations are lost, or may be: the connection to the engine was
// down, a queue was full, a message could not be read. One gap stands for all that is
// lost in one outage. See [Local.Gap].
type Gap struct {
	Type GapType
	// Operations is how many are lost; zero when the adapter cannot know.
	Operations int
	// Err is why.
	Err error
}
