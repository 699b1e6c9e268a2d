package sioredis

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
