package inspector

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	socketio "github.com/gosio/gosio/core"
)

// The bounds of what is known of handlers.
const (
	maxSeries   = 500 // events of a server that have numbers of their own
	maxHandlers = 200 // lines of an answer
	maxChildren = 200 // children that are asked for handlers of their own
)

// others is the name of the events that share their numbers: those that have no handler,
// whose names clients choose, and those beyond maxSeries. No event that is registered with
// On is called so here: the page shows the name of the namespace with it.
const others = ""

// handlerKey is an event of a namespace; of the parent, for its children.
type handlerKey struct{ namespace, event string }

// handlerTimes counts the results of handlers by event. Who adds an event makes another
// map, so that a handler's result takes no lock.
type handlerTimes struct {
	own    *socketio.Namespace // of the inspector, whose handlers are not listed
	errors *atomic.Uint64
	beside *series // of own, and of namespaces beyond maxSeries

	known atomic.Pointer[map[handlerKey]*series] // never changed
	mu    sync.Mutex
}

func newHandlerTimes(own *socketio.Namespace, errors *atomic.Uint64) *handlerTimes {
	t := &handlerTimes{own: own, errors: errors, beside: newSeries(errors)}
	t.known.Store(&map[handlerKey]*series{})
	return t
}

// of returns the series that an event counts in.
func (t *handlerTimes) of(e *socketio.EventInfo) *series {
	if e.Namespace == t.own {
		return t.beside
	}
	key := handlerKey{family(e.Namespace).Name(), others}
	if e.Registered {
		key.event = e.Name
	}
	if s := (*t.known.Load())[key]; s != nil {
		return s
	}
	return t.add(key)
}

func (t *handlerTimes) add(key handlerKey) *series {
	t.mu.Lock()
	defer t.mu.Unlock()
	known := *t.known.Load()
	if len(known) >= maxSeries && key.event != others {
		key.event = others
	}
	switch s := known[key]; {
	case s != nil:
		return s
	case len(known) >= maxSeries+maxSeries/2:
		return t.beside
	}
	more := maps.Clone(known)
	more[key] = newSeries(t.errors)
	t.known.Store(&more)
	return more[key]
}

// family returns the parent of a child, and otherwise the namespace.
func family(ns *socketio.Namespace) *socketio.Namespace {
	if p := ns.Parent(); p != nil {
		return p
	}
	return ns
}

// handlersQuery asks for the events that are handled, those that come most first.
type handlersQuery struct {
	Namespace string // the whole name; that of a parent stands for its children
	Event     string // a part
	Limit     int
}

// handlersPart is what one server answers.
type handlersPart struct {
	Node       string           `json:"node"`
	Events     []handlerLine    `json:"events"`
	More       int              `json:"more"` // events that are not listed
	Namespaces []registeredLine `json:"namespaces"`
	Settings   []setting        `json:"settings"`
}

// handlerLine is one event.
type handlerLine struct {
	timed

	Namespace string `json:"namespace"`
	Event     string `json:"event"` // empty: others
	// Registered: the namespace or, for a child, its parent has a handler. Otherwise
	// sockets have, or the handler has been taken off.
	Registered bool `json:"registered"`
	// Of children: some of them have a handler of their own.
	Child bool `json:"child"`
}

// registeredLine is what is registered with a namespace: handlers, middleware, listeners
// and hooks, by their number.
type registeredLine struct {
	Name            string `json:"name"`
	Kind            string `json:"kind"` // see kinds
	Handlers        int    `json:"handlers"`
	ServerSide      int    `json:"serverSide"`
	Middleware      int    `json:"middleware"`
	EventMiddleware int    `json:"eventMiddleware"`
	Any             int    `json:"any"`
	AnyOutgoing     int    `json:"anyOutgoing"`
	Hooks           int    `json:"hooks"` // of connections, rooms and gaps
}

// The kinds of what something is registered with.
const (
	kindNamespace = "namespace"
	kindParent    = "parent"
	kindChildren  = "children" // what children of a parent have besides
)

// registry is what is registered with a namespace, a parent, or a parent's children.
type registry struct {
	socketio.Registered

	name, kind string
}

func (r *registry) line() registeredLine {
	return registeredLine{
		r.name, r.kind, len(r.Events), len(r.ServerSide), r.Middleware, r.EventMiddleware, r.Any, r.AnyOutgoing,
		r.Connect + r.Disconnecting + r.Disconnect + r.Room + r.Gap,
	}
}

// handlersOf tells what is registered on this server, and what has become of it.
func handlersOf(in *inspector, q handlersQuery, times *handlerTimes) handlersPart {
	part := handlersPart{Node: in.opts.ServerID, Events: []handlerLine{}, Namespaces: []registeredLine{}, Settings: settings(in.srv)}
	lines := make(map[handlerKey]handlerLine)
	for _, ns := range registered(in) {
		if q.Namespace != "" && q.Namespace != ns.name {
			continue
		}
		for _, event := range ns.Events {
			key := handlerKey{ns.name, event}
			line := lines[key]
			line.Namespace, line.Event = key.namespace, key.event
			line.Registered, line.Child = line.Registered || ns.kind != kindChildren, line.Child || ns.kind == kindChildren
			lines[key] = line
		}
		if len(part.Namespaces) < maxHandlers {
			part.Namespaces = append(part.Namespaces, ns.line())
		}
	}
	for key, s := range *times.known.Load() {
		if q.Namespace == "" || q.Namespace == key.namespace {
			line := lines[key]
			line.Namespace, line.Event, line.timed = key.namespace, key.event, s.read()
			lines[key] = line
		}
	}
	for _, line := range lines {
		if strings.Contains(line.Event, q.Event) {
			part.Events = append(part.Events, line)
		}
	}
	slices.SortFunc(part.Events, compareLines)
	if more := len(part.Events) - maxHandlers; more > 0 {
		part.Events, part.More = part.Events[:maxHandlers], more
	}
	return part
}

