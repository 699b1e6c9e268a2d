// Package eio3 knows how packets of clients of Socket.IO 2.x, which speak revision 3 of
// Engine.IO, differ from those of today. Such a client joins a namespace with a query in
// the place of the auth payload, takes another payload of CONNECT_ERROR, and wants its
// attachments in a form of their own.
package eio3

import (
	"encoding/json"
	"net/url"
	"strings"
	"sync"

	"github.com/gosio/gosio/core/engine"
)

// Auth returns a query as an auth payload: an object of strings, with the last of several
// values of one name. What cannot be decoded is left out.
func Auth(query string) []byte {
	values, _ := url.ParseQuery(query) // which has the rest in spite of an error
	auth := make(map[string]string, len(values))
	for key, all := range values {
		auth[key] = all[len(all)-1]
	}
	data, _ := json.Marshal(auth) // strings always encode
	return data
}

// Refusal returns the payload of a CONNECT_ERROR packet as old clients get it: the
// refusal's data if that is an object, an array or a string, otherwise its message.
func Refusal(data []byte) []byte {
	var r struct{ Message, Data json.RawMessage }
	_ = json.Unmarshal(data, &r) // it is ours
	if len(r.Data) > 0 && strings.IndexByte(`{["`, r.Data[0]) >= 0 && string(r.Data) != `""` {
		return r.Data
	}
	return r.Message
}

// Attachments are a packet's attachments in the form of revision 3, made for the first
// client that needs them and shared by all.
type Attachments struct {
	once     sync.Once
	messages []engine.Message
}

// Of returns the attachments in the form of revision 3. It may be called concurrently,
// always with the same messages.
func (a *Attachments) Of(binary []engine.Message) []engine.Message {
	a.once.Do(func() {
		for _, m := range binary {
			a.messages = append(a.messages, engine.LayerMessage(m).V3())
		}
	})
	return a.messages
}
