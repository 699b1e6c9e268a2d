//go:build unix

package engine_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/internal/assert"
)

// stoppable marks the process that TestStopped stops.
const stoppable = "GOSIO_TEST_STOPPABLE"

// TestServeStoppable is the other process of TestStopped: a server until its
// standard input ends.
func TestServeStoppable(t *testing.T) {
	t.Parallel()
	if os.Getenv(stoppable) == "" {
		return
	}
	a := newApp()
	h := serve(t, setup{app: a, opts: engine.Options{
		PingInterval: 200 * time.Millisecond, PingTimeout: 2 * time.Second, AllowEIO3: true,
		FirstPollTimeout: 2 * time.Second, MessageTimeout: 2 * time.Second, UpgradeTimeout: 2 * time.Second, BodyTimeout: 2 * time.Second,
		CloseTimeout: time.Second,
	}})
	_, _ = os.Stdout.WriteString("serving " + h.addr + "\n")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// startStoppable starts it.
func startStoppable(t *testing.T) (h *host, signal func(syscall.Signal)) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestServeStoppable$")
	cmd.Env = append(os.Environ(), stoppable+"=1")
	in, err := cmd.StdinPipe()
	assert.NoError(t, err)
	out, err := cmd.StdoutPipe()
	assert.NoError(t, err)
	assert.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Process.Signal(syscall.SIGCONT)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if addr, ok := strings.CutPrefix(lines.Text(), "serving "); ok {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			transport := &http.Transport{}
			t.Cleanup(transport.CloseIdleConnections)
			return &host{
				t: t, addr: addr, base: "http://" + addr + "/engine.io/?EIO=4", patience: 30 * time.Second,
				http:    &http.Client{Transport: transport},
				connect: func() (net.Conn, error) { return net.Dial("tcp", addr) },
			}, func(s syscall.Signal) { assert.NoError(t, cmd.Process.Signal(s)) }
		}
	}
	t.Fatal("the server has not started")
	return nil, nil
}

// TestStopped: a process that was stopped for longer than all its timeouts
// blames no client that has done in time what it had to; those that are really
// silent are ended soon after.
func TestStopped(t *testing.T) {
	t.Parallel()
	h, signal := startStoppable(t)
	const each = 5
	// What a client of each kind does before the stop, and while it lasts; what
	// comes back shows that it lives.
	var prompt, silent []*client
	var polls []func() <-chan reply
	post := func(sid, body string) func() <-chan reply {
		return func() <-chan reply {
			answer := make(chan reply, 1)
			go func() {
				answer <- h.try(request{method: "POST", query: "&transport=polling&sid=" + sid, body: strings.NewReader(body)})
			}()
			return answer
		}
	}
	var unfinished, upgrading, old []*client
	for range each {
		c, _ := h.wsOpen("")
		prompt = append(prompt, c)
		c, _ = h.wsOpen("")
		silent = append(silent, c)
		c, _ = h.wsOpen("")
		unfinished = append(unfinished, c)
		c = h.dial()
		c.http(strings.Replace(upgradeRequest("&transport=websocket", keyHeaders), "EIO=4", "EIO=3", 1))
		c.next()
		c.send("2")
		c.expect("3")
		old = append(old, c)
		polls = append(polls, post(sidOf(h.do(request{query: "&transport=polling"}).body), "4x")) // its first
	}
	var pongs []string
	for range 2 * each {
		pongs = append(pongs, sidOf(h.do(request{query: "&transport=polling"}).body))
	}
	for i, sid := range pongs {
		assert.Equal(t, "ping", h.get(sid).body, "2")
		if i < each { // one of them has a POST under way then, too
			upgrading = append(upgrading, h.probe(sid))
		}
	}
	for _, c := range slices.Concat(prompt, silent, unfinished) {
		c.expect("2")
	}
	var posting []*client // in the middle of a body, of either kind
	for i := range 2 * each {
		length, part := "Content-Length: 100", "4"+strings.Repeat("m", 49)
		if i%2 == 0 {
			length, part = "Transfer-Encoding: chunked", "64\r\n"+part
		}
		sid := sidOf(h.do(request{query: "&transport=polling"}).body)
		c := h.dial()
		res := c.http("POST /engine.io/?EIO=4&transport=polling&sid=" + sid + " HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n" + length + "\r\n\r\n")
		assert.Equal(t, "status", res.StatusCode, 100) // the handler reads
		c.raw([]byte(part))
		posting = append(posting, c)
	}
	message := frames(textFrame("4" + strings.Repeat("m", 100)))
	for _, c := range unfinished {
		c.send("3")
		c.raw(message[:50])
	}

	signal(syscall.SIGSTOP)
	<-time.After(100 * time.Millisecond)
	for _, c := range prompt {
		c.send("3")
	}
	for _, c := range unfinished {
		c.raw(message[50:])
	}
	for _, c := range old {
		c.send("2")
	}
	for i, c := range posting {
		rest := strings.Repeat("m", 50)
		if i%2 == 0 {
			rest += "\r\n0\r\n\r\n"
		}
		c.raw([]byte(rest))
	}
	var answers []<-chan reply
	for _, start := range polls {
		answers = append(answers, start())
	}
	for _, sid := range pongs {
		answers = append(answers, post(sid, "3")())
	}
	<-time.After(3 * time.Second) // real: the other process has no virtual time
	signal(syscall.SIGCONT)

	for _, answer := range answers {
		r := await(h, "the answer to a POST", answer)
		assert.NoError(t, r.err)
		assert.Equal(t, "POST", r.body, "ok")
	}
	for _, c := range posting {
		res, err := http.ReadResponse(c.br, nil)
		assert.NoError(t, err)
		body, err := io.ReadAll(res.Body)
		assert.NoError(t, err)
		assert.Equal(t, "POST in the middle", string(body), "ok")
		assert.Equal(t, "closes", res.Close, false)
	}
	for _, c := range upgrading {
		c.send("5", "4x")
		c.skipTo("4x")
	}
	for _, c := range prompt {
		c.send("4x")
		c.skipTo("4x")
	}
	for _, c := range unfinished {
		c.skipTo("4" + strings.Repeat("m", 100))
	}
	for _, c := range old {
		c.skipTo("3")
		c.send("4x")
		c.skipTo("4x")
	}
	start := time.Now()
	for _, c := range silent {
		for {
			if _, _, err := c.read(); err != nil {
				break
			}
		}
	}
	assert.True(t, "silent clients are ended", time.Since(start) < 20*time.Second)
}

// skipTo reads text frames up to this one, and answers pings.
func (c *client) skipTo(want string) {
	c.t.Helper()
	for {
		_, got := c.next()
		switch got {
		case want:
			return
		case "2":
			c.send("3")
		case "3probe":
		default:
			c.t.Fatalf("got %q while waiting for %q", got, want)
		}
	}
}
