package engine_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/pipe"
)

// TestStreamPanics: a stream ends when the application panics over it, which nobody
// else would see to: the request has been accepted.
func TestStreamPanics(t *testing.T) {
	t.Parallel()
	fail := func() { panic(http.ErrAbortHandler) }
	for name, tt := range map[string]struct {
		opts  func(o *engine.Options, armed *bool)
		first func(sid string) string
	}{
		"GenerateID": {func(o *engine.Options, _ *bool) {
			o.GenerateID = func(*http.Request) (string, error) { fail(); return "", nil }
		}, func(string) string { return "0" }},
		"OnRefused, no id": {func(o *engine.Options, _ *bool) {
			o.GenerateID = func(*http.Request) (string, error) { return "", nil }
			o.OnRefused = func(*http.Request, *engine.RequestError) { fail() }
		}, func(string) string { return "0" }},
		"OnRefused, no session": {func(o *engine.Options, _ *bool) {
			o.OnRefused = func(*http.Request, *engine.RequestError) { fail() }
		}, func(string) string { return `0{"sid":"x"}` }},
		"Pin": {func(o *engine.Options, armed *bool) {
			o.Pin = func(*http.Request) string {
				if *armed {
					fail()
				}
				return ""
			}
		}, func(sid string) string { return `0{"sid":"` + sid + `"}` }},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				o, armed := engine.Options{Transports: allTransports}, false
				tt.opts(&o, &armed)
				h, sid := serveIn(t, setup{opts: o}), ""
				if o.GenerateID == nil {
					sid = h.open()
				}
				armed = true
				near, far := pipe.New()
				over := make(chan any)
				go func() {
					defer func() { over <- recover() }()
					r := httptest.NewRequestWithContext(t.Context(), http.MethodConnect, "/engine.io/?"+streamQuery, nil)
					h.srv.ServeStream(httptest.NewRecorder(), r, func(context.Context) (engine.Stream, error) { return pipeStream{far}, nil })
				}()
				_, err := near.Write([]byte(streamed(0, tt.first(sid))))
				assert.NoError(t, err)
				assert.Equal(t, "panic", <-over, any(http.ErrAbortHandler))
				_, err = near.Read(make([]byte, 1))
				assert.True(t, "the stream has ended", err != nil)
				_ = near.Close()
			})
		})
	}
}
