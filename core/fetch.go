package socketio

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/internal/apperror"
)

// RemoteSocket is a socket of any server of the cluster, with its data at the time of
// [Broadcast.FetchSockets]. Its methods act on the socket by its id, and do nothing if
// the socket is disconnected. They may be called concurrently.
type RemoteSocket struct {
	ns    *Namespace
	local *Socket // nil: of another server
	info  *adapter.SocketInfo
	data  map[string]json.RawMessage
}

// Namespace returns the namespace of the socket, never a parent.
func (r RemoteSocket) Namespace() *Namespace { return r.ns }

// ID is the socket's public id.
func (r RemoteSocket) ID() string { return r.info.ID }

// Rooms returns the rooms that the socket was in, without the room that it has for
// itself.
func (r RemoteSocket) Rooms() []string {
	return slices.DeleteFunc(slices.Clone(r.info.Rooms), func(room string) bool { return room == r.info.ID })
}

// Identity returns the identity of the client, or "". See [Socket.SetIdentity].
func (r RemoteSocket) Identity() string { return r.info.Identity }

// Handshake returns data of the request that has opened the connection.
func (r RemoteSocket) Handshake() adapter.Handshake { return r.info.Handshake }

// SharedValues returns all values of shared keys, as JSON, by the names of the keys. It
// is for tools: applications use [Key.Fetch].
func (r RemoteSocket) SharedValues() map[string]json.RawMessage { return maps.Clone(r.data) }

// Local returns the socket itself if the socket is connected to this server.
func (r RemoteSocket) Local() (*Socket, bool) {
	return r.local, r.local != nil && r.local.connected()
}

func (r RemoteSocket) broadcast() Broadcast {
	b := Broadcast{ns: r.ns}.To(r.info.ID)
	_, b.local = r.Local()
	return b
}

// Fetch returns the value that the socket had at the time of [Broadcast.FetchSockets].
// ok is false if the socket had no value, and if the value does not decode as T. Fetch
// works with shared keys only, with sockets of every server.
func (k *Key[T]) Fetch(r RemoteSocket) (v T, ok bool) {
	data, ok := r.data[k.sharedAs()]
	if !ok || json.Unmarshal(data, &v) != nil {
		var zero T
		return zero, false
	}
	return v, true
}

// Emit sends an event to the client. See [Broadcast.Emit].
func (r RemoteSocket) Emit(event string, args ...any) error {
	return r.broadcast().Emit(event, args...)
}

// EmitWithAck sends an event to the client and waits for its acknowledgement,
// like [Socket.EmitWithAck]. It fails with [ErrClosed] when the client is gone.
func (r RemoteSocket) EmitWithAck(ctx context.Context, event string, args ...any) (*Reply, error) {
	replies, err := r.broadcast().EmitWithAck(ctx, event, args...)
	switch {
	case len(replies) > 0:
		return replies[0], nil
	case err == nil:
		return nil, unanswered(event, ErrClosed)
	}
	if partial, ok := err.(*PartialError); ok { //nolint:errorlint // the outermost one is of one client
		err = unanswered(event, partial.Err)
	}
	return nil, err
}

// Join puts the socket into rooms. See [Broadcast.SocketsJoin].
func (r RemoteSocket) Join(rooms ...string) error { return r.broadcast().SocketsJoin(rooms...) }

// Leave takes the socket out of rooms. See [Broadcast.SocketsLeave].
func (r RemoteSocket) Leave(rooms ...string) error { return r.broadcast().SocketsLeave(rooms...) }

// Disconnect disconnects the socket from its namespace; with closeConn it also closes
// the connection. See [Socket.Disconnect].
func (r RemoteSocket) Disconnect(closeConn bool) error {
	return r.broadcast().DisconnectSockets(closeConn)
}

