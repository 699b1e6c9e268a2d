package docs_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/graceful"
	"github.com/gosio/gosio/inspector"
	"github.com/gosio/gosio/internal/assert"
)

func TestInspector(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	// code: mount
	srv := socketio.NewServer(nil)
	mux.Handle("/socket.io/", srv)
	mux.Handle("/inspect/", inspector.New(srv, inspector.Options{
		Users: map[string]string{"ops": "$2a$04$t3B06mjCcVDkOVxDgy2J5eLQbuKzELSRnTDZi6C7Xmx3tUzbXgYLa"}, // bcrypt
	}))
	// end
	t.Cleanup(srv.Close)
	siotest.Refused(t, mux, siotest.Options{Namespace: "/inspector"})
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/inspect/", nil)
	r.SetBasicAuth("ops", "s3cret")
	mux.ServeHTTP(w, r)
	assert.Equal(t, "status", w.Code, http.StatusOK)
}

func TestInspectorReplay(t *testing.T) {
	t.Parallel()
	srv := socketio.NewServer(nil)
	t.Cleanup(srv.Close)
	srv.UseFunc(func(_ context.Context, s *socketio.Socket) error {
		var auth struct{ Token string }
		if s.Handshake().DecodeAuth(&auth) != nil || auth.Token != "token of ann" {
			return errors.New("who is that?")
		}
		return nil
	})
	srv.On("login", func(m struct{ Password string }) bool { return m.Password == "s3cret" })
	tokenFor := func(identity string) string { return "token of " + identity }
	file := strings.NewReader(`{"format":"gosio recording","version":1,"namespace":"/","socket":"A","seconds":30,"redacted":true}
{"at":1764572400000000,"kind":"here","socket":"A","server":"one","identity":"ann"}
{"at":1764572401000000,"kind":"in","socket":"A","n":1,"event":"login","args":[{"name":"ann","password":"[redacted]"}],"ack":true}
{"at":1764572401000100,"kind":"ack","socket":"A","n":1,"event":"login","args":[true]}
`)
	// code: replay
	rec, err := siotest.ReadRecording(file)
	if err != nil {
		t.Fatal(err)
	}
	got := siotest.Replay(t, srv, rec, siotest.ReplayOptions{
		Client: func(c siotest.RecordedClient) siotest.Options { // which auth payload is in no file
			return siotest.Options{Auth: map[string]string{"token": tokenFor(c.Identity)}}
		},
		Change: func(p *siotest.RecordedPacket) {
			if p.Event == "login" {
				p.Args[0] = json.RawMessage(`{"name":"ann","password":"s3cret"}`)
			}
		},
	})
	for _, line := range siotest.Differences(rec.Answers(), got) {
		t.Error(line)
	}
	// end
	assert.Equal(t, "answers", len(got), 1)
}

func TestInspectorDrain(t *testing.T) {
	t.Parallel()
	srv := socketio.NewServer(nil)
	t.Cleanup(srv.Close)
	// code: drain
	service := graceful.New(srv, &graceful.Options{Delay: 5 * time.Second})
	inspect := inspector.New(srv, inspector.Options{Allow: inspector.Localhost, Drain: service.Shutdown})
	// end
	r := httptest.NewRequest(http.MethodGet, "http://localhost/inspect/", nil)
	r.RemoteAddr = "127.0.0.1:1"
	w := httptest.NewRecorder()
	inspect.ServeHTTP(w, r)
	assert.Equal(t, "status", w.Code, http.StatusOK)
}
