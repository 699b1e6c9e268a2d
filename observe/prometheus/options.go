package sioprometheus

import (
	"fmt"
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// Options configures an [Observer]. The zero value of each field means its
// default.
type Options struct {
	// Events are the names of events that become values of the label "event";
	// all others are "other". Default: those that have a handler, and those that
	// the application emits, until there are MaxEvents per namespace. Left out are
	// events whose names clients have chosen, as far as socketio.EmitInfo.Relayed
	// knows them; events of other servers take half of the values at most. List the
	// events where the application emits names that clients give in arguments.
	Events []string
	// MaxEvents bounds, for each namespace, the values of "event" in each
	// direction; further ones are "other". Default 100.
	MaxEvents int
	// MaxNamespaces bounds the values of "namespace"; further ones are "other".
	// Children of a parent count as one, under the name of their parent.
	// Default 100.
	MaxNamespaces int
	// ConstLabels are added to all metrics: for several servers in one process.
	ConstLabels prometheus.Labels
	// HandlerBuckets are the upper bounds, in seconds, of the time of handlers,
	// middleware and acknowledgements. Default: 0.5 ms to 10 s.
	HandlerBuckets []float64
	// FlushBuckets are those of the time that messages wait to leave. Default:
	// 20 us to 1.3 s.
	FlushBuckets []float64
}

// other is the value of labels that would be too many.
const other = "other"

func (o Options) withDefaults() Options {
	if o.MaxEvents == 0 {
		o.MaxEvents = 100
	}
	if o.MaxNamespaces == 0 {
		o.MaxNamespaces = 100
	}
	if o.HandlerBuckets == nil {
		o.HandlerBuckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	}
	if o.FlushBuckets == nil {
		o.FlushBuckets = prometheus.ExponentialBuckets(20e-6, 4, 9)
	}
	o.Events, o.ConstLabels = slices.Clone(o.Events), maps.Clone(o.ConstLabels)
	o.HandlerBuckets, o.FlushBuckets = slices.Clone(o.HandlerBuckets), slices.Clone(o.FlushBuckets) // kept for series that come later
	return o
}

// check panics on what would have no metrics, or one series for all events.
func (o *Options) check() {
	if o.MaxEvents < 0 || o.MaxNamespaces < 0 {
		panic("sioprometheus: Options has a negative MaxEvents or MaxNamespaces: zero means the default")
	}
	for name, bounds := range map[string][]float64{"HandlerBuckets": o.HandlerBuckets, "FlushBuckets": o.FlushBuckets} {
		for i, bound := range bounds {
			if i > 0 && !(bound > bounds[i-1]) {
				panic(fmt.Sprintf("sioprometheus: Options.%s: %v is not above %v: list the bounds in rising order", name, bound, bounds[i-1]))
			}
		}
	}
}

// connectionBuckets are those of the time that connections live: 1 s to 1 day.
var connectionBuckets = []float64{1, 10, 60, 300, 1800, 3600, 4 * 3600, 24 * 3600}
