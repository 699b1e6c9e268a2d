package engine

import (
	"errors"

	"github.com/gosio/gosio/core/engine/internal/clock"
)

// probe is an upgrade in progress, from the request to the step that completes
// it. The session has one at a time.
type probe struct {
	s      *Session
	base64 bool // its request asks for bytes as base64

	// Guarded by s.mu.
	conn       *wsConn // nil while the WebSocket is being accepted
	state      probeState
	extensions uint8        // how often it was given more time; see package clock
	expire     *clock.Timer // ends it
}

// probeState is how far an upgrade has come.
type probeState uint8

const (
	probeTried    probeState = iota
	probeAnswered            // the client has been told that it can go on
	probeLate                // it was not completed in time
)

// claim makes p the session's one upgrade in progress.
func (p *probe) claim() bool {
	s := p.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.Load() != stateOpen || s.ws.Load() != nil || s.probe != nil {
		return false
	}
	s.probe = p
	s.polling.noteContactLocked(contactSeen)
	return true
}

// drop gives the place free again. It reports whether p had it.
func (p *probe) drop() bool {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	return p.dropLocked()
}

func (p *probe) dropLocked() bool {
	if p.s.probe != p {
		return false
	}
	p.s.probe = nil
	return true
}

// stopExpire ends the time limit.
func (p *probe) stopExpire() {
	if p.expire != nil {
		p.expire.Stop()
	}
}

// errNotProbe closes a WebSocket on which a client does not follow the steps
// of the upgrade. The session stays on polling.
var errNotProbe = errors.New("engine: not a step of the upgrade")
