package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/redact"
)

// adminData is what socket.data._admin is on servers of Node: servers tell each other so
// what FetchSockets does not.
type adminData struct {
	ClientID  string `json:"clientId"`
	Transport string `json:"transport"`
}

var dataKey = socketio.NewSharedKey[adminData]("_admin")

// How much may wait to be told, when another one comes. Events beyond are left out. After
// changes beyond what was told is compared with what there is.
const (
	maxEvents  = 10_000
	maxChanges = 20_000
	noLimit    = math.MaxInt // of what a UI asks for
)

// fetchTimeout bounds the wait for the sockets of other servers.
const fetchTimeout = 5 * time.Second

// hub tells the UI of sockets, rooms and events, in development mode. What happens is
// queued by whoever causes it, and told by one goroutine, which also knows what the UI
// has been told: the UI counts what it is told twice.
type hub struct {
	socketio.NopObserver

	opts    *Options
	secrets redact.Redactor
	srv     *socketio.Server
	ns      *socketio.Namespace
	name    string // of this server, in the ids of clients

	mu      sync.Mutex
	queue   []func()
	running bool
	left    int  // events that did not fit
	lost    bool // changes did not fit

	// Used by the goroutine only.
	told  map[*socketio.Socket]*mirror
	ids   map[socketID]*socketio.Socket
	conns map[uint64][]*socketio.Socket // by Socket.Connection
}

type socketID struct{ namespace, id string }

// mirror is what the UI knows of a socket of this server.
type mirror struct {
	transport string
	rooms     []string
	data      uint64 // see sum
}

// push queues what is to be told, unless as much as limit waits.
func (h *hub) push(limit int, f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case len(h.queue) < limit:
		h.queue = append(h.queue, f)
	case limit == maxEvents:
		h.left++
	default:
		h.lost = true
	}
	if !h.running {
		h.running = true
		go h.run() // ends when nothing waits
	}
}

func (h *hub) run() {
	for {
		h.mu.Lock()
		batch, left, lost := h.queue, h.left, h.lost
		h.queue, h.left, h.lost = nil, 0, false
		if len(batch) == 0 && !lost {
			h.running = false
			h.mu.Unlock()
			return
		}
		h.mu.Unlock()
		if left > 0 {
			h.opts.Logger.Warn("admin: events left out: development mode is for few of them", "events", left)
		}
		for _, f := range batch {
			h.do(f)
		}
		if lost {
			h.opts.Logger.Warn("admin: changes left out: development mode is for few of them")
			h.compare()
		}
	}
}

// do survives what the application has set: Options.Redact.
func (h *hub) do(f func()) {
	defer func() {
		if p := recover(); p != nil {
			h.opts.Logger.Error("admin: panic", "panic", fmt.Sprint(p))
		}
	}()
	f()
}

func (h *hub) emit(event string, args ...any) {
	if err := h.ns.Emit(event, args...); err != nil {
		h.opts.Logger.Debug("admin: not told", "event", event, "error", err)
	}
}

// old reports a client of Socket.IO 2.x, the id of whose socket is a secret.
func old(s *socketio.Socket) bool { return s.Protocol() == 3 }

// clientID names a connection. The id of its session is a secret.
func (h *hub) clientID(s *socketio.Socket) string {
	return h.name + strconv.FormatUint(s.Connection(), 36)
}

// Namespace implements socketio.Observer.
func (h *hub) Namespace(e socketio.NamespaceEvent) {
	if e.Socket == nil || old(e.Socket) {
		return
	}
	s, now, reason := e.Socket, time.Now(), e.Reason
	switch e.Step {
	case socketio.NamespaceStepJoined:
		h.join(s, now)
	case socketio.NamespaceStepLeft:
		h.push(maxChanges, func() { h.leave(s, reason, now) })
	}
}

// join introduces a socket.
func (h *hub) join(s *socketio.Socket, now time.Time) {
	dataKey.Set(s, adminData{h.clientID(s), s.Transport()})
	h.push(maxChanges, func() { h.introduce(s, now) })
}

func (h *hub) introduce(s *socketio.Socket, now time.Time) {
	if h.told[s] != nil || !s.Connected() { // twice, or its end is queued
		return
	}
	sock := h.socket(s.Snapshot())
	h.told[s] = &mirror{transport: sock.Transport, rooms: sock.Rooms, data: sum(sock.Data)}
	h.ids[socketID{sock.Namespace, sock.ID}] = s
	h.conns[s.Connection()] = append(h.conns[s.Connection()], s)
	h.emit("socket_connected", sock, now)
	h.transport(s)
}

func (h *hub) leave(s *socketio.Socket, reason socketio.Reason, now time.Time) {
	m := h.told[s]
	if m == nil {
		return
	}
	ns := s.Namespace().Name()
	delete(h.told, s)
	if key := (socketID{ns, s.ID()}); h.ids[key] == s { // unless the session goes on with another socket
		delete(h.ids, key)
	}
	n := s.Connection()
	if h.conns[n] = slices.DeleteFunc(h.conns[n], func(o *socketio.Socket) bool { return o == s }); len(h.conns[n]) == 0 {
		delete(h.conns, n)
	}
	h.emit("socket_disconnected", ns, s.ID(), reason, now)
	for _, room := range m.rooms { // the UI does not empty them
		h.emit("room_left", ns, room, s.ID(), now)
	}
}

// Upgrade implements socketio.Observer.
func (h *hub) Upgrade(e socketio.UpgradeEvent) {
	if e.Step != socketio.UpgradeStepDone {
		return
	}
	h.push(maxChanges, func() {
		for _, s := range h.conns[e.Connection] {
			h.transport(s)
		}
	})
}

