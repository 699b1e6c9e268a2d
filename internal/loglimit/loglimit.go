// Package loglimit bounds what clients can put into a log: of each kind of
// line there are [Burst], then one per [Interval], which says how many were
// left out. What is left out at its own level is logged at level debug.
package loglimit

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

// The limits of a kind of line.
const (
	// Burst is how many lines are logged at once.
	Burst = 10
	// Interval is the time after which one more line is logged.
	Interval = 10 * time.Second
)

// Clip returns the part of a client's text that may go into a log line:
// its first 256 bytes, with "?" for each character that cannot be printed. Not every
// slog.Handler quotes: a client must not be able to end a line and write the next, or
// to turn around how a line is shown.
func Clip(s string) string {
	s = s[:min(len(s), 256)]
	if strings.IndexFunc(s, unprintable) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if unprintable(r) {
			return '?'
		}
		return r
	}, s)
}

// unprintable also holds for bytes that are no UTF-8.
func unprintable(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }

// maxKinds is how many kinds are told apart; further ones count as one.
const maxKinds = 64

// Default is the logger of those who have given none: [slog.Default] for
// warnings and errors. What is less than a warning has level debug there.
func Default() *slog.Logger { return slog.New(quiet{slog.Default().Handler()}) }

type quiet struct{ to slog.Handler }

func (q quiet) level(l slog.Level) slog.Level {
	if l < slog.LevelWarn {
		return min(l, slog.LevelDebug)
	}
	return l
}

// Enabled implements slog.Handler.
func (q quiet) Enabled(ctx context.Context, l slog.Level) bool { return q.to.Enabled(ctx, q.level(l)) }

// Handle implements slog.Handler.
func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	r.Level = q.level(r.Level)
	return q.to.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.to.WithAttrs(attrs)} }

// WithGroup implements slog.Handler.
func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.to.WithGroup(name)} }

// Limiter remembers what was logged. Its zero value is ready. It may be used
// concurrently.
type Limiter struct {
	mu    sync.Mutex
	kinds map[string]*kind
}

type kind struct {
	lines int       // that may still be logged
	at    time.Time // when lines was right
	left  int       // lines left out since the last one
}

// Log logs a line. Lines of the same kind share a limit: a kind is a name that
// no client has chosen. The message has to be a constant.
func (l *Limiter) Log(log *slog.Logger, level slog.Level, kind, msg string, attrs ...slog.Attr) {
	ctx := context.Background()
	if level > slog.LevelDebug && log.Enabled(ctx, level) {
		left, ok := l.allow(kind)
		if !ok {
			level = slog.LevelDebug
		} else if left > 0 {
			attrs = append(attrs, slog.Int("left_out", left))
		}
	}
	log.LogAttrs(ctx, level, msg, attrs...) //nolint:sloglint // callers give constants
}

// allow reports whether a line of this kind may be logged, and how many were
// left out before it.
func (l *Limiter) allow(name string) (left int, ok bool) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.kinds[name]
	if k == nil {
		if l.kinds == nil {
			l.kinds = make(map[string]*kind)
		}
		if len(l.kinds) >= maxKinds {
			name = ""
		}
		if k = l.kinds[name]; k == nil {
			k = &kind{lines: Burst, at: now}
			l.kinds[name] = k
		}
	}
	if n := int(now.Sub(k.at) / Interval); n > 0 {
		k.lines = min(Burst, k.lines+n)
		k.at = k.at.Add(time.Duration(n) * Interval)
	}
	if k.lines == 0 {
		k.left++
		return 0, false
	}
	k.lines--
	left, k.left = k.left, 0
	return left, true
}
