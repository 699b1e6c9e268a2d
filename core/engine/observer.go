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

// UpgradeStep is a step of an upgrade.
type UpgradeStep string

// The steps of an upgrade: it is tried, and then is done or fails.
const (
	UpgradeStepTried  UpgradeStep = "tried"
	UpgradeStepDone   UpgradeStep = "done"
	UpgradeStepFailed UpgradeStep = "failed"
)

// DropCause is the reason for which messages are lost.
type DropCause string

// The reasons for which messages are lost.
const (
	// DropCauseVolatile: volatile messages could not be sent at once.
	DropCauseVolatile DropCause = "volatile"
	// DropCauseEvicted: queued volatile messages were dropped to make room for other
	// messages.
	DropCauseEvicted DropCause = "evicted"
	// DropCauseReplaced: queued messages were dropped because newer ones with their key
	// were sent. See [Newest].
	DropCauseReplaced DropCause = "replaced"
	// DropCauseSlowConsumer: the session ends with [ErrSlowConsumer], and its queued
	// messages are lost.
	DropCauseSlowConsumer DropCause = "slow_consumer"
)

// The failures of upgrades.
var (
	errUpgradeTimeout  = errors.New("engine: upgrade took too long")
	errUpgradeTooLate  = errors.New("engine: session has upgraded, is upgrading, or has ended")
	errUpgradeRejected = errors.New("engine: no WebSocket handshake")
)
