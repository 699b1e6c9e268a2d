package socketio_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// lost has clients join children of a parent and lose their connections.
func lost(t testing.TB, a *app, n int) []*siotest.Client {
	all := make([]*siotest.Client, n+1) // by room
	for i := 1; i <= n; i++ {
		all[i] = siotest.Dial(t, a, siotest.Options{Namespace: fmt.Sprint("/room-", i)})
	}
	for _, c := range all[1:] {
		c.Conn().Cut()
		synctest.Wait()
	}
	return all
}

// TestRecoverySharedSessions: clients make children, so these share the bound.
func TestRecoverySharedSessions(t *testing.T) {
	const one = 554
	for _, tt := range []struct {
		limit int64
		first bool
	}{{3 * one, true}, {3*one - 1, false}} {
		t.Run(fmt.Sprint(tt.limit), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := recovering(t, socketio.Recovery{MaxSessionBytes: tt.limit}, socketio.Options{})
				parent := a.OfRegexp(rooms)
				a.OfFunc(func(name string, _ *socketio.Handshake) bool { return name == "/other-1" }) // has a bound of its own
				siotest.Dial(t, a, siotest.Options{Namespace: "/other-1"}).Conn().Cut()
				synctest.Wait()
				all := lost(t, a, 3)
				assert.Equal(t, "children", len(parent.Children()) == 3, tt.first)
				back(t, all[3], true)
				back(t, all[2], true)
				back(t, all[1], tt.first)
			})
		})
	}
}

// TestRecoverySettled: what a session counted is given back however it ends.
func TestRecoverySettled(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const one = 554
		a := recovering(t, socketio.Recovery{MaxSessionBytes: 2*one + 64 + 3}, socketio.Options{})
		key := socketio.NewKey[int]("n")
		a.OnDisconnect(func(s *socketio.Socket, _ socketio.Reason) { key.Set(s, 1); s.SetIdentity("") })
		for range 20 { // comes back
			c := a.dial(t)
			c.Conn().Cut()
			synctest.Wait()
			back(t, c, true).Disconnect()
			synctest.Wait()
		}
		for range 20 { // is ended
			c := a.dial(t)
			s := a.socket(t, c)
			c.Conn().Cut()
			synctest.Wait()
			s.EndSession()
		}
		c := a.dial(t)
		c.Conn().Cut()
		synctest.Wait()
		back(t, c, true)
	})
}

// TestRecoverySharedEvents: over the bound the child gives way whose events fill most.
func TestRecoverySharedEvents(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := recovering(t, socketio.Recovery{MaxBytes: 8000}, socketio.Options{})
		parent := a.OfRegexp(rooms)
		all := lost(t, a, 3)
		for i, n := range []int{1: 4, 2: 1, 3: 2} { // the last one is too many
			for range n {
				assert.NoError(t, parent.Child(fmt.Sprint("/room-", i)).Emit("text", strings.Repeat("x", 1000)))
			}
		}
		for i, recovered := range []bool{1: false, 2: true, 3: true} {
			if i > 0 {
				back(t, all[i], recovered)
			}
		}
	})
}

// TestRecoveryFair: whoever makes very many sessions pushes out their own, not those of
// others who have lost their connections before.
func TestRecoveryFair(t *testing.T) {
	const one, many = 554, 20
	for _, tt := range []struct {
		name    string
		r       socketio.Recovery
		address func(i int) string // of the ith session of the one with many
		want    bool
	}{
		{"sessions", socketio.Recovery{MaxSessions: 5}, func(int) string { return "203.0.113.9:99" }, true},
		{"sessions, a network of IPv6", socketio.Recovery{MaxSessions: 5}, func(i int) string { return fmt.Sprintf("[2001:db8::%x]:99", i) }, true},
		{"sessions, as many addresses", socketio.Recovery{MaxSessions: 5}, func(i int) string { return fmt.Sprintf("203.0.113.%d:99", i+100) }, false},
		{"bytes", socketio.Recovery{MaxSessionBytes: 5 * one}, func(int) string { return "203.0.113.9:99" }, true},
		{"bytes, as many addresses", socketio.Recovery{MaxSessionBytes: 5 * one}, func(i int) string { return fmt.Sprintf("203.0.113.%d:99", i+100) }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := recovering(t, tt.r, socketio.Options{})
				from := func(address string) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						r.RemoteAddr = address
						a.ServeHTTP(w, r)
					})
				}
				var others []*siotest.Client
				for i := range 3 {
					c := siotest.Dial(t, from(fmt.Sprintf("203.0.113.%d:1", i+1)), siotest.Options{})
					c.Conn().Cut()
					synctest.Wait()
					others = append(others, c)
				}
				for i := range many {
					siotest.Dial(t, from(tt.address(i)), siotest.Options{}).Conn().Cut()
					synctest.Wait()
				}
				assert.Equal(t, "kept", a.Stats().Namespaces["/"].Sessions, 5)
				for _, c := range others {
					back(t, c, tt.want)
				}
			})
		})
	}
}
