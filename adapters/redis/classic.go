package sioredis

import (
	"strings"

	"github.com/redis/rueidis"

	"github.com/gosio/gosio/internal/clusterwire"
)

// classic is what createAdapter of @socket.io/redis-adapter speaks.
type classic struct{ mode Mode }

func (c classic) channels(prefix, namespace, uid string) channels {
	ch := channels{
		base: clusterwire.Channel(prefix, namespace), request: clusterwire.RequestChannel(prefix, namespace),
		responses: clusterwire.ResponseChannel(prefix, namespace, ""), own: clusterwire.ResponseChannel(prefix, namespace, uid),
		peers: clusterwire.PeerChannel(prefix, namespace),
	}
	ch.gaps = ch.peers
	ch.names = []string{ch.request, ch.responses, ch.own, ch.peers}
	if c.mode == ClassicByPattern {
		ch.pattern = escape.Replace(ch.base) + "*"
	} else {
		ch.names = append(ch.names, ch.base)
	}
	return ch
}

// escape makes a pattern of a name.
var escape = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`)

func (classic) encode(dst []byte, m *clusterwire.Message) ([]byte, error) {
	if m.Type == clusterwire.Broadcast && m.RequestID == "" {
		return m.AppendClassicBroadcast(dst)
	}
	b, err := m.ClassicRequest()
	return append(dst, b...), err
}

func (classic) encodeResponse(_ *node, m *clusterwire.Message) ([]byte, error) {
	return m.ClassicResponse()
}

func (classic) separate(string) bool { return true }

func (classic) publish(b rueidis.Builder, channel, payload string) rueidis.Completed {
	return b.Publish().Channel(channel).Message(payload).Build()
}

func (classic) subscribe(b rueidis.Builder, channels []string) rueidis.Completed {
	return b.Subscribe().Channel(channels...).Build()
}

func (classic) unsubscribe(b rueidis.Builder, channels []string) rueidis.Completed {
	return b.Unsubscribe().Channel(channels...).Build()
}

func (classic) count(b rueidis.Builder, channels []string) rueidis.Completed {
	return b.PubsubNumsub().Channel(channels...).Build()
}

// route hands a message to the nodes that its channel belongs to. Names of namespaces
// and rooms may have a "#", so a channel may be that of a namespace and that of a room
// of another one: what is in the message decides.
func (c classic) route(l *link, m *rueidis.PubSubMessage) {
	if m.Pattern != "" {
		if n := l.sub.patternOf(m.Pattern); n != nil {
			room, ok := strings.CutPrefix(m.Channel, n.channels.base)
			if whole := strings.TrimSuffix(room, "#"); ok && (room == "" || whole != room) {
				n.deliver(func() { c.broadcast(n, whole, m.Message) })
			}
		}
		return
	}
	rest, ok := strings.CutPrefix(m.Channel, l.opts.Prefix)
	if !ok {
		return
	}
	kind, name, ok := strings.Cut(rest, "#")
	if !ok {
		return
	}
	name = strings.TrimSuffix(name, "#")
	switch kind {
	case "":
		l.each(name, func(n *node, room string) { c.broadcast(n, room, m.Message) })
	case "-request":
		l.exactly(name, func(n *node) { c.request(n, m.Message) })
	case "-response":
		l.each(name, func(n *node, uid string) {
			if uid == "" || uid == n.uid {
				n.response(m.Message, clusterwire.DecodeClassicResponse)
			}
		})
	case "-peers":
		l.peer(name, m.Message)
	}
}

// broadcast takes what came on a channel of broadcasts: that of a room, unless that is
// empty. What is not for this server is not decoded.
func (classic) broadcast(n *node, room, payload string) {
	// In MessagePack: an array of three, and a short string.
	own := len(payload) > 2 && payload[0] == 0x93 && payload[1] == byte(0xa0+len(n.uid)) && strings.HasPrefix(payload[2:], n.uid)
	if own || room != "" && !n.local.HasRoom(room) || room == "" && !clusterwire.ClassicConcerns(payload, n.local.HasRoom) {
		return
	}
	m, err := clusterwire.DecodeClassicBroadcast([]byte(payload), &n.link.opts.limits)
	if err != nil {
		n.unreadable(err)
		return
	}
	if m.Namespace == n.namespace && m.UID != n.uid {
		n.apply(operation(m))
	}
}

// request takes what came on the channel of requests, which also has what is published
// and is no broadcast.
func (classic) request(n *node, payload string) {
	if own, ok := strings.CutPrefix(payload, `{"uid":"`); ok && strings.HasPrefix(own, n.uid+`"`) {
		return
	}
	m, err := clusterwire.DecodeClassicRequest([]byte(payload), &n.link.opts.limits)
	if err != nil {
		n.unreadable(err)
		return
	}
	if m.UID != n.uid && (m.Namespace == "" || m.Namespace == n.namespace) {
		n.handle(m)
	}
}
