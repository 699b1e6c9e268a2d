package socketio_test

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// bubble runs a parallel test in virtual time.
func bubble(t *testing.T, test func(t *testing.T)) {
	t.Parallel()
	synctest.Test(t, test)
}

// onBoth runs a test in virtual time over each transport.
func onBoth(t *testing.T, test func(t *testing.T, o siotest.Options)) {
	t.Parallel()
	for _, transport := range []string{"websocket", "polling"} {
		t.Run(transport, func(t *testing.T) {
			bubble(t, func(t *testing.T) { test(t, siotest.Options{Transport: transport}) })
		})
	}
}

// app is a server under test with its log.
type app struct {
	*socketio.Server
	log *records
}

// newApp returns a server that is closed with the test.
func newApp(t testing.TB, o socketio.Options) *app {
	a := &app{log: &records{}}
	if strings.HasPrefix(t.Name(), underParser) {
		o.Parser = standard{}
	}
	o.Logger = slog.New(a.log)
	a.Server = socketio.NewServer(&o)
	t.Cleanup(func() {
		a.Close()
		a.log.check(t)
	})
	return a
}

// dial returns a client of the main namespace over WebSocket.
func (a *app) dial(t testing.TB) *siotest.Client {
	t.Helper()
	return siotest.Dial(t, a, siotest.Options{})
}

// socket returns the server's side of a client.
func (a *app) socket(t testing.TB, c *siotest.Client) *socketio.Socket {
	t.Helper()
	s, ok := a.Socket(c.ID())
	assert.True(t, "the socket is connected", ok)
	return s
}

// records is a log of level warn and above, one text line per record.
type records struct {
	mu    sync.Mutex
	lines []string
	// What clients ask for that there is not is kept aside: many tests do
	// that, and TestMistakes looks at the lines.
	mistakes []string
	attrs    []slog.Attr // of all records and of With
}

func (r *records) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }
func (r *records) WithAttrs(attrs []slog.Attr) slog.Handler     { return &with{r, attrs} }
func (r *records) WithGroup(string) slog.Handler                { return r }

func (r *records) Handle(ctx context.Context, rec slog.Record) error {
	var b bytes.Buffer
	err := slog.NewTextHandler(&b, nil).Handle(ctx, rec)
	r.mu.Lock()
	defer r.mu.Unlock()
	if mistake(rec.Message) {
		r.mistakes = append(r.mistakes, b.String())
	} else {
		r.lines = append(r.lines, b.String())
	}
	rec.Attrs(func(a slog.Attr) bool {
		a.Value = a.Value.Resolve() // what is logged, not what it is of, which goes on
		r.attrs = append(r.attrs, a)
		return true
	})
	return err
}

func mistake(message string) bool {
	return slices.ContainsFunc([]string{
		"a client asks for a namespace", "an event has no handler", "the arguments of an event do not fit",
	}, func(text string) bool { return strings.Contains(message, text) })
}

type with struct {
	*records
	attrs []slog.Attr
}

func (w *with) Handle(ctx context.Context, rec slog.Record) error {
	rec = rec.Clone()
	rec.AddAttrs(w.attrs...)
	return w.records.Handle(ctx, rec)
}

// take returns the lines logged so far and forgets them.
func (r *records) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	lines := r.lines
	r.lines = nil
	return lines
}

// one expects one line, with the text in it.
func (r *records) one(t testing.TB, text string) {
	t.Helper()
	lines := r.take()
	assert.Equal(t, "lines "+strings.Join(lines, ""), len(lines), 1)
	assert.True(t, lines[0]+" has "+text, strings.Contains(lines[0], text))
}

// none expects that nothing was logged.
func (r *records) none(t testing.TB) {
	t.Helper()
	assert.Equal(t, "log", strings.Join(r.take(), ""), "")
}

// check holds for every log of every test: only a stack is long.
func (r *records) check(t testing.TB) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.attrs {
		if n := len(a.Value.String()); n > 280 && a.Key != "stack" {
			t.Errorf("log attribute %s has %d bytes", a.Key, n)
		}
	}
}
