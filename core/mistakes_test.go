package socketio_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// TestMistakes: what a newcomer gets wrong is in the log, once it happens, with
// what to do, and without what the client has sent.
func TestMistakes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, send string
		want       string // a line has this
	}{
		{"a mistyped event", `42["massage","SECRET"]`, `an event has no handler: its name is to be the same on both sides" namespace=/ socket=ID event=massage ack=false`},
		{"one that waits for an answer", `421["massage"]`, "event=massage ack=true"},
		{"wrong arguments", `42["add","SECRET",2]`, `event=add problem="arguments do not match the event: argument 1 has to be an integer of type int, not a string" type=int`},
		{"a namespace that does not exist", `40/caht,{"token":"SECRET"}`, `a client asks for a namespace that does not exist: Server.Of makes one before clients come" namespace=/caht`},
		{"a handler that fails", `42["fails"]`, `level=ERROR msg="socketio: handler failed" namespace=/ socket=ID event=fails error="no luck"`},
		{"a handler that panics", `42["panics"]`, `level=ERROR msg="socketio: panic" namespace=/ socket=ID event=panics in="handler of panics" panic="no luck" stack=`},
	}
	behind := map[string]func(*app){
		"": func(*app) {},
		" behind event middleware": func(a *app) { // as that of a guard
			a.UseEvent(func(next socketio.EventHandler) socketio.EventHandler {
				return func(ctx context.Context, in *socketio.Incoming) error { return next(ctx, in) }
			})
		},
	}
	for i := range len(tests) * len(behind) {
		tt, where := tests[i/len(behind)], slices.Sorted(maps.Keys(behind))[i%len(behind)]
		t.Run(tt.name+where, func(t *testing.T) {
			onBoth(t, func(t *testing.T, o siotest.Options) {
				a := newApp(t, socketio.Options{})
				behind[where](a)
				a.On("add", func(a, b int) int { return a + b })
				a.On("fails", func() error { return errors.New("no luck") })
				a.On("panics", func() { panic("no luck") })
				c := siotest.Open(t, a, o)
				assert.NoError(t, c.Send("40"))
				id := strings.Split(c.Next(), `"`)[3]
				for range 100 {
					assert.NoError(t, c.Send(tt.send))
				}
				assert.NoError(t, c.Send(`429["add",1,2]`)) // behind all of them
				for c.Next() != "439[3]" {
				}
				lines := append(a.log.take(), a.log.mistakes...)
				assert.Equal(t, "lines", len(lines), 10)
				want := strings.ReplaceAll(tt.want, "ID", id)
				for _, line := range lines {
					assert.True(t, line+" has "+want, strings.Contains(line, want))
					assert.True(t, "no payload: "+line, !strings.Contains(line, "SECRET"))
				}
			})
		})
	}
}

// TestHandledElsewhere: nobody is told of an event without a handler that event middleware
// has answered or dropped, or that a listener has heard.
func TestHandledElsewhere(t *testing.T) {
	t.Parallel()
	for name, add := range map[string]func(*socketio.Server){
		"middleware answers": func(srv *socketio.Server) {
			srv.UseEvent(func(socketio.EventHandler) socketio.EventHandler {
				return func(context.Context, *socketio.Incoming) error { return &socketio.Error{Code: "mine"} }
			})
		},
		"middleware drops": func(srv *socketio.Server) {
			srv.UseEvent(func(next socketio.EventHandler) socketio.EventHandler {
				return func(ctx context.Context, in *socketio.Incoming) error { in.NoAck(); return next(ctx, in) }
			})
		},
		"a listener hears": func(srv *socketio.Server) {
			srv.OnAny(func(*socketio.Socket, *socketio.Incoming) {})
			srv.UseEvent(func(next socketio.EventHandler) socketio.EventHandler { return next })
		},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, o siotest.Options) {
				a := newApp(t, socketio.Options{})
				a.On("behind", func() {})
				add(a.Server)
				c := siotest.Dial(t, a, o)
				c.Emit("massage")
				_ = c.EmitWithAck("massage")
				c.EmitWithAck("behind")
				synctest.Wait()
				assert.Equal(t, "lines", len(append(a.log.take(), a.log.mistakes...)), 0)
			})
		})
	}
}

// TestDefaultLogger: who gives no logger sees warnings and errors where the
// program logs, and at level debug the rest.
func TestDefaultLogger(t *testing.T) { // not parallel: the default is the process's
	for level, want := range map[slog.Level][]string{
		slog.LevelInfo:  {`level=ERROR msg="socketio: panic"`},
		slog.LevelDebug: {`level=DEBUG msg="engine: request refused"`, `level=ERROR msg="socketio: panic"`, `level=DEBUG msg="engine: session closed"`},
	} {
		t.Run(level.String(), func(t *testing.T) {
			before := slog.Default()
			defer slog.SetDefault(before)
			var log bytes.Buffer
			slog.SetDefault(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: level})))
			synctest.Test(t, func(t *testing.T) {
				srv := socketio.NewServer(nil)
				srv.On("panics", func() { panic("no luck") })
				srv.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/socket.io/?EIO=4&transport=polling&sid=x", nil))
				siotest.Dial(t, srv, siotest.Options{}).Call("panics")
				srv.Close()
				synctest.Wait()
			})
			got := strings.Split(strings.TrimSpace(log.String()), "\n")
			for _, text := range want {
				assert.True(t, log.String()+" has "+text, strings.Contains(log.String(), text))
			}
			if level == slog.LevelInfo {
				assert.Equal(t, "lines", len(got), len(want))
			}
		})
	}
}
