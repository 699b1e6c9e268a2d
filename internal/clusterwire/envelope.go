package clusterwire

import (
	"bytes"
	"encoding/base64"
	"strconv"

	"github.com/gosio/gosio/internal/msgjson"
)

// Sharded encodes the message for SPUBLISH: JSON, or MessagePack if it has
// attachments.
func (m *Message) Sharded() ([]byte, error) {
	return exact(m.AppendSharded)
}

// AppendSharded appends to dst what [Message.Sharded] returns. After an error it returns
// dst.
func (m *Message) AppendSharded(dst []byte) ([]byte, error) {
	if len(m.Packet.Attachments) > 0 {
		return m.AppendEphemeral(dst)
	}
	w := buffer{append(dst, '{')}
	if err := w.envelope(m); err != nil {
		return dst, err
	}
	return w.b, nil
}

// Ephemeral encodes the message as servers with streams publish what is not kept:
// always MessagePack.
func (m *Message) Ephemeral() ([]byte, error) {
	return exact(m.AppendEphemeral)
}

// AppendEphemeral appends to dst what [Message.Ephemeral] returns. After an error it
// returns dst.
func (m *Message) AppendEphemeral(dst []byte) ([]byte, error) {
	w := newBuffer()
	defer w.free()
	if err := w.envelope(m); err != nil {
		return dst, err
	}
	return appendMsgpack(dst, w.b, m.Packet.Attachments)
}

// envelope writes {type, data, uid, nsp}, and a member of our own where a server of ours
// asks: the official packages look at none that they do not know.
func (w *buffer) envelope(m *Message) error {
	w.int("type", int(m.Type))
	switch m.Type {
	case InitialHeartbeat, Heartbeat, Closed:
	default:
		w.open("data")
		if err := w.data(m); err != nil {
			return err
		}
		w.close()
	}
	w.fromPeer(m)
	w.str("uid", m.UID)
	w.str("nsp", m.Namespace)
	w.close()
	return nil
}

// data writes the members of data.
func (w *buffer) data(m *Message) error {
	switch m.Type {
	case Broadcast:
		w.open("packet")
		w.int("type", eventType)
		w.raw("data", m.Packet.Data)
		w.close()
		w.strUnlessEmpty("requestId", m.RequestID)
		w.target(&m.Target, true)
	case Join, Leave:
		w.target(&m.Target, true)
		w.strs("rooms", m.Rooms)
	case Disconnect:
		w.target(&m.Target, true)
		w.bool("close", m.Close)
	case Fetch:
		w.target(&m.Target, true)
		w.str("requestId", m.RequestID)
	case FetchResponse:
		w.str("requestId", m.RequestID)
		w.sockets(m.Sockets)
	case ServerSide:
		w.strUnlessEmpty("requestId", m.RequestID)
		w.raw("packet", m.Packet.Data)
	case ServerSideResponse, Ack:
		w.str("requestId", m.RequestID)
		w.raw("packet", first(&m.Packet))
	case ClientCount:
		w.str("requestId", m.RequestID)
		w.int("clientCount", m.Clients)
	default:
		return errEncode
	}
	return nil
}

// eventType is the packet type of all events, also of those with attachments.
const eventType = 2

// DecodeEnvelope decodes what [Message.Sharded] and [Message.Ephemeral] encode.
func DecodeEnvelope(src []byte, limits *Limits) (*Message, error) {
	t, err := read(src, limits)
	if err != nil {
		return nil, err
	}
	var m Message
	var data, peer []byte
	err = object(t.json, func(key, value []byte) (err error) {
		switch string(key) {
		case "type":
			err = m.readType(value)
		case "uid":
			m.UID, err = str(value)
		case "nsp":
			m.Namespace, err = str(value)
		case "data":
			data = value
		case peerMember:
			peer = value
		}
		return err
	})
	if err == nil && m.Type == FetchResponse && len(t.attachments) > 0 {
		if t, err = readBase64(src, t.limits); err != nil {
			return nil, err
		}
		err = object(t.json, func(key, value []byte) error {
			if string(key) == "data" {
				data = value
			}
			return nil
		})
	}
	if err == nil {
		err = m.readData(t, data)
	}
	if err == nil {
		err = m.readPeer(peer)
	}
	if err != nil {
		return nil, err
	}
	return &m, nil
}

