package engine

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// park waits until the poll has to be answered. It reports whether the client
// has gone instead. fasthttp does not tell; there the heartbeat finds it.
func park(w http.ResponseWriter, r *http.Request, p *poll, upgrading bool) (gone bool) {
	var expire <-chan time.Time
	if by := answerBy(w, r); !by.IsZero() {
		t := time.NewTimer(time.Until(by))
		defer t.Stop()
		expire = t.C
	}
	if upgrading {
		t := time.NewTimer(noopDelay)
		defer t.Stop()
		expire = t.C
	}
	select {
	case <-p.wake:
		return false
	case <-expire:
		return false // an empty answer is a noop: the client polls again
	case <-r.Context().Done():
		return !errors.Is(r.Context().Err(), context.DeadlineExceeded)
	}
}

// answerBy is the time by which a poll must be answered because a middleware's
// context or the server's WriteTimeout would cut it; zero if nothing does.
func answerBy(w http.ResponseWriter, r *http.Request) time.Time {
	by, _ := r.Context().Deadline()
	if srv, _ := r.Context().Value(http.ServerContextKey).(*http.Server); srv != nil && srv.WriteTimeout > 0 {
		if http.NewResponseController(w).SetWriteDeadline(time.Time{}) != nil {
			if t := time.Now().Add(srv.WriteTimeout); by.IsZero() || t.Before(by) {
				by = t
			}
		}
	}
	if by.IsZero() {
		return by
	}
	return by.Add(-min(pollMargin, time.Until(by)/5))
}
