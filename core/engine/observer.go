package engine

import (
	"errors"
	"time"
)

// Observer is called for events that neither the Handler nor Options.OnRefused is
// called for. The engine calls its methods concurrently, without holding a lock, on
// the goroutine that causes the event: that of a request, a reader, a sender or a
// flusher. The methods must not block and must not panic.
type Observer interface {
	// Upgrade is called twice for each upgrade from polling: with UpgradeStepTried when
	// it begins, and with UpgradeStepDone or UpgradeStepFailed when it ends. err says why
	// an upgrade failed; it is nil if the client has gone or the session has ended.
	Upgrade(s *Session, step UpgradeStep, err error)
	// Dropped is called when messages are lost; cause says whether the session goes
	// on.
	Dropped(s *Session, cause DropCause, messages int)
	// Flushed is called with the time from Send until the message, and all before
	// it, were given to the kernel or to net/http. One message in 64 of all
	// sessions is timed.
	Flushed(s *Session, wait time.Duration)
}

// UpgradeStep is how far an upgrade has come.
type UpgradeStep string

// The steps of an upgrade: each that is tried is done or fails.
const (
	UpgradeStepTried  UpgradeStep = "tried"
	UpgradeStepDone   UpgradeStep = "done"
	UpgradeStepFailed UpgradeStep = "failed"
)

// DropCause says why messages are lost.
type DropCause string

// The causes of lost messages.
const (
	// DropCauseVolatile: volatile messages could not leave at once.
	DropCauseVolatile DropCause = "volatile"
	// DropCauseEvicted: volatile messages that were queued had to make room for others.
	DropCauseEvicted DropCause = "evicted"
	// DropCauseSlowConsumer: the session ends with [ErrSlowConsumer], and what is queued
	// is lost with it.
	DropCauseSlowConsumer DropCause = "slow_consumer"
)

// The failures of upgrades.
var (
	errUpgradeTimeout  = errors.New("engine: upgrade took too long")
	errUpgradeTooLate  = errors.New("engine: session has upgraded, is upgrading, or has ended")
	errUpgradeRejected = errors.New("engine: no WebSocket handshake")
)
