package inspector_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter/adaptertest"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/inspector"
	"github.com/gosio/gosio/internal/assert"
)

// TestDrain: the server that is named ends its connections one after another and takes no
// new ones; the others go on.
func TestDrain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var log bytes.Buffer
		servers := adaptertest.Cluster(t, 3, socketio.Options{Logger: quiet})
		ended := make(map[time.Duration]bool)
		var began time.Time
		for i, srv := range servers {
			inspector.New(srv, inspector.Options{Allow: everybody, ServerID: fmt.Sprint("server ", i), Logger: slog.New(slog.NewTextHandler(&log, nil))})
			siotest.Dial(t, srv, siotest.Options{})
		}
		for range 50 {
			siotest.Dial(t, servers[2], siotest.Options{})
		}
		gone := make(chan time.Duration, 100)
		servers[2].OnDisconnect(func(*socketio.Socket, socketio.Reason) { gone <- time.Since(began) })
		c := siotest.Dial(t, servers[0], page(nil))
		order := func(q query) string { return ask[any](c, "drain", q).Error }
		assert.Equal(t, "nobody", order(query{"node": "server 9"}), "there is no server of that name")
		assert.Equal(t, "no name", order(query{}), "there is no server of that name")
		for _, seconds := range []int{-1, 601, 1 << 40} {
			assert.Equal(t, "for how long", order(query{"node": "server 2", "seconds": seconds}), "a drain takes 1 to 600 seconds")
		}
		began = time.Now()
		assert.Equal(t, "another server", order(query{"node": "server 2", "seconds": 30}), "")
		assert.Equal(t, "again", order(query{"node": "server 2"}), "the server is being drained, or was")
		time.Sleep(1100 * time.Millisecond)
		r := siotest.Rejected(t, servers[2], siotest.Options{})
		assert.Equal(t, "refused", fmt.Sprint(r.Status, r.Header.Get("Retry-After") != ""), "503 true")
		time.Sleep(time.Minute)
		synctest.Wait()
		close(gone)
		for d := range gone {
			ended[d] = true
			assert.True(t, d.String(), d >= time.Second && d < 2*time.Second)
		}
		assert.True(t, fmt.Sprint(len(ended), " moments"), len(ended) > 40)
		assert.Equal(t, "connections", fmt.Sprint(servers[0].Connections(), servers[1].Connections(), servers[2].Connections()), "2 1 0")
		o := ask[overview](c, "overview", query{"since": 0}).Is
		assert.Equal(t, "servers", len(o.Nodes), 2)
		for _, line := range []string{
			`msg="inspector: action" viewer=192.0.2.2 action=drain node="server 2" seconds=30`,
			`msg="inspector: draining" viewer=192.0.2.2 connections=51 within=30s`, `msg="inspector: drained" viewer=192.0.2.2 took=`,
			`msg="inspector: action failed" viewer=192.0.2.2 action=drain node="server 9" seconds=0 error="there is no server of that name"`,
		} {
			assert.True(t, line+"\n"+log.String(), strings.Contains(log.String(), line))
		}
	})
}

// TestDrainOwn: the server of the page itself, by what the application has set, and a
// read-only one not at all.
func TestDrainOwn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		within := make(chan time.Duration, 2)
		var log bytes.Buffer
		srv, _ := start(t, socketio.Options{}, inspector.Options{
			Allow: everybody, ServerID: "one", Logger: slog.New(slog.NewTextHandler(&log, nil)),
			Drain: func(ctx context.Context) error {
				by, _ := ctx.Deadline()
				within <- time.Until(by)
				return errors.New("not now")
			},
		})
		c := siotest.Dial(t, srv, page(nil))
		assert.Equal(t, "drains", ask[any](c, "drain", query{"node": "one"}).Error, "")
		var o struct{ Nodes []struct{ Draining bool } }
		c.Call("overview", query{}).Decode(&struct{ Is any }{&o})
		assert.True(t, "the overview says so", o.Nodes[0].Draining)
		assert.Equal(t, "within", <-within, time.Minute)
		synctest.Wait()
		assert.True(t, log.String(), strings.Contains(log.String(), `msg="inspector: drained, but not in order"`))

		srv, _ = start(t, socketio.Options{}, inspector.Options{
			Allow: everybody, ServerID: "one", Drain: func(context.Context) error { within <- 0; return nil }, ReadOnly: true,
		})
		c = siotest.Dial(t, srv, page(nil))
		c.Emit("drain", query{"node": "one"})
		time.Sleep(time.Minute)
		assert.Equal(t, "read-only", len(within), 0)
	})
}

// TestDrainPanics: a function of the application that panics ends nothing.
func TestDrainPanics(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var log bytes.Buffer
		srv, _ := start(t, socketio.Options{}, inspector.Options{
			Allow: everybody, ServerID: "one", Logger: slog.New(slog.NewTextHandler(&log, nil)), Drain: func(context.Context) error { panic("boom") },
		})
		c := siotest.Dial(t, srv, page(nil))
		assert.Equal(t, "drains", ask[any](c, "drain", query{"node": "one"}).Error, "")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		assert.True(t, log.String(), strings.Contains(log.String(), `msg="inspector: panic" viewer=192.0.2.2 panic=boom`))
		assert.Equal(t, "it is there", len(ask[overview](c, "overview", query{}).Is.Nodes), 1)
	})
}

// TestViewerLeaves: what a viewer has begun goes on without them, and leaves nothing behind.
func TestViewerLeaves(t *testing.T) {
	bubble(t, func(t *testing.T) {
		servers := cluster(t, 2)
		siotest.Dial(t, servers[1], siotest.Options{})
		c := siotest.Dial(t, servers[0], page(nil))
		follow(t, c, query{})
		assert.Equal(t, "begun", fmt.Sprint(record(c, query{"namespace": "/", "room": "lobby", "seconds": 60}).Errors), "[]")
		c.Emit("overview", query{})
		c.Emit("drain", query{"node": "server 1"})
		c.Conn().Close()
		time.Sleep(2 * time.Minute)
		assert.Equal(t, "drained", fmt.Sprint(servers[0].Connections(), servers[1].Connections()), "0 0")
		assert.Equal(t, "listeners", servers[0].Registered().Room+servers[1].Registered().Room, 0)
		c = siotest.Dial(t, servers[0], page(nil))
		assert.Equal(t, "recordings", len(ask[[]recordedPart](c, "recorded", query{"id": anID}).Is), 0)
	})
}
