package sioredis

import (
	"encoding/json"
	"fmt"
	"sync"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/internal/clusterwire"
)

// scratch is what it takes to encode an operation; it is used again.
type scratch struct {
	message clusterwire.Message
	text    []byte
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

const maxScratch = 64 << 10

// free gives it back, with what is in text.
func (s *scratch) free() {
	if cap(s.text) > maxScratch {
		s.text = nil
	}
	s.message, s.text = clusterwire.Message{}, s.text[:0] // keeps nothing of the application's
	scratches.Put(s)
}

// message makes m an operation as it travels.
func (n *node) message(m *clusterwire.Message, op *adapter.Operation) error {
	*m = clusterwire.Message{
		UID: n.uid, Namespace: n.namespace, Rooms: op.Rooms, Close: op.Close,
		Target: clusterwire.Target{
			Rooms: op.Target.Rooms, Except: op.Target.Except,
			Volatile: op.Packet.Volatile, NoCompress: op.Packet.NoCompress, Timeout: op.Timeout,
			Newest: op.Packet.Newest, Key: op.Packet.Key,
		},
		Packet: clusterwire.Packet{Data: op.Packet.Data, Attachments: op.Packet.Attachments},
	}
	switch op.Type {
	case adapter.OpBroadcast, adapter.OpCall:
		m.Type = clusterwire.Broadcast
	case adapter.OpJoin:
		m.Type = clusterwire.Join
	case adapter.OpLeave:
		m.Type = clusterwire.Leave
	case adapter.OpDisconnect:
		m.Type = clusterwire.Disconnect
	case adapter.OpFetch:
		m.Type = clusterwire.Fetch
	case adapter.OpServerSide:
		m.Type = clusterwire.ServerSide
	default:
		return fmt.Errorf("sioredis: operation %d is of a later version of core", op.Type)
	}
	return nil
}

// operation is what a message says. It is nil for one that says nothing to do.
func operation(m *clusterwire.Message) *adapter.Operation {
	op := &adapter.Operation{
		Target: adapter.Target{Rooms: m.Target.Rooms, Except: m.Target.Except}, Timeout: m.Target.Timeout,
		Packet: adapter.Packet{
			Data: m.Packet.Data, Attachments: m.Packet.Attachments,
			Volatile: m.Target.Volatile, NoCompress: m.Target.NoCompress,
			Newest: m.Target.Newest, Key: m.Target.Key,
		},
		Rooms: m.Rooms, Close: m.Close,
	}
	if m.SocketID != "" {
		op.Target = adapter.Target{Rooms: []string{m.SocketID}}
	}
	switch m.Type {
	case clusterwire.Broadcast:
		op.Type = adapter.OpBroadcast
		if m.RequestID != "" {
			op.Type = adapter.OpCall
		}
	case clusterwire.Join:
		op.Type = adapter.OpJoin
	case clusterwire.Leave:
		op.Type = adapter.OpLeave
	case clusterwire.Disconnect:
		op.Type = adapter.OpDisconnect
	case clusterwire.Fetch, clusterwire.AllRooms, clusterwire.ListSockets:
		op.Type = adapter.OpFetch
	case clusterwire.ServerSide:
		op.Type = adapter.OpServerSide
	default:
		return nil
	}
	return op
}

// wireSockets are sockets as they travel.
func wireSockets(infos []adapter.SocketInfo) []clusterwire.Socket {
	list := make([]clusterwire.Socket, len(infos))
	for i := range infos {
		s := &infos[i]
		handshake, _ := json.Marshal(s.Handshake) // of strings, and of JSON that is valid
		data := s.Data
		if data == nil {
			data = json.RawMessage("{}")
		}
		list[i] = clusterwire.Socket{ID: s.ID, Handshake: handshake, Rooms: s.Rooms, Data: data, Identity: s.Identity}
	}
	return list
}

// socketInfos are sockets that another server tells of.
func socketInfos(list []clusterwire.Socket) []adapter.SocketInfo {
	infos := make([]adapter.SocketInfo, len(list))
	for i := range list {
		s := &list[i]
		infos[i] = adapter.SocketInfo{ID: s.ID, Rooms: s.Rooms, Data: s.Data, Identity: s.Identity}
		if s.Handshake != nil {
			_ = json.Unmarshal(s.Handshake, &infos[i].Handshake) // what a server of another kind says of it may be anything
		}
	}
	return infos
}

func wirePacket(p *adapter.Packet) *clusterwire.Packet {
	if p == nil {
		return nil
	}
	return &clusterwire.Packet{Data: p.Data, Attachments: p.Attachments}
}

func packet(p *clusterwire.Packet) *adapter.Packet {
	if p == nil {
		return nil
	}
	return &adapter.Packet{Data: p.Data, Attachments: p.Attachments}
}
