// Package chattest is the test that every example has to pass.
package chattest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/gosio/gosio/internal/assert"
)

// patience bounds each wait of the test.
const patience = time.Minute

// Run starts an example on a port of its own and does with it what its page
// does. run is the example's: it serves until the context ends. Packages that
// use it call leak.Main.
func Run(t *testing.T, run func(context.Context, net.Listener) error) {
	t.Run("Page", func(t *testing.T) { testPage(t, start(t, run)) })
	t.Run("Chat", func(t *testing.T) { testChat(t, start(t, run)) })
	t.Run("SignIn", func(t *testing.T) { testSignIn(t, start(t, run)) })
	t.Run("Orders", func(t *testing.T) { testOrders(t, start(t, run)) })
	t.Run("Shutdown", func(t *testing.T) { testShutdown(t, start(t, run)) })
}

// app is an example that runs.
type app struct {
	url  string
	http *http.Client
	stop context.CancelFunc
	done <-chan error // what run returned
}

func start(t *testing.T, run func(context.Context, net.Listener) error) *app {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	transport := &http.Transport{}
	a := &app{
		url:  "http://" + l.Addr().String(),
		http: &http.Client{Transport: transport, Timeout: patience},
		stop: stop,
		done: done,
	}
	go func() { done <- run(ctx, l); close(done) }()
	t.Cleanup(func() {
		stop()
		transport.CloseIdleConnections()
		select {
		case err := <-done: // nil, too, when the test has taken the answer
			assert.NoError(t, err)
		case <-time.After(2 * patience):
			t.Error("the example does not end")
		}
	})
	return a
}

