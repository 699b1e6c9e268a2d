package socketio

import (
	"strconv"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/engine"
)

// newest says of an event that only the newest ones of its name and key wait for a client
// that does not keep up; nil: all wait.
type newest struct {
	key    string
	queued engine.Newest // the same for the queue of a connection, which all its namespaces share
}

func newestOf(namespace, event, key string, most int) *newest {
	if most == 0 {
		return nil
	}
	// No two of namespace, event and key have this in common: no name of a namespace has a
	// comma.
	scoped := namespace + "," + strconv.Itoa(len(event)) + "," + event + key
	return &newest{key, engine.Newest{Key: scoped, Most: max(most, 1)}}
}

// carry has other servers do the same with a packet.
func (k *newest) carry(p adapter.Packet) adapter.Packet {
	if k != nil {
		p.Newest, p.Key = k.queued.Most, k.key
	}
	return p
}