func (m *Message) readType(raw []byte) error {
	n, err := integer(raw)
	if err != nil || n < int(InitialHeartbeat) || n > int(lastInEnvelope) {
		return ErrType
	}
	m.Type = Type(n)
	return nil
}

// readData reads what the type has to have. The order of members is the sender's.
func (m *Message) readData(t *text, raw []byte) error {
	switch m.Type {
	case 0:
		return ErrType
	case InitialHeartbeat, Heartbeat, Closed:
		return nil
	}
	var packet, opts []byte
	err := object(raw, func(key, value []byte) (err error) {
		switch string(key) {
		case "requestId":
			m.RequestID, err = str(value)
		case "packet":
			packet = value
		case "opts":
			opts = value
		default:
			err = m.readMember(t, key, value)
		}
		return err
	})
	if err != nil {
		return err
	}
	switch m.Type {
	case Broadcast, Join, Leave, Disconnect, Fetch:
		if err := t.target(opts, &m.Target); err != nil {
			return err
		}
	}
	return m.readPacket(t, packet)
}

// readMember reads a member of those that belong to some types only.
func (m *Message) readMember(t *text, key, value []byte) (err error) {
	switch string(key) {
	case "rooms":
		if m.Type == Join || m.Type == Leave {
			m.Rooms, err = t.names(value)
		}
	case "close":
		m.Close = m.Type == Disconnect && value[0] == 't'
	case "clientCount":
		if m.Type == ClientCount {
			m.Clients, err = integer(value)
		}
	case "sockets":
		if m.Type == FetchResponse {
			m.Sockets, err = t.sockets(value)
		}
	}
	return err
}

// readPacket reads the packet, and asks for what the type must have.
func (m *Message) readPacket(t *text, raw []byte) (err error) {
	switch m.Type {
	case Broadcast:
		_, err = t.packet(raw, &m.Packet)
	case ServerSide:
		err = t.event(raw, &m.Packet)
	case ServerSideResponse, Ack:
		err = t.answer(raw, &m.Packet)
	}
	switch m.Type {
	case Fetch, FetchResponse, ServerSideResponse, ClientCount, Ack:
		if m.RequestID == "" && err == nil {
			err = ErrMessage
		}
	}
	return err
}

// packet reads {type, data, nsp}.
func (t *text) packet(raw []byte, out *Packet) (namespace string, err error) {
	var data []byte
	event := false
	err = object(raw, func(key, value []byte) (err error) {
		switch string(key) {
		case "type":
			var n int
			n, err = integer(value)
			event = n == eventType
		case "data":
			data = value
		case "nsp":
			namespace, err = str(value)
		}
		return err
	})
	if err == nil && !event {
		err = ErrMessage
	}
	if err == nil {
		err = t.event(data, out)
	}
	return namespace, err
}

// Entry is one of a stream, by the names of its fields.
type Entry struct {
	UID, Namespace, Type, Data string
	Place                      Place // of our own servers
}

// Fields are names and values in the order of the official packages, for XADD.
func (e *Entry) Fields() []string { return e.AppendFields(nil) }

// AppendFields appends what Fields returns.
func (e *Entry) AppendFields(dst []string) []string {
	dst = append(dst, "uid", e.UID, "nsp", e.Namespace, "type", e.Type)
	if e.Data != "" {
		dst = append(dst, "data", e.Data)
	}
	if e.Place.Number > 0 {
		dst = append(dst, placeField, e.Place.String())
	}
	return dst
}

// ReadEntry takes the fields of an entry, in any order.
func ReadEntry(n int, field func(i int) (name, value string)) (e Entry, err error) {
	for i := range n {
		name, value := field(i)
		switch name {
		case "uid":
			e.UID = value
		case "nsp":
			e.Namespace = value
		case "type":
			e.Type = value
		case "data":
			e.Data = value
		case placeField:
			e.Place, err = ParsePlace(value)
		}
		if err != nil {
			return e, err
		}
	}
	return e, nil
}

