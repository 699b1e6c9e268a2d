package admin

import (
	"context"
	"encoding/json"
	"errors"
	"hash/maphash"
	"maps"
	"slices"
	"time"

	socketio "github.com/gosio/gosio/core"
)

// compare tells what the UI does not know of the sockets of this server, after changes
// were left out. What is queued meanwhile may be told here before: whoever tells looks
// first at what has been told.
func (h *hub) compare() {
	now := time.Now()
	for s := range h.told {
		if !s.Connected() {
			h.do(func() { h.leave(s, reasonOf(s), now) })
		}
	}
	for _, ns := range h.srv.Namespaces() {
		for _, s := range ns.Sockets() {
			if !old(s) {
				h.do(func() { h.renew(s, now) })
			}
		}
	}
}

// renew introduces a socket, or tells what of it has changed.
func (h *hub) renew(s *socketio.Socket, now time.Time) {
	m := h.told[s]
	if m == nil {
		dataKey.Set(s, adminData{h.clientID(s), s.Transport()})
		h.introduce(s, now)
		return
	}
	h.transport(s)
	is := h.socket(s.Snapshot())
	for _, room := range m.rooms {
		if !slices.Contains(is.Rooms, room) {
			h.emit("room_left", is.Namespace, room, is.ID, now)
		}
	}
	for _, room := range is.Rooms {
		if !slices.Contains(m.rooms, room) {
			h.emit("room_joined", is.Namespace, room, is.ID, now)
		}
	}
	m.rooms = is.Rooms
	if m.data != sum(is.Data) {
		h.values(s, is.Data)
	}
}

// reasonOf is the reason for which a socket has left.
func reasonOf(s *socketio.Socket) socketio.Reason {
	var d *socketio.DisconnectError
	if errors.As(context.Cause(s.Context()), &d) {
		return d.Reason
	}
	return ""
}

var sums = maphash.MakeSeed()

// sum is a hash of the values of a socket.
func sum(data map[string]json.RawMessage) uint64 {
	var h maphash.Hash
	h.SetSeed(sums)
	for _, name := range slices.Sorted(maps.Keys(data)) {
		_, _ = h.WriteString(name)
		_ = h.WriteByte(0)
		_, _ = h.Write(data[name])
		_ = h.WriteByte(0)
	}
	return h.Sum64()
}