// transport tells that the transport of a socket has changed, if that is so.
func (h *hub) transport(s *socketio.Socket) {
	m, now := h.told[s], s.Transport()
	if m.transport == now {
		return
	}
	m.transport = now
	dataKey.Set(s, adminData{h.clientID(s), now})
	h.emit("socket_updated", map[string]any{"id": s.ID(), "nsp": s.Namespace().Name(), "transport": now})
}

// Value implements socketio.Observer.
func (h *hub) Value(e socketio.ValueEvent) {
	if e.Key == dataKey.String() || old(e.Socket) {
		return
	}
	s := e.Socket
	h.push(maxChanges, func() {
		if h.told[s] != nil {
			h.values(s, h.data(s.Snapshot()))
		}
	})
}

// values tells the values of a socket.
func (h *hub) values(s *socketio.Socket, data map[string]json.RawMessage) {
	h.told[s].data = sum(data)
	h.emit("socket_updated", map[string]any{"id": s.ID(), "nsp": s.Namespace().Name(), "data": data})
}

// room is a listener of OnRoom.
func (h *hub) room(e socketio.RoomEvent) {
	if e.Step != socketio.RoomStepJoined && e.Step != socketio.RoomStepLeft {
		return
	}
	ns, now := e.Namespace.Name(), time.Now()
	h.push(maxChanges, func() {
		m := h.told[h.ids[socketID{ns, e.Socket}]]
		if m == nil { // it comes with its rooms, or has left with them
			return
		}
		i := slices.Index(m.rooms, e.Room)
		switch {
		case e.Step == socketio.RoomStepJoined && i < 0:
			m.rooms = append(m.rooms, e.Room)
			h.emit("room_joined", ns, e.Room, e.Socket, now)
		case e.Step == socketio.RoomStepLeft && i >= 0:
			m.rooms = slices.Delete(m.rooms, i, i+1)
			h.emit("room_left", ns, e.Room, e.Socket, now)
		}
	})
}

// arguments are those of socketio.Incoming and Outgoing.
type arguments interface {
	Len() int
	Arg(i int, dst any) error
}

// event tells of an event that a socket has received or sent.
func (h *hub) event(kind string, s *socketio.Socket, name string, from arguments) {
	if old(s) {
		return
	}
	args := make([]any, 1, 1+from.Len())
	args[0] = name
	for i := range from.Len() {
		var raw json.RawMessage
		if from.Arg(i, &raw) != nil {
			raw = json.RawMessage("null")
		}
		args = append(args, h.secrets.Clean(slices.Clone(raw)))
	}
	now := time.Now()
	h.push(maxEvents, func() { h.emit(kind, s.Namespace().Name(), s.ID(), args, now) })
}

// watch listens to a namespace.
func (h *hub) watch(ns *socketio.Namespace) {
	ns.OnRoom(h.room)
	if ns.Name() == h.ns.Name() {
		return
	}
	ns.OnAny(func(s *socketio.Socket, in *socketio.Incoming) { h.event("event_received", s, in.Event, in) })
	ns.OnAnyOutgoing(func(s *socketio.Socket, out *socketio.Outgoing) { h.event("event_sent", s, out.Event, out) })
}

// welcome sends one UI all sockets: those of this server as they have been told, in one
// order with what is told next, and those of others as they answer.
func (h *hub) welcome(ui *socketio.Socket) {
	others := []socket{}
	ctx, cancel := context.WithTimeout(ui.Context(), fetchTimeout)
	defer cancel()
	for _, ns := range h.srv.Namespaces() {
		list, err := ns.FetchSockets(ctx)
		if err != nil {
			h.opts.Logger.Warn("admin: not all servers have answered", "namespace", ns, "error", err)
		}
		for _, r := range list {
			if _, here := r.Local(); !here && r.Handshake().Query().Get("EIO") != "3" {
				others = append(others, h.socket(r))
			}
		}
	}
	h.push(noLimit, func() {
		all := slices.Clone(others)
		for s, m := range h.told {
			sock := h.socket(s.Snapshot())
			sock.Rooms, sock.Transport = m.rooms, m.transport
			all = append(all, sock)
		}
		slices.SortFunc(all, func(a, b socket) int { return int(a.Handshake.Issued - b.Handshake.Issued) })
		_ = ui.Emit("all_sockets", all) // it may have gone
	})
}

// socket is that of the UI.
type socket struct {
	ID        string                     `json:"id"`
	ClientID  string                     `json:"clientId"`
	Transport string                     `json:"transport"`
	Namespace string                     `json:"nsp"`
	Data      map[string]json.RawMessage `json:"data"`
	Handshake redact.Handshake           `json:"handshake"`
	Rooms     []string                   `json:"rooms"`
}

func (h *hub) socket(r socketio.RemoteSocket) socket {
	known, _ := dataKey.Fetch(r)
	return socket{
		ID: r.ID(), ClientID: known.ClientID, Transport: known.Transport, Namespace: r.Namespace().Name(), Data: h.data(r),
		Handshake: h.secrets.Handshake(r.Handshake()), Rooms: append(r.Rooms(), r.ID()),
	}
}

// data has the values of shared keys, and the identity unless a key is called so.
func (h *hub) data(r socketio.RemoteSocket) map[string]json.RawMessage {
	data := r.SharedValues()
	if data == nil {
		data = make(map[string]json.RawMessage)
	}
	delete(data, dataKey.String())
	h.secrets.Values(data)
	if _, taken := data["identity"]; !taken && r.Identity() != "" {
		data["identity"], _ = json.Marshal(r.Identity())
	}
	return data
}