// FetchSockets returns the sockets of all servers, with their data at the time of the
// call. The wait for other servers ends with ctx or, if ctx has no deadline, after
// Options.AckTimeout. When servers do not answer, FetchSockets returns the sockets of
// the other servers and a [*PartialError] that counts servers.
func (b Broadcast) FetchSockets(ctx context.Context) ([]RemoteSocket, error) {
	list := []RemoteSocket{}
	if b.nobody() {
		return list, nil
	}
	op := &adapter.Operation{Type: adapter.OpFetch, Target: b.target}
	ctx, cancel := within(ctx, b.ns, op)
	defer cancel()
	members := membersOf(b.ns, !b.local)
	defer members.release()
	fetches := make([]func() ([]RemoteSocket, error), len(members))
	for i, ns := range members {
		fetches[i] = fetchFrom(ctx, ns, op, b.local)
	}
	var err error
	for _, fetch := range fetches {
		sockets, e := fetch()
		list = append(list, sockets...)
		if e != nil {
			err = e
		}
	}
	return list, err
}

// fetchFrom begins to fetch the sockets of one namespace. The returned function waits
// for the other servers.
func fetchFrom(ctx context.Context, ns *Namespace, op *adapter.Operation, local bool) func() ([]RemoteSocket, error) {
	var others []adapter.SocketInfo // what each appends is there when wait returns
	wait := request(ctx, ns, op, local, func(r *adapter.Response) { others = append(others, r.Sockets...) })
	if ns.recovery.sequenced() {
		ns.recovery.awaitSteps(ctx)
	}
	sockets := ns.rooms.match(&op.Target, nil)
	list := make([]RemoteSocket, len(sockets))
	for i, s := range sockets {
		list[i] = s.Snapshot()
	}
	return func() ([]RemoteSocket, error) {
		err := wait()
		for i := range others {
			r := RemoteSocket{ns: ns, info: &others[i]}
			_ = json.Unmarshal(r.info.Data, &r.data) // a server of the reference may keep anything there
			list = append(list, r)
		}
		return list, err
	}
}

// socketInfos returns the sockets of this server that the target means, for another
// server.
func socketInfos(ns *Namespace, t *adapter.Target) []adapter.SocketInfo {
	sockets := ns.rooms.match(t, nil)
	infos := make([]adapter.SocketInfo, len(sockets))
	for i, s := range sockets {
		var data map[string]json.RawMessage
		infos[i], data = socketInfo(s)
		infos[i].Data, _ = json.Marshal(data) // of JSON; no value is nil
	}
	return infos
}

// socketInfo returns the data of a socket; Data is nil, and the shared values are
// returned beside it.
func socketInfo(s *Socket) (adapter.SocketInfo, map[string]json.RawMessage) {
	id := s.ID()
	return adapter.SocketInfo{
		ID: id, Handshake: newRemoteHandshake(s.handshake), Rooms: append(s.Rooms(), id), Identity: s.Identity(),
	}, sharedValues(s)
}

// sharedValues encodes the values of shared keys.
func sharedValues(s *Socket) map[string]json.RawMessage {
	s.mu.Lock()
	values := slices.Clone(s.values)
	s.mu.Unlock()
	data := make(map[string]json.RawMessage)
	for _, v := range values {
		name := v.key.(interface{ sharedAs() string }).sharedAs()
		if name == "" {
			continue
		}
		b, err := apperror.Marshal(v.val)
		if err != nil {
			s.ns.srv.note(slog.LevelError, "shared "+name, "socketio: shared value does not encode", s.attrs(slog.String("key", apperror.Clip(name)), slog.Any("error", err))...)
			continue
		}
		data[name] = b
	}
	return data
}

// newRemoteHandshake describes a handshake to other servers.
func newRemoteHandshake(h *Handshake) adapter.Handshake {
	r := adapter.Handshake{
		Header: h.Header(), Auth: h.Auth, URL: h.URL, Host: h.Host, Address: h.Address,
		Time: time.UnixMilli(h.Time.UnixMilli()), Secure: h.Secure,
	}
	r.Header.Del("Host")
	for key, values := range r.Header {
		separator := ", "
		if key == "Cookie" {
			separator = "; "
		}
		r.Header[key] = []string{strings.Join(values, separator)}
	}
	if string(r.Auth) == "{}" { // as which nothing travels
		r.Auth = nil
	}
	return r
}