// get returns the body of a page that must exist.
func (a *app) get(t *testing.T, path string) (contentType, body string) {
	t.Helper()
	res, err := a.http.Get(a.url + path)
	assert.NoError(t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	assert.NoError(t, err)
	assert.Equal(t, "status of "+path, res.StatusCode, http.StatusOK)
	return res.Header.Get("Content-Type"), string(b)
}

func (a *app) post(t *testing.T, path, body string) (status int) {
	t.Helper()
	status, _ = a.postFor(t, path, body)
	return status
}

// postFor returns the type of what is answered, too, and then that.
func (a *app) postFor(t *testing.T, path, body string) (status int, answer string) {
	t.Helper()
	res, err := a.http.Post(a.url+path, "application/json", strings.NewReader(body))
	assert.NoError(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	assert.NoError(t, err)
	contentType, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";")
	return res.StatusCode, contentType + " " + strings.TrimSpace(string(text))
}

func testPage(t *testing.T, a *app) {
	for path, want := range map[string]struct{ contentType, text string }{
		"/":                           {"text/html", `src="/socket.io/socket.io.min.js"`},
		"/chat.css":                   {"text/css", "prefers-color-scheme"},
		"/chat.js":                    {"javascript", `emit("say"`},
		"/socket.io/socket.io.min.js": {"javascript", "emitWithAck"},
	} {
		contentType, body := a.get(t, path)
		assert.True(t, path+" is "+want.contentType+", not "+contentType, strings.Contains(contentType, want.contentType))
		assert.True(t, path+" has "+want.text, strings.Contains(body, want.text))
		if strings.HasPrefix(path, "/socket.io/") {
			continue
		}
		rest := strings.ReplaceAll(body, "http://www.w3.org/2000/svg", "") // a name, not a request
		assert.True(t, path+" refers to no other host", !strings.Contains(rest, "://"))
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		_, body := a.get(t, path)
		assert.Equal(t, path, strings.TrimSpace(body), `{"status":"ok"}`)
	}
	res, err := a.http.Get(a.url + "/nothing-here")
	assert.NoError(t, err)
	defer res.Body.Close()
	assert.Equal(t, "status of a page that is not there", res.StatusCode, http.StatusNotFound)
}

func testChat(t *testing.T, a *app) {
	ada := dial(t, a, "Ada", "lobby")
	ada.expect(`"here",{"room":"lobby","names":["Ada"]}`) // before Grace is in the room, who would get it, too
	grace := dial(t, a, "Grace", "lobby")
	ada.expect(`"here",{"room":"lobby","names":["Ada","Grace"]}`)
	grace.expect(`"here",{"room":"lobby","names":["Ada","Grace"]}`)

	// A message, its acknowledgement, and the news of its delivery.
	var said message
	ada.call(&said, "say", map[string]string{"room": "lobby", "text": " hello "})
	assert.Equal(t, "acknowledged", message{said.ID, said.From, said.Text}, message{1, "Ada", "hello"})
	grace.expect(`"said",{"id":1,"room":"lobby","from":"Ada","text":"hello"`)
	grace.call(nil, "received", said.ID)
	ada.expect(`"delivered",1`)

	// Typing, to others only, and only from where one is.
	grace.call(nil, "typing", "lobby", true)
	ada.expect(`"typing","Grace",true`)
	var refused refusal
	grace.call(&refused, "typing", "coffee", true)
	assert.Equal(t, "typing elsewhere", refused.Error.Code, "forbidden")

	// Another room: a past of its own, and one leaves the last.
	var room struct {
		Names, Rooms []string
		Recent       []message
	}
	grace.call(&room, "join", "coffee")
	assert.Equal(t, "who is there", room.Names, []string{"Grace"})
	assert.Equal(t, "messages", len(room.Recent), 0)
	ada.expect(`"here",{"room":"lobby","names":["Ada"]}`)
	grace.expect(`"here",{"room":"coffee","names":["Grace"]}`)
	for why, text := range map[string]string{"empty": " ", "long": strings.Repeat("x", 2001)} {
		ada.call(&refused, "say", map[string]string{"room": "lobby", "text": text})
		assert.Equal(t, why, refused.Error.Code, "bad_request")
	}
	grace.call(&refused, "say", map[string]string{"room": "lobby", "text": "from outside"})
	assert.Equal(t, "said from outside", refused.Error.Code, "forbidden")
	grace.call(&refused, "join", "user:Ada")
	assert.Equal(t, "a room that is no chat room", refused.Error.Code, "bad_request")
	grace.call(&room, "join", "lobby")
	assert.Equal(t, "the past", room.Recent, []message{{1, "Ada", "hello"}})
	ada.expect(`"here",{"room":"lobby","names":["Ada","Grace"]}`)
	grace.close()
	ada.expect(`"here",{"room":"lobby","names":["Ada"]}`)
}

func testSignIn(t *testing.T, a *app) {
	for why, auth := range map[string]string{
		"nothing": "", "no name": `{}`, "blank": `{"name":" "}`, "number": `{"name":1}`,
		"long": `{"name":"` + strings.Repeat("x", 25) + `"}`,
	} {
		p := open(t, a)
		p.send("40" + auth)
		assert.True(t, why+" is refused", strings.HasPrefix(p.next(), `44{"message":"bad `))
		p.close()
	}
}

func testOrders(t *testing.T, a *app) {
	first, second := dial(t, a, "42", ""), dial(t, a, "42", "") // two windows of one user
	other := dial(t, a, "43", "")
	assert.Equal(t, "status", a.post(t, "/orders", `{"user":"42","item":"tea"}`), http.StatusAccepted)
	first.expect(`"order",{"user":"42","item":"tea"}`)
	second.expect(`"order",{"user":"42","item":"tea"}`)
	for _, body := range []string{``, `{`, `{"user":"43"}`, `{"item":"tea"}`, `[]`} {
		status, answer := a.postFor(t, "/orders", body)
		assert.Equal(t, "status of "+body, status, http.StatusBadRequest)
		assert.Equal(t, "answer to "+body, answer, `application/json {"error":"user and item are required"}`)
	}
	assert.Equal(t, "status", a.post(t, "/orders", `{"user":"43","item":"cake"}`), http.StatusAccepted)
	other.expect(`"order",{"user":"43","item":"cake"}`) // and not the tea before it
}

// testShutdown: with a WebSocket and a poll open, an app that shuts down in the
// wrong order waits for the poll, which lasts up to 25 s.
func testShutdown(t *testing.T, a *app) {
	ada := dial(t, a, "Ada", "")
	sid := a.poll(t, "", nil)
	assert.True(t, "a session", strings.HasPrefix(sid, `0{"sid":"`))
	_, rest, _ := strings.Cut(sid, `"sid":"`)
	sid, _, _ = strings.Cut(rest, `"`)
	assert.Equal(t, "status", a.post(t, "/socket.io/?EIO=4&transport=polling&sid="+sid, `40{"name":"Grace"}`), http.StatusOK)
	assert.True(t, "joined", strings.HasPrefix(a.poll(t, sid, nil), `40{"sid":`))
	sent, parked := make(chan struct{}), make(chan string, 1)
	go func() { parked <- a.poll(t, sid, func() { close(sent) }) }()
	<-sent
	a.get(t, "/") // by now the app has the poll, too
	closed := make(chan error, 1)
	go func() { _, err := ada.read(); closed <- err }()

	a.stop()
	select {
	case err := <-a.done:
		assert.NoError(t, err) // as of a deadline that has passed because somebody held the shutdown up
	case <-time.After(2 * patience):
		t.Fatal("the shutdown waits for somebody")
	}
	assert.Equal(t, "the poll", <-parked, "1")
	// Not a 41 but the end of the connection: clients then come back by themselves.
	assert.Equal(t, "the WebSocket", websocket.CloseStatus(<-closed), websocket.StatusServiceRestart)
	_, err := a.http.Get(a.url) //nolint:bodyclose // there is no response
	assert.True(t, "nobody listens any more", errors.As(err, new(*net.OpError)))
}

// poll makes one GET, without a sid a handshake. sent is called when the request
// is on its way; it may be nil.
func (a *app) poll(t *testing.T, sid string, sent func()) string {
	url := a.url + "/socket.io/?EIO=4&transport=polling"
	if sid != "" {
		url += "&sid=" + sid
	}
	req, err := http.NewRequest(http.MethodGet, url, http.NoBody)
	assert.NoError(t, err)
	if sent != nil {
		req = req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
			WroteRequest: func(httptrace.WroteRequestInfo) { sent() },
		}))
	}
	res, err := a.http.Do(req)
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(res.Body); err != nil {
		return err.Error()
	}
	return b.String()
}

type message struct {
	ID         int
	From, Text string
}

type refusal struct {
	Error struct{ Code string }
}

func encode(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic("chattest: " + err.Error()) // of the test's own making
	}
	return string(b)
}
