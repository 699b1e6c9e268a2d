package sioredis

import (
	"strings"

	"github.com/redis/rueidis"
)

// route hands a message to the nodes that its channel belongs to. Names of namespaces
// and rooms may have a "#", so a channel may be that of a namespace and that of a room
// of another one: what is in the message decides.
func (l *link) route(m *rueidis.PubSubMessage) {
	if m.Pattern != "" {
		if n := l.sub.patternOf(m.Pattern); n != nil {
			room, ok := strings.CutPrefix(m.Channel, n.channels.base)
			if whole := strings.TrimSuffix(room, "#"); ok && (room == "" || whole != room) {
				n.deliver(func() { n.broadcast(whole, m.Message) })
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
		l.each(name, func(n *node, room string) { n.broadcast(room, m.Message) })
	case "-request":
		l.exactly(name, func(n *node) { n.request(m.Message) })
	case "-response":
		l.each(name, func(n *node, uid string) {
			if uid == "" || uid == n.uid {
				n.response(m.Message)
			}
		})
	case "-peers":
		l.exactly(name, func(n *node) { n.peer(m.Message) })
	}
}

// exactly calls f for the node of a namespace.
func (l *link) exactly(namespace string, f func(n *node)) {
	if n := l.node(namespace); n != nil {
		n.deliver(func() { f(n) })
	}
}

// each calls f for each node whose namespace begins the name, with what follows.
func (l *link) each(name string, f func(n *node, rest string)) {
	for i := 0; i <= len(name); i++ {
		if i < len(name) && name[i] != '#' {
			continue
		}
		rest := ""
		if i < len(name) {
			rest = name[i+1:]
		}
		if n := l.node(name[:i]); n != nil {
			n.deliver(func() { f(n, rest) })
		}
	}
}
