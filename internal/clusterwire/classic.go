package clusterwire

import (
	"bytes"
	"time"

	"github.com/gosio/gosio/internal/msgjson"
)

// The numbers of classic requests and responses.
const (
	classicSockets = iota
	classicAllRooms
	classicJoin
	classicLeave
	classicDisconnect
	classicFetch
	classicServerSide
	classicBroadcast
	classicClientCount
	classicAck
)

// ClassicBroadcast encodes a Broadcast without a RequestID: MessagePack of
// [uid, packet, opts].
func (m *Message) ClassicBroadcast() ([]byte, error) {
	return exact(m.AppendClassicBroadcast)
}

// AppendClassicBroadcast appends to dst what [Message.ClassicBroadcast] returns. After an
// error it returns dst.
func (m *Message) AppendClassicBroadcast(dst []byte) ([]byte, error) {
	if m.Type != Broadcast || m.RequestID != "" {
		return dst, errEncode
	}
	return msgjson.Append(dst, func(w *msgjson.Writer) error {
		w.Array(3)
		w.Text(m.UID)
		w.Dst = append(w.Dst, "\x83\xa4type\x02\xa4data"...) // a map of three, and eventType
		if err := w.Value(m.Packet.Data, m.Packet.Attachments); err != nil {
			return err
		}
		w.Dst = append(w.Dst, "\xa3nsp"...)
		w.Text(m.Namespace)
		m.Target.write(w)
		return nil
	})
}

// write writes {rooms, except, flags}, as buffer.targetMembers does in JSON.
func (t *Target) write(w *msgjson.Writer) {
	w.Dst = append(w.Dst, "\x83\xa5rooms"...)
	writeNames(w, t.Rooms)
	w.Dst = append(w.Dst, "\xa6except"...)
	writeNames(w, t.Except)
	w.Dst = append(w.Dst, "\xa5flags"...)
	newest, key := t.Newest > 0, t.Newest > 0 && t.Key != ""
	w.Map(count(t.Volatile, t.NoCompress, newest, key, t.Timeout > 0))
	if t.Volatile {
		w.Text("volatile")
		w.Bool(true)
	}
	if t.NoCompress {
		w.Text("compress")
		w.Bool(false)
	}
	if newest {
		w.Text("newest")
		w.Number(uint64(t.Newest))
	}
	if key {
		w.Text("key")
		w.Text(t.Key)
	}
	if t.Timeout > 0 {
		w.Text("timeout")
		w.Number(uint64(t.Timeout / time.Millisecond))
	}
}

func writeNames(w *msgjson.Writer, list []string) {
	w.Array(len(list))
	for _, name := range list {
		w.Text(name)
	}
}

// count says how many are true.
func count(all ...bool) (n int) {
	for _, v := range all {
		if v {
			n++
		}
	}
	return n
}

// classicPacket writes the members of a packet: here the namespace matters.
func (w *buffer) classicPacket(m *Message) {
	w.int("type", eventType)
	w.raw("data", m.Packet.Data)
	w.str("nsp", m.Namespace)
}

// DecodeClassicBroadcast decodes what [Message.ClassicBroadcast] encodes. A packet
// without a namespace is for "/".
func DecodeClassicBroadcast(src []byte, limits *Limits) (*Message, error) {
	l := limits.orDefault()
	if len(src) > l.Size {
		return nil, ErrTooLarge
	}
	t, err := readMsgpack(src, l)
	if err != nil {
		return nil, err
	}
	m := &Message{Type: Broadcast}
	n := 0
	err = array(t.json, func(value []byte) (err error) {
		switch n {
		case 0:
			m.UID, err = str(value)
		case 1:
			m.Namespace, err = t.packet(value, &m.Packet)
		case 2:
			err = t.target(value, &m.Target)
		}
		n++
		return err
	})
	if err == nil && n < 3 {
		err = ErrMessage
	}
	if err != nil {
		return nil, err
	}
	if m.Namespace == "" {
		m.Namespace = "/"
	}
	return m, nil
}

