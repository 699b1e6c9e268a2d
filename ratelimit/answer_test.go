package ratelimit_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/ratelimit"
)

func rules(r ...ratelimit.Rule) ratelimit.Config { return ratelimit.Config{Events: r} }

func TestDrop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t)
		a.Use(a.limit(rules(ratelimit.Rule{Limit: ratelimit.PerSecond(1, 1), Answer: ratelimit.AnswerDrop})))
		c := a.dial(t, "", "192.0.2.1")
		c.EmitWithAck("say")
		answer := c.EmitWithAck("say")
		c.ExpectIdle()
		c.ExpectNone(3 * time.Second)
		assert.Equal(t, "answers", len(answer), 0)
		assert.Equal(t, "handled", a.count("say"), 1)
		assert.True(t, "later", passes(t, c, "say"))
		assert.Equal(t, "reports", a.reports(), []ratelimit.Limited{{Rule: "connection", Answer: ratelimit.AnswerDrop, Event: "say", RetryAfter: time.Second}})
	})
}

// TestDelay: the events of one client are handled as slowly as the limit allows, in their
// order, its connection is not read meanwhile, and nobody else waits.
func TestDelay(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"websocket", "polling"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a := newApp(t)
				a.Use(a.limit(rules(ratelimit.Rule{Limit: ratelimit.PerSecond(1, 2), Answer: ratelimit.AnswerDelay})))
				c, other := siotest.Dial(t, a, siotest.Options{Transport: transport, Timeout: time.Minute}), a.dial(t, "", "192.0.2.2")
				start := time.Now()
				big := strings.Repeat("x", 600<<10) // two fill Limits.ReceiveBuffer
				sent := make(chan struct{})
				go func() { // as the connection is not read, this takes its time
					defer close(sent)
					for range 7 {
						c.Emit("say", big)
					}
				}()
				synctest.Wait()
				assert.Equal(t, "at once", a.count("say"), 2)
				assert.True(t, "somebody else", passes(t, other, "type"))
				assert.Equal(t, "somebody else waited", time.Since(start), 0)
				time.Sleep(500 * time.Millisecond)
				synctest.Wait()
				assert.Equal(t, "connections that are not read", a.Stats().ReceiveHeld, 1)
				for i := range 4 {
					time.Sleep(time.Second)
					synctest.Wait()
					assert.Equal(t, "a second later", a.count("say"), 3+i)
				}
				<-sent
				assert.True(t, "behind the others", passes(t, c, "type"))
				assert.Equal(t, "that took", time.Since(start), 6*time.Second)
				assert.Equal(t, "handled", a.count("say"), 7)
			})
		})
	}
}

// TestMaxDelay: what would wait for too long is refused at once, and costs nothing.
func TestMaxDelay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t)
		a.Use(a.limit(rules(ratelimit.Rule{By: ratelimit.Namespace, Limit: ratelimit.PerSecond(1, 1), Answer: ratelimit.AnswerDelay, MaxDelay: 1500 * time.Millisecond})))
		one, two, three := a.dial(t, "", "192.0.2.1"), a.dial(t, "", "192.0.2.2"), a.dial(t, "", "192.0.2.3")
		start := time.Now()
		assert.True(t, "at once", passes(t, one, "say"))
		second := two.EmitWithAck("say")
		synctest.Wait()
		assert.Equal(t, "retryAfter", retryAfter(t, three.Call("say")), 2000)
		assert.Equal(t, "that took", time.Since(start), 0)
		two.ExpectAck(second)
		assert.Equal(t, "the second took", time.Since(start), time.Second)
		assert.True(t, "the third", passes(t, three, "say"))
		assert.Equal(t, "the third took", time.Since(start), 2*time.Second)
		assert.Equal(t, "reports", len(a.reports()), 3)
	})
}

// TestGoneWhileDelayed: a client does not get its events handled faster by going away.
func TestGoneWhileDelayed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t)
		a.Use(a.limit(rules(ratelimit.Rule{Limit: ratelimit.PerMinute(60, 1), Answer: ratelimit.AnswerDelay, MaxDelay: time.Hour})))
		gone := make(chan struct{})
		a.OnDisconnect(func(*socketio.Socket, socketio.Reason) { close(gone) })
		c := a.dial(t, "", "192.0.2.1")
		for range 100 {
			c.Emit("say")
		}
		synctest.Wait()
		start := time.Now()
		c.Disconnect()
		<-gone
		assert.True(t, "the end took no time", time.Since(start) < 100*time.Millisecond)
		assert.Equal(t, "handled", a.count("say"), 1)
	})
}

