package engine

import (
	"context"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/gosio/gosio/core/engine/internal/pressure"
	"github.com/gosio/gosio/core/engine/internal/turns"
)

// admission decides when a handshake is served, so that those who are connected notice
// little of those who come.
type admission struct {
	table  *table
	report *reporter
	life   context.Context // of the server

	most   int64        // handshakes at a time; negative: no limit
	now    atomic.Int64 // handshakes
	turns  *turns.Turns
	memory pressure.Gauge
}

func (a *admission) init(srv *Server) {
	a.table, a.report, a.life = srv.table, srv.report, srv.life
	o := &srv.opts
	a.most, a.turns = int64(o.Handshakes), turns.New(o.HandshakesPerSecond)
	a.memory.Limit = o.MemoryLimit
}

// begin waits for the turn of a handshake. If it returns nil, the caller must call end.
func (a *admission) begin(r *http.Request) *RequestError {
	if n := a.now.Add(1); a.most >= 0 && n > a.most {
		return a.refuse("Limits.Handshakes")
	}
	if e := a.room(); e != nil {
		return e
	}
	if !a.turns.Wait(r.Context(), a.life) {
		a.end()
		return errShuttingDown() // or the client has gone
	}
	return a.room() // much can have changed
}

// end is the end of what begin has admitted.
func (a *admission) end() { a.now.Add(-1) }

// room reports whether one more session can be had.
func (a *admission) room() *RequestError {
	switch {
	case a.table.isFull():
		return a.refuse("Limits.Connections")
	case a.memory.Full():
		return a.refuse("Limits.Memory")
	}
	return nil
}

func (a *admission) refuse(limit string) *RequestError {
	a.end()
	a.report.note(slog.LevelWarn, "busy", "engine: new clients are told to come later", slog.String("limit", limit))
	return errBusy(limit)
}

// comeAgain bounds, in seconds, the Retry-After of a handshake that is refused because of
// others. When the client is to come back is left to chance, as others are told the same.
const comeAgain = 5

func errBusy(limit string) *RequestError {
	return &RequestError{
		Code: CodeForbidden, Message: "Server is busy", Context: "over " + limit, Status: http.StatusServiceUnavailable,
		RetryAfter: time.Duration(1+rand.IntN(comeAgain)) * time.Second,
	}
}

// Of the handshakes, as many as take this long may wait.
const longestTurn = 5 // seconds

// handshakesPerCPU is how many handshakes a second take about an eighth of a CPU, with what
// follows them.
const handshakesPerCPU = 1000

// setHandshakes sets the defaults of Options.Handshakes and HandshakesPerSecond.
func (o *Options) setHandshakes() {
	orDefault(&o.HandshakesPerSecond, handshakesPerCPU*runtime.GOMAXPROCS(0))
	if o.Handshakes == 0 && o.HandshakesPerSecond < 0 {
		o.Handshakes = -1
	}
	orDefault(&o.Handshakes, max(min(o.HandshakesPerSecond, math.MaxInt/longestTurn)*longestTurn, 1))
}
