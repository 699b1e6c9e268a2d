package clients_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/zishang520/socket.io/clients/engine/v3"
	"github.com/zishang520/socket.io/clients/engine/v3/transports"
	"github.com/zishang520/socket.io/clients/socket/v3"
	"github.com/zishang520/socket.io/v3/pkg/types"
)

const patience = 15 * time.Second

var (
	server = os.Getenv("SERVER")
	modes  = map[string]*types.Set[engine.TransportCtor]{
		"polling":   types.NewSet[engine.TransportCtor](transports.Polling),
		"websocket": types.NewSet[engine.TransportCtor](transports.WebSocket),
		"upgrade":   types.NewSet[engine.TransportCtor](transports.Polling, transports.WebSocket),
	}
)

// client is one socket, on a connection of its own.
type client struct {
	*socket.Socket
	t *testing.T
}

// hear keeps the arguments of each such event, in their order.
func (c client) hear(event string) <-chan []any {
	heard := make(chan []any, 10_000)
	_ = c.On(types.EventName(event), func(args ...any) { heard <- plain(args).([]any) })
	return heard
}

func (c client) call(event string, args ...any) []any {
	c.t.Helper()
	answers := make(chan []any, 1)
	_ = c.Emit(event, append(args, func(args []any, _ error) { answers <- plain(args).([]any) })...)
	return next(c.t, "ack of "+event, answers)
}

func next(t *testing.T, what string, heard <-chan []any) []any {
	t.Helper()
	select {
	case args := <-heard:
		return args
	case <-time.After(patience):
		t.Fatalf("no %s within %v", what, patience)
		return nil
	}
}

// plain makes values comparable: binary is []byte, and numbers are float64.
func plain(value any) any {
	switch value := value.(type) {
	case nil, string, bool, float64, []byte:
		return value
	case int:
		return float64(value)
	case []any:
		all := make([]any, len(value))
		for i := range value {
			all[i] = plain(value[i])
		}
		return all
	case map[string]any:
		all := make(map[string]any, len(value))
		for key := range value {
			all[key] = plain(value[key])
		}
		return all
	case interface{ Bytes() []byte }:
		return bytes.Clone(value.Bytes())
	case error:
		return value
	}
	text, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("%T: %v", value, err))
	}
	var v any
	_ = json.Unmarshal(text, &v)
	return v
}

func equal(t *testing.T, got, want any) {
	t.Helper()
	if got, want := plain(got), plain(want); !reflect.DeepEqual(got, want) {
		t.Fatalf("got %.300s, want %.300s", fmt.Sprint(got), fmt.Sprint(want))
	}
}

func control(t *testing.T, method, path string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, server+"/control/"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return string(body)
}

func open(t *testing.T, mode, namespace string, auth map[string]any) client {
	t.Helper()
	options := socket.DefaultOptions()
	options.SetTransports(modes[mode])
	options.SetForceNew(true)
	options.SetAutoConnect(false)
	options.SetReconnectionDelay(50)
	options.SetReconnectionDelayMax(300)
	if auth != nil {
		options.SetAuth(auth)
	}
	s, err := socket.Io(server+namespace, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Disconnect() })
	return client{s, t}
}

func connect(t *testing.T, mode, namespace string, auth map[string]any) client {
	t.Helper()
	c := open(t, mode, namespace, auth)
	connected := c.hear("connect")
	c.Connect()
	next(t, "connect", connected)
	return c
}

// nested has binary at two depths, but over polling, where the client loses most
// events with binary.
func nested(mode string) map[string]any {
	deep := []any{[]byte{0, 1, 255}, map[string]any{"b": bytes.Repeat([]byte("\n4\x1e"), 1000)}}
	if mode == "polling" {
		deep = []any{"text", map[string]any{"b": nil}}
	}
	return map[string]any{"name": "ü€😀", "n": 1.5, "yes": true, "deep": deep}
}

func TestClient(t *testing.T) {
	if server == "" {
		t.Fatal("start it with conformance/go/run, which starts the server")
	}
	cases := map[string]func(*testing.T, string){
		"events": events, "acknowledgements": acknowledgements, "binary": binary, "order": order, "namespaces": namespaces,
		"rooms": rooms, "refusals": refusals, "kicks": kicks, "leaving": leaving, "heartbeats": heartbeats,
	}
	for mode := range modes {
		for name, run := range cases {
			t.Run(mode+"/"+name, func(t *testing.T) { run(t, mode) })
		}
	}
}

func events(t *testing.T, mode string) {
	c := connect(t, mode, "/", nil)
	echo := c.hear("echo")
	var large any = bytes.Repeat([]byte{254}, 150_000)
	if mode == "polling" {
		large = strings.Repeat("a", 150_000)
	}
	for _, args := range [][]any{
		{}, {1}, {"a", map[string]any{"b": "ü€😀\x1e\u2028"}, 2.5}, {nested(mode), "text"},
		{strings.Repeat("€", 100_000), large},
	} {
		_ = c.Emit("echo", args...)
		equal(t, next(t, fmt.Sprintf("echo of %.40s", fmt.Sprint(args)), echo), args)
	}
}

