package admin_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gosio/gosio/admin"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// page is what the page of the UI makes of what it is told.
type page struct {
	rooms map[string]map[string]bool // by socket
	who   map[string]any             // identities
}

func (p *page) hear(t testing.TB, m *siotest.Message) {
	var args [3]any
	switch m.Event {
	case "socket_connected":
		one := make(allSockets, 1)
		m.Decode(&one[0])
		p.add(one)
	case "all_sockets":
		var all allSockets
		m.Decode(&all)
		p.add(all)
	case "socket_disconnected":
		m.Decode(&args[0], &args[1])
		delete(p.who, fmt.Sprint(args[1]))
	case "socket_updated":
		var u struct {
			ID   string
			Data map[string]any
		}
		m.Decode(&u)
		p.who[u.ID] = u.Data["identity"]
	case "room_joined":
		m.Decode(&args[0], &args[1], &args[2])
		room, id := fmt.Sprint(args[1]), fmt.Sprint(args[2])
		assert.True(t, "told once: "+room, !p.rooms[id][room])
		p.rooms[id][room] = true
	case "room_left":
		m.Decode(&args[0], &args[1], &args[2])
		delete(p.rooms[fmt.Sprint(args[2])], fmt.Sprint(args[1]))
	}
}

func (p *page) add(all allSockets) {
	for _, s := range all {
		p.who[s.ID] = s.Data["identity"]
		p.rooms[s.ID] = make(map[string]bool)
		for _, room := range s.Rooms {
			p.rooms[s.ID][room] = true
		}
	}
}

// TestManyChanges: while the UI cannot be told, what waits is bounded; then it learns
// how things are.
func TestManyChanges(t *testing.T) {
	bubble(t, func(t *testing.T) {
		gate := make(chan struct{})
		srv := start(t, socketio.Options{Limits: socketio.Limits{SendBuffer: 64 << 20}}, admin.Options{
			Open: true, Mode: admin.ModeDevelopment,
			Redact: func(name string) bool {
				if name == "gate" {
					<-gate
				}
				return false
			},
		})
		stays, goes := siotest.Dial(t, srv, siotest.Options{}), siotest.Dial(t, srv, siotest.Options{})
		s, _ := srv.Socket(stays.ID())
		assert.NoError(t, s.Join("before"))
		c := siotest.Dial(t, srv, ui(nil))
		p := &page{rooms: make(map[string]map[string]bool), who: make(map[string]any)}
		p.hear(t, until(c, "all_sockets"))
		drain(t, srv, c)

		profile.Set(s, map[string]any{"gate": true}) // from here on nothing is told
		synctest.Wait()
		for i := range 25_000 {
			room := fmt.Sprint("room ", i)
			assert.NoError(t, s.Join(room))
			s.Leave(room)
		}
		goes.Disconnect()
		comes := siotest.Dial(t, srv, siotest.Options{Transport: "polling"})
		s.Leave("before")
		assert.NoError(t, s.Join("after"))
		s.SetIdentity("eve")
		late := siotest.Dial(t, srv, ui(nil))
		close(gate)
		until(late, "all_sockets")
		synctest.Wait()
		assert.NoError(t, srv.Of("/admin").Emit("marker"))
		told := 0
		for m := c.Next(); m.Event != "marker"; m = c.Next() {
			p.hear(t, m)
			told++
		}
		assert.True(t, fmt.Sprint(told, " events are a bounded number"), told < 21_000)
		ids := []string{stays.ID(), comes.ID(), c.ID(), late.ID()}
		slices.Sort(ids)
		assert.Equal(t, "sockets", strings.Join(slices.Sorted(maps.Keys(p.who)), " "), strings.Join(ids, " "))
		assert.Equal(t, "rooms", strings.Join(slices.Sorted(maps.Keys(p.rooms[s.ID()])), " "), strings.Join(slices.Sorted(slices.Values([]string{"after", s.ID()})), " "))
		assert.Equal(t, "of who is gone", len(p.rooms[goes.ID()]), 0)
		assert.Equal(t, "identity", fmt.Sprint(p.who[s.ID()]), "eve")
	})
}
