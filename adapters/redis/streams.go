package sioredis

import (
	"strings"

	"github.com/redis/rueidis"

	"github.com/gosio/gosio/internal/clusterwire"
)

// streams is what createAdapter of @socket.io/redis-streams-adapter says by pub/sub:
// requests and their answers. What is kept is in the stream, see streamed.
type streams struct{}

func (streams) channels(prefix, namespace, uid string) channels {
	base, peers := clusterwire.Channel(prefix, namespace), clusterwire.PeerChannel(prefix, namespace)
	own := clusterwire.SubChannel(prefix, namespace, uid)
	return channels{
		base: base, request: base, responses: base, own: own, peers: peers, gaps: peers, names: []string{base, own, peers},
	}
}

func (streams) encode(dst []byte, m *clusterwire.Message) ([]byte, error) {
	return m.AppendEphemeral(dst)
}

func (streams) encodeResponse(n *node, m *clusterwire.Message) ([]byte, error) {
	m.UID, m.Namespace = n.uid, n.namespace
	return m.Ephemeral()
}

// separate is of nobody: what has rooms is in the stream.
func (streams) separate(string) bool { return false }

func (streams) publish(b rueidis.Builder, channel, payload string) rueidis.Completed {
	return classic{}.publish(b, channel, payload)
}

func (streams) subscribe(b rueidis.Builder, channels []string) rueidis.Completed {
	return classic{}.subscribe(b, channels)
}

func (streams) unsubscribe(b rueidis.Builder, channels []string) rueidis.Completed {
	return classic{}.unsubscribe(b, channels)
}

func (streams) count(b rueidis.Builder, channels []string) rueidis.Completed {
	return classic{}.count(b, channels)
}

// route is as in classic. A channel of a namespace is also that of a server of it.
func (s streams) route(l *link, m *rueidis.PubSubMessage) {
	rest, _ := strings.CutPrefix(m.Channel, l.opts.Prefix)
	kind, name, _ := strings.Cut(rest, "#")
	name = strings.TrimSuffix(name, "#")
	switch kind {
	case "":
		l.each(name, func(n *node, uid string) {
			switch uid {
			case "":
				s.request(n, m.Message)
			case n.uid:
				n.response(m.Message, clusterwire.DecodeEnvelope)
			}
		})
	case "-peers":
		l.peer(name, m.Message)
	}
}

// request takes what came on the channel of a namespace. What servers of this module ask
// is in the stream as well, in one order with everything else.
func (streams) request(n *node, payload string) {
	m, err := clusterwire.DecodeEnvelope([]byte(payload), &n.link.opts.limits)
	switch {
	case err != nil:
		n.unreadable(err)
	case m.UID == n.uid || m.Namespace != n.namespace || m.FromPeer || operation(m) == nil:
	default:
		n.handle(m)
	}
}
