package engine

import (
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/gosio/gosio/core/engine/internal/clock"
)

// shared is the part of a server that its sessions use.
type shared struct {
	opts    Options
	log     *slog.Logger
	clock   *clock.Clock
	report  *reporter
	table   *table
	flush   flushers
	lending lending
	watch   atomic.Pointer[Observer] // nil: there is none
	traffic atomic.Pointer[traffic]  // nil: it is not counted
	samples atomic.Uint32            // see Session.sampleLocked
	uploads sync.Pool                // of *upload
}

func (sh *shared) init(opts Options) {
	sh.opts, sh.log = opts, opts.Logger
	sh.clock = clock.New(opts.PingTimeout)
	sh.report = &reporter{log: opts.Logger, onRefused: opts.OnRefused, closeTimeout: opts.CloseTimeout}
	sh.table = newTable()
	sh.table.most = opts.MaxSessions
	sh.flush.init(&sh.lending)
	if opts.Observer != nil {
		sh.watch.Store(&opts.Observer)
	}
}

// observer returns the Observer, or nil.
func (sh *shared) observer() Observer {
	if o := sh.watch.Load(); o != nil {
		return *o
	}
	return nil
}
