package siotest_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/pipe"
)

// TestIdle: nothing comes while everything rests, and pings are nothing.
func TestIdle(t *testing.T) {
	onBoth(t, func(t *testing.T, srv *socketio.Server, o siotest.Options) {
		c := siotest.Dial(t, srv, o)
		start := time.Now()
		c.ExpectIdle()
		assert.Equal(t, "time that it takes", time.Since(start), time.Duration(0))
		c.Emit("echo", "a")
		c.Emit("echo", "b")
		c.Emit("add", 1, 2)
		var text string
		assert.Equal(t, "event", c.Await("echo", &text).Len(), 1)
		assert.Equal(t, "text", text, "a")
		c.Expect("echo", &text)
		c.ExpectIdle()
		<-time.After(time.Hour)
		c.ExpectIdle()
		ack := c.EmitWithAck("add", 2, 3)
		var sum int
		c.ExpectAck(ack, &sum)
		assert.Equal(t, "sum", sum, 5)
	})
}

// TestUpgrade: no event is lost or comes twice, in neither direction.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := app()
		t.Cleanup(srv.Close)
		c := siotest.Dial(t, srv, siotest.Options{Transport: "polling"})
		s, _ := srv.Socket(c.ID())
		var sending sync.WaitGroup
		sending.Go(func() {
			for i := range 100 {
				c.Emit("echo", i, []byte{byte(i)})
			}
		})
		c.Conn().Upgrade()
		sending.Wait()
		for i := range 100 {
			var n int
			var b []byte
			c.Expect("echo", &n, &b)
			assert.Equal(t, "event", n, i)
			assert.Equal(t, "binary", b, []byte{byte(i)})
		}
		assert.Equal(t, "transport", s.Transport(), "websocket")
		c.ExpectNone(time.Hour) // pings are answered
		c.Disconnect()
		c.ExpectDisconnect("io client disconnect")
		synctest.Wait()
		assert.Equal(t, "connections", srv.Connections(), 0)
	})
}

// TestSlowClient: one that does not read is disconnected, and says so.
func TestSlowClient(t *testing.T) {
	onBoth(t, func(t *testing.T, srv *socketio.Server, o siotest.Options) {
		reasons := make(chan socketio.Reason, 1)
		srv.OnDisconnect(func(_ *socketio.Socket, r socketio.Reason) { reasons <- r })
		c := siotest.Dial(t, srv, o)
		c.Stall(true)
		s, _ := srv.Socket(c.ID())
		var err error
		for range 100 {
			if err = s.Emit("much", strings.Repeat("x", 1<<20)); err != nil {
				break
			}
			synctest.Wait()
		}
		assert.ErrorIs(t, err, socketio.ErrSlowConsumer)
		assert.Equal(t, "reason", <-reasons, socketio.ReasonTransportError)
		c.Stall(false)
	})
}

// TestStallEnds: what was sent meanwhile comes.
func TestStallEnds(t *testing.T) {
	onBoth(t, func(t *testing.T, srv *socketio.Server, o siotest.Options) {
		c := siotest.Dial(t, srv, o)
		c.Stall(true)
		assert.NoError(t, srv.Emit("news", 1))
		c.ExpectIdle()
		c.Stall(false)
		c.Expect("news")
		c.ExpectIdle()
	})
}

// TestReconnectWith: another token, another answer.
func TestReconnectWith(t *testing.T) {
	onBoth(t, func(t *testing.T, srv *socketio.Server, o siotest.Options) {
		o.Namespace, o.Auth = "/admin", map[string]string{"token": "secret"}
		c := siotest.Dial(t, srv, o)
		assert.Equal(t, "same", c.Reconnect().Call("add", 1, 1).String(), "[200]")
		assert.Equal(t, "again", c.ReconnectWith(o.Auth).Call("add", 1, 1).String(), "[200]")
		o.Namespace = "/"
		c = siotest.Dial(t, srv, o)
		assert.Equal(t, "refused", c.RefusedOf("/admin", map[string]string{"token": "stolen"}).Message, "no")
		assert.Equal(t, "goes on", c.Call("add", 1, 1).String(), "[2]")
	})
}