// ClassicRequest encodes a request, also those that want no answer: JSON, and
// MessagePack for a Broadcast with a RequestID and where there are attachments.
func (m *Message) ClassicRequest() ([]byte, error) {
	w := newBuffer()
	defer w.free()
	w.strUnlessEmpty("uid", m.UID)
	w.strUnlessEmpty("requestId", m.RequestID)
	binary := len(m.Packet.Attachments) > 0
	switch m.Type {
	case Join, Leave:
		w.int("type", map[Type]int{Join: classicJoin, Leave: classicLeave}[m.Type])
		w.target(&m.Target, false)
		w.strs("rooms", m.Rooms)
	case Disconnect:
		w.int("type", classicDisconnect)
		w.target(&m.Target, false)
		w.bool("close", m.Close)
	case Fetch:
		w.int("type", classicFetch)
		w.target(&m.Target, false)
	case AllRooms:
		w.int("type", classicAllRooms)
	case ServerSide:
		w.int("type", classicServerSide)
		w.raw("data", m.Packet.Data)
	case Broadcast:
		if m.RequestID == "" {
			return nil, errEncode
		}
		binary = true
		w.int("type", classicBroadcast)
		w.open("packet")
		w.classicPacket(m)
		w.close()
		w.target(&m.Target, true)
	default:
		return nil, errEncode
	}
	w.fromPeer(m)
	w.close()
	if !binary {
		return bytes.Clone(w.b), nil
	}
	return msgpack(w.b, m.Packet.Attachments)
}

// classicTypes are the requests by their numbers.
var classicTypes = [...]Type{
	classicSockets: ListSockets, classicAllRooms: AllRooms, classicJoin: Join, classicLeave: Leave,
	classicDisconnect: Disconnect, classicFetch: Fetch, classicServerSide: ServerSide, classicBroadcast: Broadcast,
}

// DecodeClassicRequest decodes a request. That the namespace of a packet is the
// channel's is for the caller to see to.
func DecodeClassicRequest(src []byte, limits *Limits) (*Message, error) {
	t, err := read(src, limits)
	if err != nil {
		return nil, err
	}
	m := new(Message)
	var r classicMembers
	if err = object(t.json, r.add); err != nil {
		return nil, err
	}
	n, err := integer(r.typ)
	if err != nil || isNull(r.typ) || n >= len(classicTypes) {
		return nil, ErrType
	}
	m.Type = classicTypes[n]
	if m.UID, err = str(r.uid); err != nil {
		return nil, err
	}
	if m.RequestID, err = str(r.requestID); err != nil {
		return nil, err
	}
	if err := m.readClassic(t, &r); err != nil {
		return nil, err
	}
	if err := m.readPeer(r.peer); err != nil {
		return nil, err
	}
	return m, nil
}

// classicMembers are those of a request or a response, wherever they stand.
type classicMembers struct {
	uid, requestID, typ, opts, rooms, room, sid, close, data, packet, sockets, clientCount, peer []byte
}

func (r *classicMembers) add(key, value []byte) error {
	switch string(key) {
	case "uid":
		r.uid = value
	case "requestId":
		r.requestID = value
	case "type":
		r.typ = value
	case "opts":
		r.opts = value
	case "rooms":
		r.rooms = value
	case "room":
		r.room = value
	case "sid":
		r.sid = value
	case "close":
		r.close = value
	case "data":
		r.data = value
	case "packet":
		r.packet = value
	case "sockets":
		r.sockets = value
	case "clientCount":
		r.clientCount = value
	case peerMember:
		r.peer = value
	}
	return nil
}

// readClassic reads what a request of its type has.
func (m *Message) readClassic(t *text, r *classicMembers) (err error) {
	switch m.Type {
	case ListSockets:
		m.Target.Rooms, err = t.names(r.rooms)
	case Join, Leave, Disconnect:
		err = m.readClassicMove(t, r)
	case Fetch:
		err = t.target(r.opts, &m.Target)
	case ServerSide:
		err = t.event(r.data, &m.Packet)
	case Broadcast:
		if err = t.target(r.opts, &m.Target); err == nil {
			m.Namespace, err = t.packet(r.packet, &m.Packet)
		}
	}
	if m.Type != Join && m.Type != Leave && m.Type != Disconnect && m.Type != ServerSide && m.RequestID == "" && err == nil {
		err = ErrMessage // nobody could be answered
	}
	return err
}

