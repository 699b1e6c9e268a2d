package admin

import (
	"math/rand/v2"
	"os"
	"time"

	socketio "github.com/gosio/gosio/core"
)

// interval is how often each server tells its numbers. The UI calls a server unhealthy
// that has told none for 10 s.
const interval = 2 * time.Second

// maxNamespaces bounds the namespaces whose numbers are told: clients make children.
const maxNamespaces = 100

// numbers tells the numbers of this server.
type numbers struct {
	opts   *Options
	srv    *socketio.Server
	ns     *socketio.Namespace
	began  time.Time
	host   string
	last   socketio.Stats
	listed []string // in the order in which the UI got them: it merges lists by index
	known  map[string]bool
}

type serverStats struct {
	ServerID   string           `json:"serverId"`
	Hostname   string           `json:"hostname"`
	PID        int              `json:"pid"`
	Uptime     float64          `json:"uptime"` // seconds
	Clients    int              `json:"clientsCount"`
	Polling    int              `json:"pollingClientsCount"`
	Events     []aggregated     `json:"aggregatedEvents"`
	Namespaces []namespaceStats `json:"namespaces"`
}

type aggregated struct {
	Timestamp int64  `json:"timestamp"` // milliseconds, of a whole second
	Type      string `json:"type"`
	SubType   string `json:"subType,omitempty"`
	Count     uint64 `json:"count"`
}

type namespaceStats struct {
	Name    string `json:"name"`
	Sockets int    `json:"socketsCount"`
}

// run tells them until the server ends.
func (n *numbers) run() {
	n.last = n.srv.Stats()
	tick := time.NewTimer(time.Duration(rand.Int64N(int64(interval)))) // not all servers at once
	defer tick.Stop()
	for {
		if err := n.ns.Emit("server_stats", n.next(time.Now())); err != nil {
			n.opts.Logger.Debug("admin: not told", "event", "server_stats", "error", err)
		}
		select {
		case <-tick.C:
			tick.Reset(interval)
		case <-n.srv.Context().Done():
			return
		}
	}
}

// next returns the numbers since the last time.
func (n *numbers) next(now time.Time) serverStats {
	st := n.srv.Stats()
	out := serverStats{
		ServerID: n.opts.ServerID, Hostname: n.host, PID: os.Getpid(), Uptime: now.Sub(n.began).Seconds(),
		Clients: n.srv.Connections(), Polling: st.Connections["polling"], Events: []aggregated{}, Namespaces: n.namespaces(),
	}
	at := now.Truncate(time.Second).UnixMilli()
	add := func(kind, sub string, is, was uint64) {
		if is > was {
			out.Events = append(out.Events, aggregated{at, kind, sub, is - was})
		}
	}
	add("rawConnection", "", st.Opened, n.last.Opened)
	for reason, count := range st.Ended {
		add("rawDisconnection", string(reason), count, n.last.Ended[reason])
	}
	t, u := st.Traffic, n.last.Traffic
	add("packetsIn", "", t.MessagesIn, u.MessagesIn)
	add("packetsOut", "", t.MessagesOut, u.MessagesOut)
	add("bytesIn", "", t.BytesIn, u.BytesIn)
	add("bytesOut", "", t.BytesOut, u.BytesOut)
	n.last = st
	return out
}

// namespaces returns all namespaces that there are or have been, the children beyond
// maxNamespaces under the name of their parent.
func (n *numbers) namespaces() []namespaceStats {
	count := make(map[string]int)
	for _, ns := range n.srv.Namespaces() {
		name := ns.Name()
		if p := ns.Parent(); p != nil && !n.known[name] && len(n.listed) >= maxNamespaces {
			name = p.Name()
		}
		if !n.known[name] {
			n.known[name] = true
			n.listed = append(n.listed, name)
		}
		count[name] += ns.Stats().Sockets
	}
	list := make([]namespaceStats, len(n.listed))
	for i, name := range n.listed {
		list[i] = namespaceStats{name, count[name]}
	}
	return list
}
