package inspector

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/redact"
)

//go:embed page
var files embed.FS

var index = template.Must(template.ParseFS(files, "page/index.html"))

// parts are the files that the page refers to.
var parts = []string{"inspector.css", "inspector.js", "tail.js", "handlers.js", "drain.js", "recording.js"}

// inspected are the namespaces that New has taken.
var inspected sync.Map // of *socketio.Namespace

// inspector answers the page, and the inspectors of other servers.
type inspector struct {
	opts    *Options
	srv     *socketio.Server
	ns      *socketio.Namespace
	secrets redact.Redactor
	seal    seal
	budget  budget
	record  *recorder
	drain   drain

	recordings recordings
}

// New lets a server be inspected, and returns the handler of the page. Call it at
// start-up; it ends with the server. Register the handler for a path that ends with a
// slash and for all below, with or without http.StripPrefix:
//
//	mux.Handle("/inspect/", inspector.New(srv, o))
//	r.GET("/inspect/*page", gin.WrapH(inspector.New(srv, o)))
//
// New panics, with a text that begins with "inspector:", on options that contradict each
// other, and for a namespace that it was called for before.
func New(srv *socketio.Server, o Options) http.Handler {
	opts := o.withDefaults()
	opts.Show, opts.Origins = slices.Clone(opts.Show), slices.Clone(opts.Origins)
	ns := srv.Of(opts.Namespace)
	if _, twice := inspected.LoadOrStore(ns, true); twice {
		panic(fmt.Sprintf("inspector: New was called before for namespace %q", opts.Namespace))
	}
	context.AfterFunc(srv.Context(), func() { inspected.Delete(ns) })

	in := &inspector{
		opts: &opts, srv: srv, ns: ns, secrets: redact.Redactor{Show: opts.Show, Secret: opts.Redact, Codes: opts.codes},
		budget: budget{turn: make(chan struct{}, 1)}, record: &recorder{of: ns},
	}
	in.drain.in = in
	in.recordings.in = in
	g := newGate(&opts)
	in.seal = newSeal(g.key)
	if opts.Guard != nil {
		ns.Use(opts.Guard)
	}
	ns.UseFunc(g.admit)
	srv.CountTraffic()
	m := newMeter(in)
	srv.Observe(m.counts)
	srv.Observe(in.record)
	go m.run() // ends with the server

	question[overviewQuery, node]{in, "overview", m.node}.serve(mergeOverview)
	question[handlersQuery, handlersPart]{in, "handlers", func(q handlersQuery) handlersPart { return handlersOf(in, q, m.counts.times) }}.serve(mergeHandlers)
	question[socketsQuery, socketsPage]{in, "sockets", in.sockets}.serve(mergeSockets)
	question[socketQuery, *details]{in, "socket", in.socket}.serve(mergeDetails)
	question[roomsQuery, roomsPage]{in, "rooms", in.rooms}.serve(mergeRooms)
	question[childrenQuery, childrenPage]{in, "children", in.children}.serve(mergeChildren)
	question[tracesQuery, tracesPage]{in, "traces", in.traces}.serve(func(q tracesQuery, all []tracesPage) any { return mergeTraces(q, all, &in.seal) })
	question[traceQuery, tracePart]{in, "trace", in.trace}.serveCounted(func(q traceQuery, all []tracePart, missing int) any { return mergeTrace(q, all, missing, &in.seal) })
	question[tailQuery, tailPage]{in, "tail", func(q tailQuery) tailPage { return followed(in, q) }}.serveCounted(func(q tailQuery, all []tailPage, missing int) any { return mergeTail(q, all, missing, &in.seal) })
	in.recordings.serve()
	if !opts.ReadOnly {
		ns.On("act", in.act)
		in.drain.serve()
	}
	return &page{g}
}

// page serves the page.
type page struct{ gate *gate }

// ServeHTTP implements http.Handler.
func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	switch name := path.Base(r.URL.Path); {
	case strings.HasSuffix(r.URL.Path, "/"):
		p.index(w, r)
	case slices.Contains(parts, name):
		p.file(w, r, name)
	case strings.ContainsAny(name, ".:%"):
		http.NotFound(w, r)
	default: // the folder, without its slash
		h.Set("Location", "./"+name+"/")
		w.WriteHeader(http.StatusMovedPermanently)
	}
}

// file serves a part of the page. With Options.Users it is there for everybody, because
// it has no secrets and comparing passwords takes long.
func (p *page) file(w http.ResponseWriter, r *http.Request, name string) {
	if allow := p.gate.opts.Allow; allow != nil && !allow(r) {
		http.Error(w, "not allowed", http.StatusForbidden)
		return
	}
	b, err := files.ReadFile("page/" + name)
	if err != nil {
		panic("inspector: " + err.Error()) // it is embedded
	}
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(b))
}

func (p *page) index(w http.ResponseWriter, r *http.Request) {
	ticket, ok := p.gate.page(w, r)
	if !ok {
		return
	}
	o := p.gate.opts
	var b bytes.Buffer
	err := index.Execute(&b, map[string]any{"Path": o.Path, "Namespace": o.Namespace, "Ticket": ticket, "ReadOnly": o.ReadOnly})
	if err != nil {
		panic("inspector: " + err.Error()) // it was parsed
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(b.Bytes()) // who has gone needs no answer
}