func acknowledgements(t *testing.T, mode string) {
	c := connect(t, mode, "/", nil)
	equal(t, c.call("echo-ack", "a", nested(mode)), []any{"a", nested(mode)})
	_ = c.On("question", func(args ...any) {
		args[len(args)-1].(func([]any, error))([]any{args[0]}, nil)
	})
	equal(t, c.call("ask", nested(mode), 10_000), []any{map[string]any{"answer": nested(mode)}})
}

func binary(t *testing.T, mode string) {
	if mode == "polling" {
		return // see nested: alike with Node's server
	}
	c := connect(t, mode, "/", nil)
	equal(t, c.call("binary", nested(mode), []byte("abc")), []any{map[string]any{"buffers": 3, "bytes": 3006}})
	blob := c.hear("blob")
	for _, n := range []int{1, 100_000} {
		_ = c.Emit("blob", n)
		of := func(b byte) []byte { return bytes.Repeat([]byte{b}, n) }
		parts := []any{of(1), map[string]any{"deep": of(2)}}
		equal(t, next(t, "blob", blob), []any{map[string]any{"name": "blob", "parts": parts}, of(3)})
	}
}

func order(t *testing.T, mode string) {
	c := open(t, mode, "/stream", nil)
	ticks, connected := c.hear("tick"), c.hear("connect")
	c.Connect()
	next(t, "connect", connected)
	for i := range 200 {
		_ = c.Emit("tock", i)
	}
	result := c.call("stop")[0].(map[string]any)
	equal(t, result["ordered"], true)
	equal(t, result["count"], 200)
	for i := range int(result["ticks"].(float64)) {
		equal(t, next(t, "tick", ticks), []any{i})
	}
}

func namespaces(t *testing.T, mode string) {
	for _, namespace := range []string{"/", "/chat", "/dynamic-1", "/admin"} {
		auth := map[string]any{"token": "secret"}
		c := connect(t, mode, namespace, auth)
		equal(t, c.call("whoami"), []any{map[string]any{"id": c.Id(), "namespace": namespace, "auth": auth}})
	}
}

func rooms(t *testing.T, mode string) {
	room := "room " + url.QueryEscape(t.Name())
	one, two := connect(t, mode, "/chat", nil), connect(t, mode, "/chat", nil)
	equal(t, one.call("join", room), []any{true})
	equal(t, two.call("join", room), []any{true})
	equal(t, two.call("rooms"), []any{[]any{room}})
	toOne, toTwo := one.hear("said"), two.hear("said")
	audience := func(from string) map[string]any {
		return map[string]any{"from": from, "to": []any{room}, "except": []any{}}
	}
	one.call("say", audience("namespace"), "both")
	one.call("say", audience("socket"), "two")
	two.call("leave", room)
	one.call("say", audience("namespace"), "one")
	for _, text := range []any{"both", "one"} {
		equal(t, next(t, "said", toOne), []any{text})
	}
	for _, text := range []any{"both", "two"} {
		equal(t, next(t, "said", toTwo), []any{text})
	}
}

func refusals(t *testing.T, mode string) {
	for namespace, want := range map[string]string{
		"/admin": "not authorized",
		// What has no data is refused all the same, but the client says so.
		"/closed": "missing 'data' field", "/nothing": "missing 'data' field",
	} {
		c := open(t, mode, namespace, nil)
		refused := make(chan []any, 1)
		_ = c.On("connect_error", func(args ...any) { refused <- args })
		c.Connect()
		err, ok := next(t, "connect_error", refused)[0].(error)
		if !ok || err.Error() != want {
			t.Fatalf("refused with %v, want %s", err, want)
		}
	}
}

func kicks(t *testing.T, mode string) {
	for _, whole := range []bool{false, true} {
		c := connect(t, mode, "/chat", nil)
		id, gone := c.Id(), c.hear("disconnect")
		_ = c.Emit("kick", whole)
		next(t, "disconnect", gone) // its reason is one of two: the close overtakes the packet
		equal(t, control(t, http.MethodGet, "reason?id="+url.QueryEscape(id)), "server namespace disconnect")
	}
}

func leaving(t *testing.T, mode string) {
	c := connect(t, mode, "/chat", nil)
	id := c.Id()
	c.Disconnect()
	reason := control(t, http.MethodGet, "reason?id="+url.QueryEscape(id))
	if reason != "client namespace disconnect" && (mode == "polling" || reason != "transport close") {
		t.Fatal(reason) // a WebSocket is closed before the farewell has left
	}
}

func heartbeats(t *testing.T, mode string) {
	equal(t, connect(t, mode, "/", nil).call("slow", 2500), []any{"done"}) // pings come every second
}
