package socketio

import (
	"encoding/json"
	"net/url"
	"strings"
	"sync"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/parser"
)

// Clients of Socket.IO 2.x, which speak revision 3 of Engine.IO: see
// Options.AllowEIO3. Their packets are those of today but for the life cycle of
// a socket: every connection is in "/" from the start, other namespaces are
// joined with a query in the place of the auth payload, and a client makes up
// the ids of its sockets from that of its connection.

// old reports a client of protocol 3.
func (c *conn) old() bool { return c.sess.Protocol() == 3 }

// begin joins "/" for a client that expects it.
func (c *conn) begin() {
	c.decoder.Limits = &c.srv.limits3
	_ = c.connect(&parser.Packet{Namespace: parser.DefaultNamespace}) // a first one cannot break a rule
}

// translate puts a packet of an old client into today's form: the query behind
// the namespace of a CONNECT packet is its auth payload.
func (c *conn) translate(p *parser.Packet) error {
	name, query, _ := strings.Cut(p.Namespace, "?")
	if len(name) > c.srv.opts.Limits.NamespaceName {
		return parser.ErrNamespaceTooLong
	}
	p.Namespace = name
	if p.Type != parser.Connect {
		return nil
	}
	c.decoder = parser.Decoder{Limits: c.decoder.Limits} // which remembers the query with the name
	p.Data = nil
	if query == "" {
		return nil
	}
	if len(query) > c.srv.opts.Limits.Auth {
		return errAuthTooLarge
	}
	p.Data = authOf(query)
	return nil
}

// authOf is a query as an auth payload: an object of strings, the last of
// several with one name. What cannot be decoded is left out.
func authOf(query string) []byte {
	values, _ := url.ParseQuery(query) // which has the rest in spite of an error
	auth := make(map[string]string, len(values))
	for key, all := range values {
		auth[key] = all[len(all)-1]
	}
	data, _ := json.Marshal(auth) // strings always encode
	return data
}

// socketID is the id of a new socket: for an old client the one that it makes
// up by itself.
func (c *conn) socketID(ns *Namespace) string {
	switch {
	case !ns.srv.opts.AllowEIO3 || !c.old():
		return newID()
	case ns.name == parser.DefaultNamespace:
		return c.sess.ID()
	}
	return ns.name + "#" + c.sess.ID()
}

// oldRefusal is the payload of a CONNECT_ERROR packet as old clients get it: its
// data if they take it, which are objects, arrays and strings, or its message.
func oldRefusal(data []byte) []byte {
	var r struct{ Message, Data json.RawMessage }
	_ = json.Unmarshal(data, &r) // it is ours
	if len(r.Data) > 0 && strings.IndexByte(`{["`, r.Data[0]) >= 0 && string(r.Data) != `""` {
		return r.Data
	}
	return r.Message
}

// legacy holds the attachments of a packet in the form of protocol 3, made for
// the first client that needs them and shared by all.
type legacy struct {
	once     sync.Once
	messages []engine.Message
}

// messages returns what a packet is to a client, in order.
func (f *frames) messages(c *conn) []engine.Message {
	binary := f.binary
	if l := f.legacy; l != nil && c.old() {
		l.once.Do(func() {
			for _, m := range f.binary {
				l.messages = append(l.messages, engine.LayerMessage(m).V3())
			}
		})
		binary = l.messages
	}
	return append([]engine.Message{f.text}, binary...)
}