func compareLines(a, b handlerLine) int {
	return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Event, b.Event))
}

// registered returns what namespaces and parents have, and what some children of a parent
// have for themselves, put together.
func registered(in *inspector) []registry {
	var all []registry
	asked := 0
	own := make(map[string]*registry) // of children, by parent
	for _, ns := range in.srv.Namespaces() {
		p := ns.Parent()
		switch {
		case ns == in.ns:
		case p == nil:
			all = append(all, registry{ns.Registered(), ns.Name(), kindNamespace})
		case asked < maxChildren:
			asked++
			if own[p.Name()] == nil {
				own[p.Name()] = &registry{name: p.Name(), kind: kindChildren}
			}
			own[p.Name()].include(ns.Registered())
		}
	}
	for _, p := range in.srv.Parents() {
		all = append(all, registry{p.Registered(), p.Name(), kindParent})
		if of := own[p.Name()]; of != nil && of.line() != (registeredLine{Name: of.name, Kind: of.kind}) {
			all = append(all, *of)
		}
	}
	return all
}

// include adds what another child has: of numbers the largest counts.
func (r *registry) include(o socketio.Registered) {
	r.Events, r.ServerSide = union(r.Events, o.Events), union(r.ServerSide, o.ServerSide)
	for _, pair := range [][2]*int{
		{&r.Middleware, &o.Middleware}, {&r.EventMiddleware, &o.EventMiddleware}, {&r.Any, &o.Any}, {&r.AnyOutgoing, &o.AnyOutgoing},
		{&r.Room, &o.Room}, {&r.Gap, &o.Gap}, {&r.Connect, &o.Connect}, {&r.Disconnecting, &o.Disconnecting}, {&r.Disconnect, &o.Disconnect},
	} {
		*pair[0] = max(*pair[0], *pair[1])
	}
}

func union(a, b []string) []string {
	all := append(slices.Clone(a), b...)
	slices.Sort(all)
	return slices.Compact(all)
}

// handlersAnswer is what the page gets.
type handlersAnswer struct {
	Events     []handlerRow     `json:"events"`
	More       int              `json:"more"`
	Namespaces []registeredLine `json:"namespaces"`
	Settings   []settingRow     `json:"settings"`
}

// handlerRow is an event of all servers. Times are in milliseconds.
type handlerRow struct {
	Namespace  string  `json:"namespace"`
	Event      string  `json:"event"`
	Registered bool    `json:"registered"`
	Child      bool    `json:"child"`
	Servers    int     `json:"servers"`
	Count      uint64  `json:"count"`
	Errors     uint64  `json:"errors"`
	P50        float64 `json:"p50"`
	P99        float64 `json:"p99"`
	Longest    float64 `json:"longest"`
}

// mergeHandlers adds up what servers have counted.
func mergeHandlers(q handlersQuery, parts []handlersPart) any {
	a := handlersAnswer{Events: []handlerRow{}, Namespaces: []registeredLine{}, Settings: mergeSettings(parts)}
	sums, servers := make(map[handlerKey]handlerLine), make(map[handlerKey]int)
	namespaces := make(map[registeredLine]bool)
	for _, p := range parts {
		a.More = max(a.More, p.More)
		for _, line := range p.Events {
			key := handlerKey{line.Namespace, line.Event}
			sum := sums[key]
			sum.Namespace, sum.Event = line.Namespace, line.Event
			sum.Registered, sum.Child = sum.Registered || line.Registered, sum.Child || line.Child
			sum.add(line.timed)
			sums[key] = sum
			servers[key]++
		}
		for _, ns := range p.Namespaces {
			if !namespaces[ns] {
				namespaces[ns] = true
				a.Namespaces = append(a.Namespaces, ns)
			}
		}
	}
	for _, sum := range slices.SortedFunc(maps.Values(sums), compareLines) {
		ms := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }
		a.Events = append(a.Events, handlerRow{
			sum.Namespace, sum.Event, sum.Registered, sum.Child, servers[handlerKey{sum.Namespace, sum.Event}], sum.Count, sum.Errors,
			ms(sum.percentile(50)), ms(sum.percentile(99)), ms(time.Duration(sum.Longest)),
		})
	}
	limit := q.Limit
	if limit < 1 || limit > maxHandlers {
		limit = maxHandlers
	}
	if more := len(a.Events) - limit; more > 0 {
		a.Events, a.More = a.Events[:limit], a.More+more
	}
	slices.SortStableFunc(a.Namespaces, func(x, y registeredLine) int {
		return cmp.Or(cmp.Compare(x.Name, y.Name), -cmp.Compare(x.Kind, y.Kind)) // a parent before its children
	})
	a.Namespaces = a.Namespaces[:min(len(a.Namespaces), maxHandlers)]
	return a
}
