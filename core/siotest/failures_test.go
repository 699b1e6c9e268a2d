package siotest_test

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// failing is a testing.TB that notes its failure instead.
type failing struct {
	testing.TB
	text chan string
}

func (f failing) Helper() {}
func (f failing) Fatalf(format string, args ...any) {
	f.text <- fmt.Sprintf(format, args...)
	runtime.Goexit()
}
func (f failing) Fatal(args ...any) { f.Fatalf("%s", fmt.Sprint(args...)) }
func (f failing) Errorf(format string, args ...any) {
	f.text <- fmt.Sprintf(format, args...)
}

// TestFailures: each expectation that is not met fails the test.
func TestFailures(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, want string
		do         func(t testing.TB, srv *socketio.Server, c *siotest.Client)
	}{
		{"other event", `event "echo" ["echo",1], want "other"`, func(_ testing.TB, _ *socketio.Server, c *siotest.Client) { c.Emit("echo", 1); c.Expect("other") }},
		{"no event", `no event within 5s, want event "echo"`, func(_ testing.TB, _ *socketio.Server, c *siotest.Client) { c.Expect("echo") }},
		{"disconnected", `disconnected (io server disconnect), want event "echo"`, func(_ testing.TB, _ *socketio.Server, c *siotest.Client) { c.Emit("leave"); c.Expect("echo") }},
		{"disconnected instead of nothing", `disconnected (io server disconnect), want nothing`, func(_ testing.TB, _ *socketio.Server, c *siotest.Client) { c.Emit("leave"); c.ExpectNone(time.Second) }},
		{"not idle", `event "echo" ["echo",1], want none`, func(_ testing.TB, _ *socketio.Server, c *siotest.Client) { c.Emit("echo", 1); c.ExpectIdle() }},
		{"awaited in vain", `no event within 5s, want event "other"`, func(_ testing.TB, _ *socketio.Server, c *siotest.Client) { c.Emit("echo"); c.Await("other") }},
		{"ack in vain", `the event was not acknowledged within 5s`, func(_ testing.TB, _ *socketio.Server, c *siotest.Client) { c.ExpectAck(c.EmitWithAck("nothing")) }},
		{"other typed event", `event "echo" ["echo"], want "added"`, func(_ testing.TB, _ *socketio.Server, c *siotest.Client) {
			c.Emit("echo")
			siotest.ExpectEvent(c, socketio.NewEvent[int, int]("added"))
		}},
		{"typed failure", `"fail" is answered with a failure: socketio: forbidden: no`, func(_ testing.TB, _ *socketio.Server, c *siotest.Client) {
			siotest.CallEvent(c, socketio.NewEvent[socketio.None, int]("fail"), socketio.None{})
		}},
		{"not refused, another namespace", `the connection to /open is not refused`, func(_ testing.TB, srv *socketio.Server, c *siotest.Client) {
			srv.Of("/open")
			c.RefusedOf("/open", nil)
		}},
		{"not rejected", `is not rejected`, func(t testing.TB, srv *socketio.Server, _ *siotest.Client) {
			siotest.Rejected(t, srv, siotest.Options{})
		}},
		{"upgraded twice", `the upgrade fails: the connection is a WebSocket`, func(_ testing.TB, _ *socketio.Server, c *siotest.Client) { c.Conn().Upgrade() }},
		{"upgrade refused", `the upgrade fails: 400 Bad Request: {"code":3`, func(t testing.TB, _ *socketio.Server, _ *siotest.Client) {
			srv := socketio.NewServer(&socketio.Options{NoUpgrade: true})
			t.Cleanup(srv.Close)
			siotest.Open(t, srv, siotest.Options{Transport: "polling"}).Upgrade()
		}},
		{"nothing to connect to", `neither a handler nor Options.Dial`, func(t testing.TB, _ *socketio.Server, _ *siotest.Client) { siotest.Open(t, nil, siotest.Options{}) }},
		{"an event", `event "echo" ["echo"]`, func(_ testing.TB, _ *socketio.Server, c *siotest.Client) { c.Emit("echo"); c.ExpectNone(time.Second) }},
		{"no disconnect", `no disconnect`, func(_ testing.TB, _ *socketio.Server, c *siotest.Client) { c.ExpectDisconnect("") }},
		{"another disconnect", `disconnected: io server disconnect, want transport close`, func(_ testing.TB, _ *socketio.Server, c *siotest.Client) {
			c.Emit("leave")
			c.ExpectDisconnect(siotest.TransportClose)
		}},
		{"no disconnect but an event", `want a disconnect`, func(_ testing.TB, _ *socketio.Server, c *siotest.Client) { c.Emit("echo"); c.ExpectDisconnect("") }},
		{"too few arguments", `1 arguments wanted`, func(_ testing.TB, _ *socketio.Server, c *siotest.Client) {
			c.Emit("echo")
			c.Expect("echo", new(int))
		}},
		{"another type", `argument 0`, func(_ testing.TB, _ *socketio.Server, c *siotest.Client) {
			c.Emit("echo", "x")
			c.Expect("echo", new(int))
		}},
		{"no acknowledgement", `"nothing" was not acknowledged`, func(_ testing.TB, _ *socketio.Server, c *siotest.Client) { c.Call("nothing") }},
		{"disconnected in a call", `disconnected before "leave" was acknowledged`, func(_ testing.TB, _ *socketio.Server, c *siotest.Client) { c.Call("leave"); c.Call("leave") }},
		{"ack of no call", `did not ask`, func(_ testing.TB, _ *socketio.Server, c *siotest.Client) { c.Emit("echo"); c.Expect("echo").Ack() }},
		{"bad argument", `cannot encode`, func(_ testing.TB, _ *socketio.Server, c *siotest.Client) { c.Emit("echo", func() {}) }},
		{"refused", `connection refused: no`, func(t testing.TB, srv *socketio.Server, _ *siotest.Client) {
			siotest.Dial(t, srv, siotest.Options{Namespace: "/admin"})
		}},
		{"not refused", `is not refused`, func(t testing.TB, srv *socketio.Server, _ *siotest.Client) {
			siotest.Refused(t, srv, siotest.Options{})
		}},
		{"no server", `404 Not Found`, func(t testing.TB, _ *socketio.Server, _ *siotest.Client) {
			siotest.Dial(t, http.NotFoundHandler(), siotest.Options{})
		}},
		{"no server, polling", `404 Not Found`, func(t testing.TB, _ *socketio.Server, _ *siotest.Client) {
			siotest.Open(t, http.NotFoundHandler(), siotest.Options{Transport: "polling"})
		}},
		{"no message", `no message`, func(_ testing.TB, _ *socketio.Server, c *siotest.Client) { c.Conn().Next() }},
		{"not closed", `still open`, func(_ testing.TB, _ *socketio.Server, c *siotest.Client) { c.Conn().ExpectClosed() }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := app()
				t.Cleanup(srv.Close)
				f := failing{t, make(chan string, 4)}
				c := siotest.Dial(f, srv, siotest.Options{})
				done := make(chan struct{})
				go func() {
					defer close(done)
					tt.do(f, srv, c)
				}()
				<-done
				close(f.text)
				got := <-f.text
				assert.True(t, fmt.Sprintf("%q has %q", got, tt.want), strings.Contains(got, tt.want))
			})
		})
	}
}

// ending is a failing whose clean-ups the test runs itself.
type ending struct {
	failing
	cleanups *[]func()
}

func (e ending) Cleanup(f func()) { *e.cleanups = append(*e.cleanups, f) }

// TestFunctionThatDoesNotReturn: the test that has given it to On fails, and
// does not hang.
func TestFunctionThatDoesNotReturn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := app()
		defer srv.Close()
		e := ending{failing{t, make(chan string, 4)}, new([]func())}
		c := siotest.Dial(e, srv, siotest.Options{})
		release := make(chan struct{})
		c.On("echo", func(*siotest.Message) { <-release })
		c.Emit("echo")
		synctest.Wait()
		for _, f := range *e.cleanups {
			f()
		}
		assert.Equal(t, "failure", <-e.text, "siotest: a function given to On has not returned within 5s")
		close(release)
	})
}
