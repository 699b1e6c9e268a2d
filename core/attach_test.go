package socketio_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// doorman is middleware with a hook of its own.
type doorman struct{ attached []string }

func (d *doorman) Handshake(context.Context, *socketio.Socket) error { return nil }
func (d *doorman) Attach(ns *socketio.Namespace) {
	d.attached = append(d.attached, ns.Name())
	ns.OnConnect(func(s *socketio.Socket) { _ = s.Emit("hello", ns.Name()) })
}

func TestMiddlewareIsAttached(t *testing.T) {
	t.Parallel()
	srv := socketio.NewServer(nil)
	defer srv.Close()
	d := &doorman{}
	srv.Of("/a").Use(d)
	srv.Of("/b").Use(d)
	assert.Equal(t, "attached", d.attached, []string{"/a", "/b"})
	siotest.Dial(t, srv, siotest.Options{Namespace: "/b"}).Expect("hello")
}

func TestPrintedHandshakeHidesCredentials(t *testing.T) {
	t.Parallel()
	srv := socketio.NewServer(nil)
	defer srv.Close()
	var text string
	srv.UseFunc(func(_ context.Context, s *socketio.Socket) error {
		var b bytes.Buffer
		slog.New(slog.NewJSONHandler(&b, nil)).Info("in", "handshake", s.Handshake())
		text = fmt.Sprintf("%v %+v %s %s", s.Handshake(), s.Handshake(), s.Handshake(), &b)
		return nil
	})
	siotest.Dial(t, srv, siotest.Options{
		Query: url.Values{"token": {"hunter2"}}, Header: http.Header{"Authorization": {"Bearer hunter2"}},
		Auth: map[string]string{"token": "hunter2"},
	})
	if strings.Contains(text, "hunter2") || !strings.Contains(text, "GET /socket.io/") {
		t.Errorf("printed: %s", text)
	}
}
