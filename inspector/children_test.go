package inspector_test

import (
	"fmt"
	"regexp"
	"testing"
	"testing/synctest"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter/adaptertest"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/inspector"
	"github.com/gosio/gosio/internal/assert"
)

type children struct {
	Total int
	Rows  []struct {
		Name             string
		Sockets, Servers int
	}
}

// TestChildren: the children of a parent with their sockets, of all servers, those with the
// most sockets first.
func TestChildren(t *testing.T) {
	bubble(t, func(t *testing.T) {
		servers := adaptertest.Cluster(t, 2, socketio.Options{Logger: quiet})
		var clients []*siotest.Client
		for i, srv := range servers {
			srv.OfRegexp(regexp.MustCompile("^/room-[0-9]+$"))
			inspector.New(srv, inspector.Options{Allow: everybody, ServerID: fmt.Sprint("server ", i), Logger: quiet})
			clients = append(clients, siotest.Dial(t, srv, siotest.Options{}))
			clients[i].Of("/room-2", nil)
		}
		c := siotest.Dial(t, servers[0], page(nil))
		clients[1].Of("/room-1", nil)
		synctest.Wait()
		q := query{"namespace": "^/room-[0-9]+$"}
		assert.Equal(t, "children", fmt.Sprint(ask[children](c, "children", q).Is), "{2 [{/room-2 2 2} {/room-1 1 1}]}")
		assert.Equal(t, "of none", fmt.Sprint(ask[children](c, "children", query{"namespace": "/"}).Is), "{0 []}")
		for i := range 250 {
			if i%25 == 0 { // a client joins so many
				clients = append(clients, siotest.Dial(t, servers[0], siotest.Options{}))
			}
			clients[len(clients)-1].Of(fmt.Sprint("/room-", 1000+i), nil)
		}
		is := ask[children](c, "children", q).Is
		assert.Equal(t, "as many as are shown", fmt.Sprint(is.Total, len(is.Rows), is.Rows[0]), "253 200 {/room-1 1 1}")
	})
}
