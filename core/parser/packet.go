package parser

// Type is the type of a Socket.IO packet.
// See https://github.com/socketio/socket.io-protocol#packet-encoding.
type Type byte

// The packet types, with the protocol's names and numbers.
const (
	Connect Type = iota
	Disconnect
	Event
	Ack
	ConnectError
	BinaryEvent
	BinaryAck

	maxType = BinaryAck
)

var typeNames = [...]string{
	"connect", "disconnect", "event", "ack", "connect_error", "binary_event", "binary_ack",
}

// String returns the protocol's name of the type, or "unknown".
func (t Type) String() string {
	if t > maxType {
		return "unknown"
	}
	return typeNames[t]
}

// IsBinary tells whether packets of this type are followed by attachments.
func (t Type) IsBinary() bool { return t == BinaryEvent || t == BinaryAck }

// IsEvent tells whether the type is Event or BinaryEvent.
func (t Type) IsEvent() bool { return t == Event || t == BinaryEvent }

// IsAck tells whether the type is Ack or BinaryAck.
func (t Type) IsAck() bool { return t == Ack || t == BinaryAck }

// DefaultNamespace is the namespace of a packet that names none.
const DefaultNamespace = "/"

// Packet is one Socket.IO packet.
type Packet struct {
	// Type is the packet's type; the zero value is Connect.
	Type Type
	// Namespace is "/" or the name as it was sent, a query string included.
	// When encoding, empty means "/".
	Namespace string
	// ID is the acknowledgement id, from 0 to 2^53-1, when HasID is set.
	ID    uint64
	HasID bool
	// Data is the payload as raw JSON, or nil where there is none.
	Data []byte
	// Attachments are the bytes that the placeholders in Data stand for. Only
	// packets of the binary types have any.
	Attachments [][]byte
}

// EventName returns the first element of an event's payload: the decoded
// string, or the literal text of a number. It aliases Data unless the name has
// escapes. Only a decoded Event or BinaryEvent has a name; for others it is nil.
func (p *Packet) EventName() []byte {
	if !p.Type.IsEvent() {
		return nil
	}
	name, _ := unquote(p.rawName())
	return name
}

// Event is EventName as a string.
func (p *Packet) Event() string { return string(p.EventName()) }

// rawName returns the first element of Data as raw JSON, nil if there is none.
func (p *Packet) rawName() []byte {
	r := argReader{rest: arrayBody(p.Data)}
	raw, _ := r.next()
	return raw
}

// args reads the arguments of an event (without its name) or of an
// acknowledgement, in order. A packet without a payload has none.
func (p *Packet) args() argReader {
	r := argReader{rest: arrayBody(p.Data)}
	if p.Type.IsEvent() {
		r.next()
	}
	return r
}

// AppendArgs appends the arguments of an event (without its name) or of an
// acknowledgement to dst, as raw JSON without surrounding white space. The elements
// alias Data.
func (p *Packet) AppendArgs(dst [][]byte) [][]byte {
	r := p.args()
	for raw, ok := r.next(); ok; raw, ok = r.next() {
		dst = append(dst, raw)
	}
	return dst
}

// argReader iterates over the elements of a JSON array that has been validated
// by a Decoder. The zero value has none.
type argReader struct{ rest []byte }

// next returns the next argument as raw JSON, without surrounding white space,
// and false after the last. The bytes alias the packet's Data.
func (r *argReader) next() (raw []byte, ok bool) {
	i := skipSpace(r.rest, 0)
	if i >= len(r.rest) || r.rest[i] == ']' {
		r.rest = nil
		return nil, false
	}
	end := skipValue(r.rest, i)
	raw = r.rest[i:end:end]
	end = skipSpace(r.rest, end)
	if end < len(r.rest) { // a comma, or the closing bracket
		if r.rest[end] == ',' {
			end++
		}
		r.rest = r.rest[end:]
	} else {
		r.rest = nil
	}
	return raw, len(raw) > 0
}

// arrayBody returns what follows the opening bracket of an array.
func arrayBody(data []byte) []byte {
	if len(data) == 0 || data[0] != '[' {
		return nil
	}
	return data[1:]
}

// IsReserved tells whether an event name belongs to the protocol's own life
// cycle, so that neither side may send it.
func IsReserved(name string) bool {
	switch name {
	case "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener":
		return true
	}
	return false
}
