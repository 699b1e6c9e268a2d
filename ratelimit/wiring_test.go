package ratelimit_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/ratelimit"
)

// TestWiring: what cannot work panics at start-up, and says what to write.
func TestWiring(t *testing.T) {
	t.Parallel()
	ok := ratelimit.PerSecond(1, 1)
	events := func(r ...ratelimit.Rule) func() { return func() { ratelimit.New(ratelimit.Config{Events: r}) } }
	handshakes := func(r ratelimit.Rule) func() {
		return func() { ratelimit.New(ratelimit.Config{Handshakes: []ratelimit.Rule{r}}) }
	}
	for want, f := range map[string]func(){
		"without rules":                     events(),
		"needs a Count and a Per":           events(ratelimit.Rule{}),
		`"b": Limit needs`:                  events(ratelimit.Rule{Name: "b", Limit: ratelimit.PerSecond(-1, 1)}),
		`"c": Limit needs`:                  events(ratelimit.Rule{Name: "c", Limit: ratelimit.PerSecond(1, -1)}),
		"more than a year":                  events(ratelimit.Rule{Limit: ratelimit.PerHour(1, 1e6)}),
		`"d": a Burst takes`:                events(ratelimit.Rule{Name: "d", Limit: ratelimit.Limit{Count: 1 << 40, Per: time.Hour}}),
		`two rules are called "connection"`: events(ratelimit.Rule{Limit: ok}, ratelimit.Rule{Limit: ok}),
		"unknown Answer":                    events(ratelimit.Rule{Limit: ok, Answer: 9}),
		"negative MaxDelay":                 events(ratelimit.Rule{Limit: ok, MaxDelay: -1}),
		"a handshake has no event":          handshakes(ratelimit.Rule{Limit: ok, Events: []string{"say"}}),
		`"handshake_event": a handshake`:    handshakes(ratelimit.Rule{Limit: ok, By: ratelimit.Event}),
		"a handshake is answered":           handshakes(ratelimit.Rule{Limit: ok, Answer: ratelimit.AnswerDrop}),
		"Room: nil function":                func() { ratelimit.Room(nil) },
		"Func: a name and a function":       func() { ratelimit.Func("", nil) },
		`"requests": Limit needs a Count`:   func() { ratelimit.Requests(ratelimit.Limit{}) },
		`"connection": Limit needs a Cou`:   func() { ratelimit.Events(0, 5) },
	} {
		func() {
			defer func() {
				if p := fmt.Sprint(recover()); !strings.HasPrefix(p, "ratelimit: ") || !strings.Contains(p, want) {
					t.Errorf("panic %q, want one that says %q", p, want)
				}
			}()
			f()
		}()
	}
	srv := socketio.NewServer(nil)
	defer srv.Close()
	srv.Use(ratelimit.New(ratelimit.Config{Events: []ratelimit.Rule{
		{Limit: ok}, {Limit: ok, Events: []string{"say"}}, {Limit: ok, By: ratelimit.Each(ratelimit.By{}, ratelimit.Event)},
	}, Handshakes: []ratelimit.Rule{{Limit: ok}}}))
	assert.Equal(t, "a name", ratelimit.Each(ratelimit.By{}, ratelimit.Event).String(), "each_connection_event")
}
