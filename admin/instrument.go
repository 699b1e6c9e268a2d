package admin

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/loglimit"
	"github.com/gosio/gosio/internal/redact"
)

// instrumented are the namespaces that Instrument has taken.
var instrumented sync.Map // of *socketio.Namespace

// Instrument opens a namespace of a server to the Admin UI. Call it at start-up; it ends
// with the server. It panics, with a text that begins with "admin:", on options that
// contradict each other, and for a namespace that it was called for before. Two
// namespaces of one server may be open, one of them [Options.ReadOnly] for example.
//
// The page of the UI has an origin of its own: list it in socketio.Options.CORS, with
// Credentials.
func Instrument(srv *socketio.Server, o Options) {
	opts := o.withDefaults()
	ns := srv.Of(opts.Namespace)
	if _, twice := instrumented.LoadOrStore(ns, true); twice {
		panic(fmt.Sprintf("admin: Instrument was called before for namespace %q", opts.Namespace))
	}
	context.AfterFunc(srv.Context(), func() { instrumented.Delete(ns) })

	var h *hub
	if opts.Mode == ModeDevelopment {
		h = newHub(&opts, srv, ns)
	}
	ns.UseFunc(newGate(&opts).admit)
	if !opts.ReadOnly {
		(&actions{&opts, srv}).register(ns)
	}
	ns.OnConnect(func(s *socketio.Socket) { greet(&opts, h, s) })

	srv.CountTraffic()
	n := &numbers{opts: &opts, srv: srv, ns: ns, began: time.Now(), host: hostname(), known: make(map[string]bool)}
	go n.run() // ends with the server
}

func newHub(opts *Options, srv *socketio.Server, ns *socketio.Namespace) *hub {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand
	h := &hub{
		opts: opts, secrets: redact.Redactor{Show: opts.Show, Secret: opts.Redact, Codes: opts.codes}, srv: srv, ns: ns, name: hex.EncodeToString(b[:]) + "-",
		told: make(map[*socketio.Socket]*mirror), ids: make(map[socketID]*socketio.Socket),
		conns: make(map[uint64][]*socketio.Socket),
	}
	srv.Observe(h)
	existing := srv.Namespaces()
	srv.OnNewNamespace(h.watch)
	for _, ns := range existing {
		h.watch(ns)
		for _, s := range ns.Sockets() {
			if !old(s) {
				h.join(s, time.Now())
			}
		}
	}
	return h
}

// greet tells a UI what it may do, and in development mode what there is.
func greet(opts *Options, h *hub, s *socketio.Socket) {
	if id, ok := sessionKey.Get(s); ok {
		_ = s.Emit("session", id)
	}
	_ = s.Emit("config", map[string]any{"supportedFeatures": features(opts)})
	if h != nil {
		go h.do(func() { h.welcome(s) }) // ends after fetchTimeout at the latest
	}
}

func features(o *Options) []string {
	var list []string
	if !o.ReadOnly {
		list = append(list, "EMIT", "JOIN", "LEAVE", "DISCONNECT", "MJOIN", "MLEAVE", "MDISCONNECT")
	}
	list = append(list, "AGGREGATED_EVENTS")
	if o.Mode == ModeDevelopment {
		list = append(list, "ALL_EVENTS")
	}
	return list
}

// actions are what the UI can do to sockets.
type actions struct {
	opts *Options
	srv  *socketio.Server
}

func (a *actions) register(on *socketio.Namespace) {
	a.on(on, "join", 2, func(to socketio.Broadcast, in *socketio.Incoming) error {
		return to.SocketsJoin(str(in, 1))
	})
	a.on(on, "leave", 2, func(to socketio.Broadcast, in *socketio.Incoming) error {
		return to.SocketsLeave(str(in, 1))
	})
	a.on(on, "_disconnect", 2, func(to socketio.Broadcast, in *socketio.Incoming) error {
		var whole bool
		_ = in.Arg(1, &whole)
		return to.DisconnectSockets(whole)
	})
	a.on(on, "emit", 1, func(to socketio.Broadcast, in *socketio.Incoming) error {
		args := make([]any, 0, in.Len())
		for i := 3; i < in.Len(); i++ {
			var v json.RawMessage
			if err := in.Arg(i, &v); err != nil {
				return err
			}
			args = append(args, v)
		}
		return to.Emit(str(in, 2), args...)
	})
}

// on registers the handler of an action on the sockets that the namespace (argument 0)
// and a filter, a room or id, name; without a filter they are all.
func (a *actions) on(ns *socketio.Namespace, name string, filter int, do func(socketio.Broadcast, *socketio.Incoming) error) {
	ns.On(name, func(_ context.Context, in *socketio.Incoming) error {
		user, _ := userKey.Get(in.Socket)
		log := a.opts.Logger.With("user", user, "action", name, "namespace", loglimit.Clip(str(in, 0)), "filter", loglimit.Clip(str(in, filter)))
		target, ok := a.srv.Lookup(str(in, 0)) // the name is the UI's: nothing is made
		if !ok {
			log.Warn("admin: no such namespace")
			return nil
		}
		to := target.Except() // all
		if f := str(in, filter); f != "" {
			to = target.In(f)
		}
		err := do(to, in)
		if err != nil {
			log.Warn("admin: action failed", "error", err)
			return nil
		}
		log.Info("admin: action")
		return nil
	})
}

// str returns an argument that is a string, otherwise "".
func str(in *socketio.Incoming, i int) (s string) {
	if in.Arg(i, &s) != nil {
		return ""
	}
	return s
}
