package socketio

import (
	"net/http"
	"time"

	"github.com/gosio/gosio/core/engine"
)

// observeEngine makes what calls the observer, and puts it into the engine's options.
func (h *host) observeEngine(o *engine.Options) {
	if h.opts.Observer == nil {
		return
	}
	obs := guard(h.opts.Observer, h.log, time.Now())
	h.observer = obs
	o.Observer = fromEngine{obs}
	told := o.OnRefused
	o.OnRefused = func(r *http.Request, e *RequestError) {
		obs.refused(RefusedEvent{Request: r, Err: e})
		if told != nil {
			told(r, e)
		}
	}
}

// fromEngine implements engine.Observer.
type fromEngine struct{ o *observing }

// Upgrade implements engine.Observer.
func (e fromEngine) Upgrade(_ *engine.Session, step engine.UpgradeStep, err error) {
	e.o.upgrade(UpgradeEvent{Step: step, Err: err})
}

// Dropped implements engine.Observer.
func (e fromEngine) Dropped(_ *engine.Session, cause engine.DropCause, messages int) {
	e.o.dropped(DropEvent{Policy: cause, Messages: messages})
}

// Flushed implements engine.Observer.
func (e fromEngine) Flushed(s *engine.Session, wait time.Duration) {
	e.o.flushed(FlushEvent{Transport: s.Transport(), Wait: wait})
}
