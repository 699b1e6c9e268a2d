package socketio

import (
	"net/http"
	"time"

	"github.com/gosio/gosio/core/engine"
)

// observeEngine makes what calls the observer, and puts it into the engine's options.
func (h *host) observeEngine(o *engine.Options) {
	if h.opts.Observer != nil {
		h.observer.Store(guard(h.opts.Observer, h.log, time.Now()))
		o.Observer = fromEngine{h}
	}
	told := o.OnRefused
	o.OnRefused = func(r *http.Request, e *RequestError) {
		if obs := h.observer.Load(); obs != nil {
			obs.refused(RefusedEvent{Request: r, Err: e})
		}
		if told != nil {
			told(r, e)
		}
	}
}

// fromEngine implements engine.Observer for a server that has an Observer.
type fromEngine struct{ h *host }

// Upgrade implements engine.Observer.
func (e fromEngine) Upgrade(s *engine.Session, step engine.UpgradeStep, err error) {
	e.h.observer.Load().upgrade(UpgradeEvent{Step: step, Err: err, Connection: connectionOf(s), Transport: s.Transport()})
}

// Dropped implements engine.Observer.
func (e fromEngine) Dropped(_ *engine.Session, cause engine.DropCause, messages int) {
	e.h.observer.Load().dropped(DropEvent{Policy: cause, Messages: messages})
}

// Flushed implements engine.Observer.
func (e fromEngine) Flushed(s *engine.Session, wait time.Duration) {
	e.h.observer.Load().flushed(FlushEvent{Transport: s.Transport(), Wait: wait})
}
