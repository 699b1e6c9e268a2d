package inspector_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter/adaptertest"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/inspector"
	"github.com/gosio/gosio/internal/assert"
)

// cluster has an inspector on each server.
func cluster(t *testing.T, n int) []*socketio.Server {
	t.Helper()
	servers := adaptertest.Cluster(t, n, socketio.Options{Logger: quiet})
	for i, srv := range servers {
		inspector.New(srv, inspector.Options{Allow: everybody, ServerID: fmt.Sprint("server ", i), Logger: quiet})
	}
	return servers
}

// TestServersOfOtherVersions: what another server says may be of any form, and costs its own
// part of the answer or one answer.
func TestServersOfOtherVersions(t *testing.T) {
	bubble(t, func(t *testing.T) {
		servers := adaptertest.Cluster(t, 2, socketio.Options{Logger: quiet})
		inspector.New(servers[0], inspector.Options{Allow: everybody, ServerID: "one", Logger: quiet})
		var says string
		for _, question := range []string{"overview", "handlers", "sockets", "socket", "rooms", "children", "traces", "trace", "tail", "record", "recorded"} {
			servers[1].Of("/inspector").OnServerSide(question, func(json.RawMessage) json.RawMessage { return json.RawMessage(says) })
		}
		ann := siotest.Dial(t, servers[0], siotest.Options{})
		c := siotest.Dial(t, servers[0], page(nil))
		for _, says = range []string{
			`{}`, `{"is":null}`, `{"is":{}}`, `{"is":7}`, `7`, `{"is":{"gone":true}}`, `{"is":{"rows":[{}],"samples":[[]],"events":[{"durations":[1,2,3,200,5]}],"namespaces":[{}],"settings":[{}],"history":[]}}`,
			`{"is":{"rows":[{"at":-9223372036854775808,"remote":true,"counts":null},{"remote":false,"counts":null}],"after":null,"known":true,"lines":null,"next":-5}}`,
		} {
			for question, q := range map[string]query{
				"overview": {}, "handlers": {}, "sockets": {}, "socket": {"namespace": "/", "id": ann.ID()}, "rooms": {}, "children": {}, "traces": {}, "trace": {"node": "one", "socket": ann.ID()}, "tail": {},
				"record": {"id": "of no socket", "namespace": "/", "socket": "x", "seconds": 1}, "recorded": {"id": "of no socket"},
			} {
				var r struct{ Error any }
				c.Call(question, q).Decode(&r)
				assert.Equal(t, question+" "+says, r.Error, nil)
			}
		}
		says = `{"is":{"rows":[{"node":"a","event":"e","counts":null},{"node":"b","event":"e","remote":true,"counts":{"queued":1}}]}}` // no version says that
		assert.Equal(t, "what cannot be added up", ask[any](c, "traces", query{}).Error, "a server cannot answer: its log says why")
	})
}

// TestTailForgetsServers: a page that stays open while servers come and go asks for the tails
// of those that are there.
func TestTailForgetsServers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := siotest.Dial(t, cluster(t, 2)[0], page(nil))
		after := make(map[string]any)
		for i := range 50 {
			after[fmt.Sprint("ended ", i)] = map[string]any{"epoch": 1, "next": 2}
		}
		p := ask[tailPage](c, "tail", query{"after": after}).Is
		assert.Equal(t, "servers", len(p.After), 2)
	})
}

// TestLongNames: clients that choose the names of rooms do not make answers long.
func TestLongNames(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv, _ := start(t, socketio.Options{}, inspector.Options{Allow: everybody})
		ann := siotest.Dial(t, srv, siotest.Options{})
		c := siotest.Dial(t, srv, page(nil))
		s, _ := srv.Socket(ann.ID())
		s.SetIdentity(strings.Repeat("i", 5000))
		for i := range 500 {
			assert.NoError(t, s.Join(fmt.Sprintf("%03d%s", i, strings.Repeat("x", 1000))))
		}
		rooms := ask[struct {
			Total int
			Rows  []struct{ Name string }
		}](c, "rooms", query{"limit": 200}).Is
		assert.Equal(t, "rooms", fmt.Sprint(rooms.Total, len(rooms.Rows)), "500 130")
		one := ask[struct {
			Rooms     int
			Identity  string
			RoomNames []string
		}](c, "socket", query{"namespace": "/", "id": ann.ID()}).Is
		assert.Equal(t, "of one socket", fmt.Sprint(one.Rooms, len(one.RoomNames), len(one.Identity)), "500 130 256")
	})
}
