package auth_test

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/auth"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// slowStore is a Watch that takes a second for each question once it is slow.
type slowStore struct {
	store
	slow           atomic.Bool
	asked          atomic.Int32
	mu             sync.Mutex
	now, mostAtOne int
}

func (s *slowStore) Revoked(ctx context.Context, token auth.Token) (bool, error) {
	if s.slow.Load() {
		s.asked.Add(1)
		s.mu.Lock()
		s.now++
		s.mostAtOne = max(s.mostAtOne, s.now)
		s.mu.Unlock()
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
		s.mu.Lock()
		s.now--
		s.mu.Unlock()
	}
	return s.store.Revoked(ctx, token)
}

// TestRevocationsDoNotQueueBehindChecks: after an outage all live sockets are
// checked, some at a time, while revocations are heard at once.
func TestRevocationsDoNotQueueBehindChecks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const sockets = 160
		var s slowStore
		srv := socketio.NewServer(nil)
		defer srv.Close()
		srv.Use(auth.JWT(with(secretConfig(), func(c *config) { c.Watch = &s })))
		srv.On("ping", func() {})
		var clients []*siotest.Client
		for i := range sockets {
			clients = append(clients, siotest.Dial(t, srv, siotest.Options{
				Auth: until(time.Hour, func(c *claims) { c.ID = fmt.Sprint("t", i) }), Timeout: time.Minute}))
		}
		tell := *s.tell.Load()
		s.slow.Store(true)
		start := time.Now()
		tell(auth.Revocation{})
		tell(auth.Revocation{}) // Redis was gone once more
		tell(auth.Revocation{TokenID: fmt.Sprint("t", sockets-1)})
		assert.Equal(t, "the goroutine that listens was kept for", time.Since(start), time.Duration(0))
		clients[sockets-1].ExpectDisconnect(siotest.TransportClose)
		assert.Equal(t, "heard after", time.Since(start), time.Duration(0))
		time.Sleep(30 * time.Second)
		if n := s.asked.Load(); n < sockets-1 || n > sockets+16 {
			t.Errorf("%d sockets were checked, want %d once each", n, sockets)
		}
		s.mu.Lock()
		mostAtOne := s.mostAtOne
		s.mu.Unlock()
		if mostAtOne < 2 || mostAtOne > 16 {
			t.Errorf("%d checks at once, want some and not all", mostAtOne)
		}
		clients[0].Call("ping")
	})
}

// TestExpiryWhileChecked: a check that takes its time does not put the end off.
func TestExpiryWhileChecked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s slowStore
		srv := socketio.NewServer(nil)
		defer srv.Close()
		srv.Use(auth.JWT(with(secretConfig(), func(c *config) { c.Watch, c.Recheck, c.Leeway = &s, 2*time.Second, -1 })))
		end := watchEnd(srv.Namespace)
		siotest.Dial(t, srv, siotest.Options{Auth: until(2500 * time.Millisecond), Timeout: time.Hour})
		s.slow.Store(true) // the check begins within [1.8 s, 2.2 s] and takes a second
		e := next(t, end)
		if e.after > 2500*time.Millisecond {
			t.Errorf("ended after %s", e.after)
		}
	})
}

// TestExpiryWhosePolicyPanics: a check that does not return does not put the end off.
func TestExpiryWhosePolicyPanics(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(){"panic": func() { panic("policy is broken") }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var broken atomic.Bool
				srv := socketio.NewServer(nil)
				defer srv.Close()
				srv.Use(auth.JWT(with(secretConfig(), func(c *config) { c.Recheck, c.Leeway = time.Minute, -1 })).Require(
					func(*auth.Identity[claims]) error {
						if broken.Load() {
							fault()
						}
						return nil
					}))
				end := watchEnd(srv.Namespace)
				siotest.Dial(t, srv, siotest.Options{Auth: until(10 * time.Minute), Timeout: time.Hour})
				broken.Store(true)
				assert.Equal(t, "ended after", next(t, end).after, 10*time.Minute)
			})
		})
	}
}