// TestRejected: by the server, and by what stands in front of it.
func TestRejected(t *testing.T) {
	onBoth(t, func(t *testing.T, _ *socketio.Server, o siotest.Options) {
		srv := socketio.NewServer(&socketio.Options{AllowRequest: func(*http.Request) error { return errors.New("never") }})
		t.Cleanup(srv.Close)
		r := siotest.Rejected(t, srv, o)
		assert.Equal(t, "status", r.Status, 403)
		assert.Equal(t, "code", r.Code, 4)
		assert.Equal(t, "message", r.Message, "Forbidden")
		assert.Equal(t, "type", r.Header.Get("Content-Type"), "application/json")
		r = siotest.Rejected(t, http.NotFoundHandler(), o)
		assert.Equal(t, "status", r.Status, 404)
		assert.Equal(t, "code", r.Code, -1)
		assert.Equal(t, "body", r.Body, "404 page not found\n")
	})
}

// TestHeader: what the handshake's response says, and cookies that come back.
func TestHeader(t *testing.T) {
	onBoth(t, func(t *testing.T, _ *socketio.Server, o siotest.Options) {
		srv := socketio.NewServer(&socketio.Options{Headers: func(h http.Header, _ *http.Request, initial bool) {
			if initial {
				h.Set("X-Served-By", "a")
				h.Add("Set-Cookie", "stick=a; Path=/")
			}
		}})
		t.Cleanup(srv.Close)
		cookies := make(chan string, 1)
		srv.OnConnect(func(s *socketio.Socket) { cookies <- s.Handshake().Header().Get("Cookie") })
		jar, err := cookiejar.New(nil)
		assert.NoError(t, err)
		o.Jar = jar
		c := siotest.Dial(t, srv, o)
		assert.Equal(t, "header", c.Conn().Header().Get("X-Served-By"), "a")
		assert.Equal(t, "cookie", <-cookies, "")
		c.Reconnect()
		assert.Equal(t, "cookie", <-cookies, "stick=a")
	})
}

// TestDialOption: a server that is no handler, behind a network of its own.
func TestDialOption(t *testing.T) {
	onBoth(t, func(t *testing.T, srv *socketio.Server, o siotest.Options) {
		ln := pipe.Listen()
		hs := &http.Server{Handler: srv, ReadHeaderTimeout: time.Minute}
		served := make(chan error)
		go func() { served <- hs.Serve(ln) }()
		t.Cleanup(func() {
			_ = hs.Close()
			<-served
		})
		o.Dial = func(ctx context.Context) (net.Conn, error) { return ln.DialContext(ctx, "", "") }
		reasons := make(chan socketio.Reason, 1)
		srv.OnDisconnect(func(_ *socketio.Socket, r socketio.Reason) { reasons <- r })
		c := siotest.Dial(t, nil, o)
		c.Emit("echo", []byte{1})
		c.Expect("echo")
		c.Stall(true)
		assert.NoError(t, srv.Emit("news"))
		c.ExpectIdle()
		c.Stall(false)
		c.Expect("news")
		c.Cut()
		c.ExpectDisconnect(siotest.TransportClose)
		<-reasons
		c = c.Reconnect()
		assert.Equal(t, "sum", c.Call("add", 1, 1).String(), "[2]")
		c.Conn().Close()
		assert.Equal(t, "reason", <-reasons, socketio.ReasonTransportClose)

		resp, err := siotest.HTTP(t, nil, o).Get("http://server.test/socket.io/")
		assert.NoError(t, err)
		assert.Equal(t, "status", resp.StatusCode, 400)
		_ = resp.Body.Close()
		o.Dial = func(context.Context) (net.Conn, error) { return nil, io.ErrNoProgress }
		_, err = siotest.HTTP(t, nil, o).Get("http://server.test/")
		assert.ErrorIs(t, err, io.ErrNoProgress)
	})
}

// TestExample: failures of an example are seen, and what it has opened ends.
func TestExample(t *testing.T) { //nolint:paralleltest // it takes the standard output
	r, w, err := os.Pipe()
	assert.NoError(t, err)
	stdout := os.Stdout
	os.Stdout = w
	siotest.Example(func(t testing.TB) {
		t.Cleanup(func() { t.Log("last") })
		t.Cleanup(func() { t.Cleanup(func() { t.Log("second") }) })
		t.Helper()
		t.Log(t.Name())
		t.Error("wrong")
		t.Errorf("%s", "wrong again")
		func() {
			defer t.Log("first")
			t.Fatal("enough")
		}()
		t.Log("not reached")
	})
	siotest.Example(func(t testing.TB) {
		t.Fatalf("fatal %d", 1)
		t.Log("not reached")
	})
	os.Stdout = stdout
	_ = w.Close()
	got, err := io.ReadAll(r)
	assert.NoError(t, err)
	assert.Equal(t, "output", string(got), "example\nwrong\nwrong again\nenough\nfirst\nsecond\nlast\nfatal 1\n")
}