func TestDisconnect(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"websocket", "polling"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a := newApp(t)
				a.Use(a.limit(rules(ratelimit.Rule{Limit: ratelimit.PerSecond(10, 1), Answer: ratelimit.AnswerDisconnect})))
				c := siotest.Dial(t, a, siotest.Options{Transport: transport})
				assert.True(t, "the first", passes(t, c, "say"))
				answer := c.EmitWithAck("say")
				c.Emit("say")
				assert.Equal(t, "retryAfter", retryAfter(t, c.ExpectAck(answer)), 100)
				c.ExpectDisconnect("io server disconnect")
				synctest.Wait()
				assert.Equal(t, "handled", a.count("say"), 1)
			})
		})
	}
}

// TestHandshakes: joins are counted before OnConnect, and may wait, too.
func TestHandshakes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		answer ratelimit.Answer
		over   func(t *testing.T, a *app, o siotest.Options)
	}{
		{ratelimit.AnswerRefuse, func(t *testing.T, a *app, o siotest.Options) {
			e := siotest.Refused(t, a, o)
			assert.Equal(t, "data", e.Data, any(map[string]any{"retryAfter": 60e3}))
		}},
		{ratelimit.AnswerDelay, func(t *testing.T, a *app, o siotest.Options) {
			start := time.Now()
			siotest.Dial(t, a, o)
			assert.Equal(t, "it took", time.Since(start), 10*time.Second)
		}},
		{ratelimit.AnswerDisconnect, func(t *testing.T, a *app, o siotest.Options) {
			c := siotest.Open(t, a, o)
			assert.NoError(t, c.Send("40"))
			c.ExpectClosed()
		}},
	} {
		synctest.Test(t, func(t *testing.T) {
			a := newApp(t)
			limit := ratelimit.PerMinute(1, 1)
			if tt.answer == ratelimit.AnswerDelay {
				limit.Per = 10 * time.Second
			}
			a.Use(a.limit(ratelimit.Config{Handshakes: []ratelimit.Rule{{By: ratelimit.Address, Limit: limit, Answer: tt.answer}}}))
			joined := 0
			a.OnConnect(func(*socketio.Socket) { joined++ })
			o := siotest.Options{Header: http.Header{"X-Address": {"192.0.2.1"}}, Timeout: time.Minute}
			siotest.Dial(t, a, o)
			tt.over(t, a, o)
			a.dial(t, "", "192.0.2.2")
			want := 2
			if tt.answer == ratelimit.AnswerDelay {
				want = 3
			}
			assert.Equal(t, "joined", joined, want)
		})
	}
}

// TestRequests: over the limit an address gets 429 and is told when to come back.
func TestRequests(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"websocket", "polling"} {
		synctest.Test(t, func(t *testing.T) {
			a := newApp(t)
			a.Server = socketio.NewServer(&socketio.Options{AllowRequest: ratelimit.Requests(ratelimit.PerMinute(6, 2))})
			t.Cleanup(a.Close)
			o := func(address string) siotest.Options {
				return siotest.Options{Transport: transport, Header: http.Header{"X-Address": {address}}}
			}
			siotest.Dial(t, a, o("2001:db8::1"))
			c := siotest.Dial(t, a, o("2001:db8::2"))
			r := siotest.Rejected(t, a, o("2001:db8::3"))
			assert.Equal(t, "status", r.Status, http.StatusTooManyRequests)
			assert.Equal(t, "Retry-After", r.Header.Get("Retry-After"), "10")
			assert.Equal(t, "message", r.Message, "Too many connections")
			siotest.Dial(t, a, o("192.0.2.1"))
			time.Sleep(10 * time.Second)
			siotest.Dial(t, a, o("2001:db8::3"))
			c.ExpectIdle() // its polls are no handshakes
		})
	}
}