// TestPolicyThatPanics: while a client joins it is refused; later, when no client
// waits, nothing else may go down with it.
func TestPolicyThatPanics(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"panic", "Goexit"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var logged buffer
				var bad, banned atomic.Bool
				srv := socketio.NewServer(nil)
				defer srv.Close()
				guard := auth.JWT(with(secretConfig(), func(c *config) {
					c.Recheck, c.Logger = time.Minute, slog.New(slog.NewTextHandler(&logged, nil))
				}))
				srv.Use(guard.Require(func(*auth.Identity[claims]) error {
					if !bad.Load() {
						if banned.Load() {
							return auth.ErrForbidden
						}
						return nil
					}
					if how == "Goexit" {
						runtime.Goexit()
					}
					panic("policy is broken")
				}))
				end := watchEnd(srv.Namespace)
				srv.On("ping", func() {})
				var clients []*siotest.Client
				for range 40 { // more than are checked at once
					clients = append(clients, siotest.Dial(t, srv, siotest.Options{Auth: until(time.Hour), Timeout: 2 * time.Hour}))
				}
				bad.Store(true)
				clients[0].ExpectNone(5 * time.Minute)
				clients[0].Call("ping")
				if how == "panic" && !strings.Contains(logged.String(), "policy is broken") {
					t.Error("the log does not tell of the panic")
				}
				bad.Store(false)
				banned.Store(true)
				for range clients {
					if e := next(t, end); e.after > 7*time.Minute {
						t.Errorf("ended after %s: the checks have stopped", e.after)
					}
				}
			})
		})
	}
}

// TestPanicLeavesNothing: a provider that panics in the handshake leaves neither
// a timer nor a place among the live sockets.
func TestPanicLeavesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var logged buffer
		list := &slowList{Revocations: auth.NewRevocations(time.Hour), during: func(n int32) {
			if n == 2 { // 1: verified; 2: its life has begun
				panic("store is broken")
			}
		}}
		srv := socketio.NewServer(&socketio.Options{Logger: slog.New(slog.NewTextHandler(&logged, nil))})
		defer srv.Close()
		srv.Use(auth.JWT(with(secretConfig(), func(c *config) {
			c.Watch, c.Recheck, c.Logger = list, time.Minute, slog.New(slog.NewTextHandler(&logged, nil))
		})))
		c := siotest.Open(t, srv, siotest.Options{})
		assert.NoError(t, c.Send(`40{"token":"`+tokenOf("alice")+`"}`))
		if answer := c.Next(); !strings.HasPrefix(answer, "44") {
			t.Errorf("got %s, want a refusal", answer)
		}
		time.Sleep(10 * time.Minute) // the checks that a timer would make
		assert.Equal(t, "asked", list.asked.Load(), int32(2))
	})
}

// TestPoliciesThatHang: policies that never return stop neither the checks of
// other sockets nor the end of their own at its expiry, and are logged.
func TestPoliciesThatHang(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var logged buffer
		var live atomic.Bool
		free := make(chan struct{})
		srv := socketio.NewServer(nil)
		defer srv.Close()
		guard := auth.JWT(with(secretConfig(), func(c *config) {
			c.Recheck, c.Leeway, c.Logger = time.Minute, -1, slog.New(slog.NewTextHandler(&logged, nil))
		}))
		srv.Use(guard.Require(func(id *auth.Identity[claims]) error {
			switch {
			case !live.Load():
				return nil
			case id.TokenID == "banned":
				return auth.ErrForbidden
			}
			<-free
			return nil
		}))
		end := watchEnd(srv.Namespace)
		const hung = 16
		for range hung {
			siotest.Dial(t, srv, siotest.Options{Auth: until(10 * time.Minute), Timeout: time.Hour})
		}
		live.Store(true)
		time.Sleep(67 * time.Second) // all of them are being checked
		live.Store(false)
		banned := siotest.Dial(t, srv, siotest.Options{Auth: until(time.Hour, func(c *claims) { c.ID = "banned" }), Timeout: time.Hour})
		live.Store(true)
		banned.ExpectDisconnect(siotest.TransportClose)
		if e := next(t, end); e.after > 67*time.Second+66*time.Second+11*time.Second {
			t.Errorf("ended after %s: the checks have stopped", e.after)
		}
		assert.True(t, "logged", strings.Contains(logged.String(), "a check does not return"))
		for range hung {
			assert.Equal(t, "ended after", next(t, end).after, 10*time.Minute)
		}
		close(free)
	})
}
