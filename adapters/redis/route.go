package sioredis

import (
	"strings"

	"github.com/redis/rueidis"
)

// route checks a message, and hands it to the nodes that it is for.
func (l *link) route(m rueidis.PubSubMessage) {
	payload, ok := l.opts.signer.check(m.Channel, m.Message)
	if !ok {
		if l.dropped.Add(1); l.distrust.CompareAndSwap(false, true) {
			l.opts.Logger.Error("sioredis: a message is not signed by one of Options.Keys, and is dropped, as all others that come: give all servers the same keys; Node servers and emitters have none",
				"channel", strings.ToValidUTF8(m.Channel[:min(len(m.Channel), 256)], ""))
		}
		return
	}
	m.Message = payload
	l.dialect.route(l, &m)
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