// Entry encodes the message for a stream: JSON, or MessagePack in base64 if it has
// attachments. With FromPeer it is one that only our own servers read.
func (m *Message) Entry() (*Entry, error) {
	e := new(Entry)
	if err := m.EncodeEntry(e); err != nil {
		return nil, err
	}
	return e, nil
}

// EncodeEntry writes into e what [Message.Entry] returns. After an error e is of no use.
func (m *Message) EncodeEntry(e *Entry) error {
	*e = Entry{UID: m.UID, Namespace: m.Namespace, Type: strconv.Itoa(int(m.Type))}
	switch m.Type {
	case InitialHeartbeat, Heartbeat, Closed:
		return nil
	case Gap:
		e.Type = gapEntry
		return nil
	case Begin:
		e.Type = beginEntry
		return nil
	}
	if m.FromPeer {
		e.Type = peerEntry + e.Type
	}
	w := newBuffer()
	defer w.free()
	if err := w.data(m); err != nil {
		return err
	}
	w.close()
	if len(m.Packet.Attachments) == 0 {
		e.Data = string(w.b)
		return nil
	}
	b, err := msgpack(w.b, m.Packet.Attachments)
	e.Data = base64.StdEncoding.EncodeToString(b)
	return err
}

// Decode decodes an entry.
func (e *Entry) Decode(limits *Limits) (*Message, error) {
	l := limits.orDefault()
	if len(e.Data) > l.Size || len(e.UID)+len(e.Namespace) > l.Size {
		return nil, ErrTooLarge
	}
	if m, err := e.peerMessage(limits); m != nil || err != nil {
		return m, err
	}
	m := &Message{UID: e.UID, Namespace: e.Namespace}
	if err := m.readType([]byte(e.Type)); err != nil {
		return nil, err
	}
	if e.Data == "" {
		return m, m.readData(&text{limits: l}, nil)
	}
	src := []byte(e.Data)
	if src[0] != '{' {
		var err error
		if src, err = base64.StdEncoding.DecodeString(e.Data); err != nil {
			return nil, msgjson.ErrMalformed
		}
		if len(src) == 0 || src[0] == '{' { // 123 is no message
			return nil, msgjson.ErrMalformed
		}
	}
	t, err := read(src, &l)
	if err == nil && m.Type == FetchResponse && len(t.attachments) > 0 {
		t, err = readBase64(src, l)
	}
	if err == nil {
		err = m.readData(t, t.json)
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}

// Session is what a server with streams keeps of a client that has gone, for the
// one that it comes back to.
type Session struct {
	SocketID, PrivateID string
	Rooms               []string
	Data                []byte // JSON; bytes in it are base64
	// Peer is what else one of our own servers keeps of it, as text. Other servers do
	// not look at it.
	Peer string
}

// Encode encodes the session as the value of its key.
func (s *Session) Encode() (string, error) {
	w := buffer{[]byte{'{'}}
	w.str("sid", s.SocketID)
	w.str("pid", s.PrivateID)
	w.strs("rooms", s.Rooms)
	if s.Data != nil {
		w.raw("data", s.Data)
	}
	w.strUnlessEmpty(peerMember, s.Peer)
	w.close()
	b, err := msgpack(w.b, nil)
	return base64.StdEncoding.EncodeToString(b), err
}

// DecodeSession decodes the value of a session's key.
func DecodeSession(value string, limits *Limits) (*Session, error) {
	l := limits.orDefault()
	if len(value) > l.Size {
		return nil, ErrTooLarge
	}
	src, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return nil, msgjson.ErrMalformed
	}
	t, err := readBase64(src, l)
	if err != nil {
		return nil, err
	}
	s := new(Session)
	err = object(t.json, func(key, value []byte) (err error) {
		switch string(key) {
		case "sid":
			s.SocketID, err = str(value)
		case "pid":
			s.PrivateID, err = str(value)
		case "rooms":
			s.Rooms, err = t.names(value)
		case "data":
			s.Data = bytes.Clone(value)
		case peerMember:
			s.Peer, err = str(value)
		}
		return err
	})
	if err == nil && (s.SocketID == "" || s.PrivateID == "") {
		err = ErrMessage
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}