// readClassicMove reads a request that is about a target or, in the older form,
// about one socket.
func (m *Message) readClassicMove(t *text, r *classicMembers) (err error) {
	m.Close = m.Type == Disconnect && len(r.close) > 0 && r.close[0] == 't'
	if !isNull(r.opts) {
		if m.Type != Disconnect {
			m.Rooms, err = t.names(r.rooms)
		}
		if err == nil {
			err = t.target(r.opts, &m.Target)
		}
		return err
	}
	m.SocketID, err = str(r.sid)
	if err == nil && m.SocketID == "" {
		err = ErrMessage
	}
	if err == nil && m.Type != Disconnect {
		var room string
		room, err = name(r.room)
		m.Rooms = []string{room}
	}
	return err
}

// ClassicResponse encodes a response: JSON, and MessagePack for an Ack and where
// there are attachments.
func (m *Message) ClassicResponse() ([]byte, error) {
	w := buffer{[]byte{'{'}}
	binary := len(m.Packet.Attachments) > 0
	switch m.Type {
	case FetchResponse:
		w.str("requestId", m.RequestID)
		w.sockets(m.Sockets)
	case ListResponse:
		ids := make([]string, len(m.Sockets))
		for i, s := range m.Sockets {
			ids[i] = s.ID
		}
		w.str("requestId", m.RequestID)
		w.strs("sockets", ids)
	case AllRoomsResponse:
		w.str("requestId", m.RequestID)
		w.strs("rooms", m.Rooms)
	case Done:
		w.str("requestId", m.RequestID)
	case ServerSideResponse:
		w.int("type", classicServerSide)
		w.str("requestId", m.RequestID)
		w.raw("data", first(&m.Packet))
	case ClientCount:
		w.int("type", classicClientCount)
		w.str("requestId", m.RequestID)
		w.int("clientCount", m.Clients)
	case Ack:
		binary = true
		w.int("type", classicAck)
		w.str("requestId", m.RequestID)
		w.raw("packet", first(&m.Packet))
	default:
		return nil, errEncode
	}
	w.close()
	if !binary {
		return w.b, nil
	}
	return msgpack(w.b, m.Packet.Attachments)
}

// DecodeClassicResponse decodes a response. Most say by their members alone what
// they are: a list of sockets that is empty is a FetchResponse.
func DecodeClassicResponse(src []byte, limits *Limits) (*Message, error) {
	t, err := read(src, limits)
	if err != nil {
		return nil, err
	}
	var r classicMembers
	if err = object(t.json, r.add); err != nil {
		return nil, err
	}
	if !isNull(r.sockets) && len(t.attachments) > 0 {
		if t, err = readBase64(src, t.limits); err != nil {
			return nil, err
		}
		if err = object(t.json, r.add); err != nil {
			return nil, err
		}
	}
	m := new(Message)
	if m.RequestID, err = str(r.requestID); err == nil && m.RequestID == "" {
		err = ErrMessage
	}
	if err == nil {
		err = m.readResponse(t, &r)
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}

func (m *Message) readResponse(t *text, r *classicMembers) (err error) {
	if isNull(r.typ) {
		return m.readList(t, r)
	}
	n, err := integer(r.typ)
	switch {
	case err != nil:
		return ErrType
	case n == classicServerSide:
		m.Type = ServerSideResponse
		return t.answer(r.data, &m.Packet)
	case n == classicClientCount:
		m.Type = ClientCount
		m.Clients, err = integer(r.clientCount)
		return err
	case n == classicAck:
		m.Type = Ack
		return t.answer(r.packet, &m.Packet)
	}
	return ErrType
}

// readList reads a response without a type.
func (m *Message) readList(t *text, r *classicMembers) (err error) {
	switch {
	case !isNull(r.rooms):
		m.Type = AllRoomsResponse
		m.Rooms, err = t.names(r.rooms)
	case isNull(r.sockets):
		m.Type = Done
	case bytes.HasPrefix(r.sockets, []byte(`["`)):
		m.Type = ListResponse
		err = array(r.sockets, func(value []byte) error {
			if len(m.Sockets) == t.limits.Sockets {
				return ErrTooMany
			}
			id, err := str(value)
			if err == nil && id == "" {
				err = ErrMessage
			}
			m.Sockets = append(m.Sockets, Socket{ID: id})
			return err
		})
	default:
		m.Type = FetchResponse
		m.Sockets, err = t.sockets(r.sockets)
	}
	return err
}
