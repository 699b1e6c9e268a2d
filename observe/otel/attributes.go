package siootel

import (
	"maps"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	socketio "github.com/gosio/gosio/core"
)

// Attributes of the conventions for messaging.
// See https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/.
var attrSystem = attribute.String("messaging.system", "socketio")

const (
	attrOperation     = attribute.Key("messaging.operation.name")
	attrOperationType = attribute.Key("messaging.operation.type")
	attrDestination   = attribute.Key("messaging.destination.name")
	attrSize          = attribute.Key("messaging.message.body.size")
	attrClient        = attribute.Key("messaging.client.id")
	attrError         = attribute.Key("error.type")
)

// Attributes of ours.
const (
	attrEvent      = attribute.Key("socketio.event")
	attrNamespace  = attribute.Key("socketio.namespace")
	attrTransport  = attribute.Key("socketio.transport")
	attrReason     = attribute.Key("socketio.reason")
	attrCode       = attribute.Key("socketio.code")
	attrOutcome    = attribute.Key("socketio.outcome")
	attrPolicy     = attribute.Key("socketio.policy")
	attrType       = attribute.Key("socketio.type")
	attrDeliveries = attribute.Key("socketio.deliveries")
)

// other is the value of attributes that would be too many.
const other = "other"

func with(attrs ...attribute.KeyValue) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(attrs...))
}

// sets are the attributes of events, put together once for each.
type sets struct {
	most int
	mu   sync.Mutex
	all  atomic.Pointer[map[key]metric.MeasurementOption] // never changed, but replaced
}

type key struct{ namespace, event string }

// of returns the attributes of an event. bounded says that the application has
// chosen its name. emit is nil for events that come.
func (s *sets) of(ns *socketio.Namespace, name string, bounded bool, emit *socketio.EmitInfo) metric.MeasurementOption {
	at := key{family(ns), name}
	if !bounded {
		at.event = other
	}
	all := s.all.Load()
	if all != nil {
		if set, ok := (*all)[at]; ok {
			return set
		}
	}
	if !s.admits(all, emit) {
		at.event = other
	}
	return s.add(key{at.namespace, clip(at.event)})
}

// admits reports whether an event may have attributes of its own, beside those
// that do.
func (s *sets) admits(all *map[key]metric.MeasurementOption, emit *socketio.EmitInfo) bool {
	n := 0
	if all != nil {
		n = len(*all)
	}
	switch {
	case n >= s.most:
		return false
	case emit == nil:
		return true
	case emit.Remote: // another server knows whose name it is
		return 2*n < s.most
	}
	return !emit.Relayed()
}

func (s *sets) add(at key) metric.MeasurementOption {
	if all := s.all.Load(); all != nil {
		if set, ok := (*all)[at]; ok {
			return set
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var old map[key]metric.MeasurementOption
	if p := s.all.Load(); p != nil {
		old = *p
	}
	if len(old) >= 2*s.most { // so many namespaces
		at = key{other, other}
	}
	if set, ok := old[at]; ok { // somebody was faster, or it is for all others
		return set
	}
	all := make(map[key]metric.MeasurementOption, len(old)+1)
	maps.Copy(all, old)
	all[at] = with(attrNamespace.String(at.namespace), attrEvent.String(at.event))
	s.all.Store(&all)
	return all[at]
}

// family is the name under which a namespace is counted: for a child its
// parent's, as there are as many children as clients like.
func family(ns *socketio.Namespace) string {
	if ns == nil {
		return other
	}
	if p := ns.Parent(); p != nil {
		ns = p
	}
	return clip(ns.Name())
}
