package sioredis

import (
	"strings"

	"github.com/redis/rueidis"

	"github.com/gosio/gosio/internal/clusterwire"
)

// sharded is what createShardedAdapter of @socket.io/redis-adapter speaks.
type sharded struct{ mode Mode }

func (sharded) channels(prefix, namespace, uid string) channels {
	ch := channels{base: clusterwire.Channel(prefix, namespace), peers: clusterwire.PeerChannel(prefix, namespace)}
	// Gaps are told where the operations are, to be in order with them.
	ch.request, ch.responses, ch.gaps = ch.base, ch.base, ch.base
	ch.own = ch.response(uid)
	ch.names = []string{ch.base, ch.own, ch.peers}
	// All messages of a node have one end, in JSON and in MessagePack.
	m := clusterwire.Message{Type: clusterwire.Heartbeat, UID: uid, Namespace: namespace}
	if b, err := m.Sharded(); err == nil {
		ch.signature[0] = strings.TrimPrefix(string(b), `{"type":2`)
	}
	if b, err := m.Ephemeral(); err == nil {
		ch.signature[1] = strings.TrimPrefix(string(b), "\x83\xa4type\x02")
	}
	return ch
}

// separate leaves rooms that may be sockets' own to ShardedDynamicPrivate: Node's servers
// tell them by their length.
func (s sharded) separate(room string) bool {
	return s.mode == ShardedDynamicPrivate || s.mode == ShardedDynamic && !clusterwire.LooksPrivate(room)
}

func (sharded) encode(dst []byte, m *clusterwire.Message) ([]byte, error) {
	return m.AppendSharded(dst)
}

func (sharded) encodeResponse(n *node, m *clusterwire.Message) ([]byte, error) {
	m.UID, m.Namespace = n.uid, n.namespace
	return m.Sharded()
}

func (sharded) publish(b rueidis.Builder, channel, payload string) rueidis.Completed {
	return b.Spublish().Channel(channel).Message(payload).Build()
}

func (sharded) subscribe(b rueidis.Builder, channels []string) rueidis.Completed {
	return b.Ssubscribe().Channel(channels...).Build()
}

func (sharded) unsubscribe(b rueidis.Builder, channels []string) rueidis.Completed {
	return b.Sunsubscribe().Channel(channels...).Build()
}

// count asks one master for its own subscribers: of channels of any slot.
func (sharded) count(b rueidis.Builder, channels []string) rueidis.Completed {
	return b.Arbitrary("PUBSUB", "SHARDNUMSUB").Args(channels...).Build()
}

// route is as in classic: what is in the message decides.
func (s sharded) route(l *link, m *rueidis.PubSubMessage) {
	rest, ok := strings.CutPrefix(m.Channel, l.opts.Prefix)
	if !ok {
		return
	}
	kind, name, _ := strings.Cut(rest, "#")
	name = strings.TrimSuffix(name, "#")
	switch kind {
	case "":
		l.each(name, func(n *node, room string) { s.message(n, room, m.Message) })
	case "-peers":
		l.peer(name, m.Message)
	}
}

// message takes what came for a namespace, on the channel of a room or a uid unless that
// is empty. What is not for this server is not decoded.
func (sharded) message(n *node, room, payload string) {
	answers := room == n.uid
	if room != "" && !answers && !n.local.HasRoom(room) ||
		strings.HasSuffix(payload, n.channels.signature[0]) || strings.HasSuffix(payload, n.channels.signature[1]) {
		return
	}
	if clusterwire.IsPeer([]byte(payload[:min(1, len(payload))])) {
		n.peer(payload)
		return
	}
	if room == "" && !clusterwire.EnvelopeConcerns(payload, n.local.HasRoom) {
		return
	}
	m, err := clusterwire.DecodeEnvelope([]byte(payload), &n.link.opts.limits)
	switch {
	case err != nil && answers:
		n.link.dropped.Add(1) // who asks counts
	case err != nil:
		n.unreadable(err)
	case m.Namespace != n.namespace || m.UID == n.uid:
	default:
		envelope(n, m)
	}
}

// envelope does what another server says.
func envelope(n *node, m *clusterwire.Message) {
	switch m.Type {
	case clusterwire.InitialHeartbeat, clusterwire.Heartbeat, clusterwire.Closed: // of other adapters
	case clusterwire.FetchResponse, clusterwire.ServerSideResponse, clusterwire.ClientCount, clusterwire.Ack:
		n.responded(m)
	default:
		n.handle(m)
	}
}
