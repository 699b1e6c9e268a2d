package sioprometheus_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
	sioprometheus "github.com/gosio/gosio/observe/prometheus"
)

func TestMain(m *testing.M) { leak.Main(m) }

// system is a server that is scraped over HTTP.
type system struct {
	*socketio.Server
	metrics *sioprometheus.Observer
	client  *http.Client
}

func start(t *testing.T, o sioprometheus.Options, opts socketio.Options) *system {
	sys := &system{metrics: sioprometheus.New(o)}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(sys.metrics)
	opts.Observer = sys.metrics
	sys.Server = socketio.NewServer(&opts)
	sys.client = siotest.HTTP(t, promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}), siotest.Options{})
	t.Cleanup(sys.Close)
	return sys
}

// scrape returns all samples, by their text before the value.
func (sys *system) scrape(t testing.TB) (samples map[string]float64, text string) {
	t.Helper()
	res, err := sys.client.Get("http://server.test/metrics")
	assert.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	assert.NoError(t, err)
	assert.Equal(t, "status", res.StatusCode, http.StatusOK)
	samples = make(map[string]float64)
	for lines := bufio.NewScanner(strings.NewReader(string(body))); lines.Scan(); {
		line := lines.Text()
		at := strings.LastIndexByte(line, ' ')
		if strings.HasPrefix(line, "#") || at < 0 {
			continue
		}
		v, err := strconv.ParseFloat(line[at+1:], 64)
		assert.NoError(t, err)
		samples[strings.TrimPrefix(line[:at], "socketio_")] = v
	}
	return samples, string(body)
}

// expect scrapes, once all that has begun is done, and compares samples.
func (sys *system) expect(t testing.TB, want map[string]float64) {
	t.Helper()
	synctest.Wait()
	got, _ := sys.scrape(t)
	for sample, v := range want {
		if have, ok := got[sample]; have != v || !ok {
			t.Errorf("%s is %v (there: %t), want %v", sample, have, ok, v)
		}
	}
}

var rooms = regexp.MustCompile(`^/room-\d+$`)

// run does a bit of everything on a server.
func run(t *testing.T, sys *system) {
	sys.UseFunc(func(_ context.Context, s *socketio.Socket) error {
		if s.Handshake().Query().Has("stranger") {
			return &socketio.ConnectError{Message: "who?"}
		}
		return nil
	})
	sys.On("echo", func(s *socketio.Socket, text string) (string, error) {
		if text == "" {
			return "", errors.New("nothing")
		}
		return text, s.Emit("echo", text)
	})
	sys.On("panic", func() { panic("on purpose") })
	sys.OfRegexp(rooms)

	c := siotest.Dial(t, sys, siotest.Options{})
	for range 3 {
		c.Call("echo", "hello")
	}
	c.Call("echo", "")
	c.Call("panic")
	c.Emit("unknown by chance "+c.ID(), 1)
	c.Of("/room-1", nil)
	c.Of("/room-2", nil)
	c.RefusedOf("/none", nil)
	siotest.Refused(t, sys, siotest.Options{Query: map[string][]string{"stranger": {""}}})
	siotest.Rejected(t, sys, siotest.Options{Transport: "carrier pigeon"})

	other := siotest.Open(t, sys, siotest.Options{Transport: "polling"})
	other.Upgrade()
	assert.NoError(t, other.Send("40"))
	other.Next()
	for range 70 {
		assert.NoError(t, sys.Emit("news", "all"))
	}
	s, _ := sys.Socket(c.ID())
	c.On("question", func(m *siotest.Message) { m.Ack("yes") })
	_, err := s.EmitWithAck(t.Context(), "question")
	assert.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err = sys.Except(c.ID()).EmitWithAck(ctx, "question")
	assert.True(t, "the other does not answer", err != nil)
	assert.True(t, "does not encode", s.Emit("broken", func() {}) != nil)
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sys := start(t, sioprometheus.Options{}, socketio.Options{Recovery: &socketio.Recovery{}})
		run(t, sys)
		sys.expect(t, map[string]float64{
			`connections{transport="polling"}`:                 0,
			`connections{transport="websocket"}`:               3,
			`connections_opened_total{transport="polling"}`:    1,
			`connections_opened_total{transport="websocket"}`:  2,
			`requests_refused_total{code="transport_unknown"}`: 1,
			`requests_refused_total{code="forbidden"}`:         0,
			`upgrade_attempts_total`:                           1,
			`upgrades_total{outcome="done"}`:                   1,
			`upgrades_total{outcome="failed"}`:                 0,

			`sockets{namespace="/"}`:                                            2,
			`sockets{namespace="^/room-\\d+$"}`:                                 2,
			`namespaces{namespace="^/room-\\d+$"}`:                              2,
			`namespace_joins_total{namespace="/"}`:                              2,
			`namespace_joins_total{namespace="^/room-\\d+$"}`:                   2,
			`namespace_refusals_total{namespace="/",reason="refused"}`:          1,
			`namespace_refusals_total{namespace="other",reason="no_namespace"}`: 1,
			`join_duration_seconds_count{namespace="/"}`:                        3,

			`events_received_total{event="echo",namespace="/"}`:                   4,
			`events_received_total{event="panic",namespace="/"}`:                  1,
			`events_received_total{event="other",namespace="/"}`:                  1,
			`handler_duration_seconds_count{event="echo",namespace="/"}`:          4,
			`handler_failures_total{event="echo",namespace="/",outcome="error"}`:  1,
			`handler_failures_total{event="panic",namespace="/",outcome="panic"}`: 1,

			`events_emitted_total{event="echo",namespace="/"}`:                    3,
			`events_delivered_total{event="echo",namespace="/"}`:                  3,
			`events_emitted_total{event="news",namespace="/"}`:                    70,
			`events_delivered_total{event="news",namespace="/"}`:                  140,
			`emit_errors_total{event="broken",namespace="/",reason="error"}`:      1,
			`ack_duration_seconds_count{event="question",namespace="/"}`:          1,
			`acks_missing_total{event="question",namespace="/",reason="timeout"}`: 1,
			`messages_dropped_total{policy="slow_consumer"}`:                      0,
			`send_queue_bytes`: 0,
		})
		samples, text := sys.scrape(t)
		assert.True(t, "bytes in", samples[`received_bytes_total{namespace="/"}`] > 50)
		assert.True(t, "bytes out", samples[`sent_bytes_total{namespace="/"}`] > 140*10)
		assert.True(t, "flushed", samples[`flush_duration_seconds_count{transport="websocket"}`] >= 1)

		problems, err := promlint.New(strings.NewReader(text)).Lint()
		assert.NoError(t, err)
		assert.Equal(t, "names", fmt.Sprint(problems), "[]")

		assert.NoError(t, sys.Shutdown(t.Context()))
		sys.expect(t, map[string]float64{
			`connections{transport="websocket"}`:                                             0,
			`connections_closed_total{reason="server_shutting_down",transport="websocket"}`:  3,
			`connection_duration_seconds_count{transport="websocket"}`:                       3,
			`namespace_leaves_total{namespace="/",reason="server_shutting_down"}`:            2,
			`namespace_leaves_total{namespace="^/room-\\d+$",reason="server_shutting_down"}`: 2,
		})
		sys.metrics.Forget(sys.Server)
		samples, _ = sys.scrape(t)
		_, there := samples[`sockets{namespace="/"}`]
		assert.True(t, "forgotten", !there)
	})
}

// TestCardinality: neither clients nor careless code make metrics without end.
func TestCardinality(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sys := start(t, sioprometheus.Options{MaxEvents: 3, MaxNamespaces: 4}, socketio.Options{})
		parent := sys.OfRegexp(rooms)
		parent.UseEvent(func(next socketio.EventHandler) socketio.EventHandler { return next })
		parent.On("known", func() {})
		c := siotest.Dial(t, sys, siotest.Options{})
		for i := range 20 {
			room := c.Of(fmt.Sprintf("/room-%d", i), nil)
			room.Emit(fmt.Sprintf("event-%d", i))
			room.Call("known")
			assert.NoError(t, sys.Emit(fmt.Sprintf("news-%d", i)))
			assert.NoError(t, sys.Of(fmt.Sprintf("/more-%d", i)).Emit("x"))
			c.RefusedOf(fmt.Sprintf("/none-%d", i), nil)
		}
		sys.expect(t, map[string]float64{
			`events_received_total{event="known",namespace="^/room-\\d+$"}`: 20,
			`events_received_total{event="other",namespace="^/room-\\d+$"}`: 20,
			`events_emitted_total{event="news-0",namespace="/"}`:            1,
			`events_emitted_total{event="other",namespace="/"}`:             17,
			`events_emitted_total{event="x",namespace="/more-0"}`:           1,
			`events_emitted_total{event="x",namespace="other"}`:             18,
		})
		samples, _ := sys.scrape(t)
		emitted := 0
		for sample := range samples {
			if strings.HasPrefix(sample, "events_emitted_total{") {
				emitted++
			}
		}
		assert.Equal(t, "series", emitted, 4+2+1)
	})
}

// TestForget: a server that is forgotten can be collected, and the next one has
// the same series.
func TestForget(t *testing.T) {
	t.Parallel()
	metrics := sioprometheus.New(sioprometheus.Options{MaxEvents: 3})
	gone := make(chan struct{}, 2)
	for range 2 {
		srv := socketio.NewServer(&socketio.Options{Observer: metrics})
		for i := range 9 {
			assert.NoError(t, srv.Of("/shop").Emit(fmt.Sprintf("event-%d", i)))
		}
		srv.Close()
		metrics.Forget(srv)
		runtime.AddCleanup(srv, func(struct{}) { gone <- struct{}{} }, struct{}{})
	}
	for n, end := 0, time.After(time.Minute); n < 2; {
		runtime.GC()
		select {
		case <-gone:
			n++
		case <-end:
			t.Fatalf("%d of 2 were collected", n)
		default:
		}
	}
	series := make(chan prometheus.Metric, 1000)
	metrics.Collect(series)
	emitted := 0
	for len(series) > 0 {
		if m := <-series; strings.Contains(m.Desc().String(), `"socketio_events_emitted_total"`) {
			emitted++
		}
	}
	assert.Equal(t, "series", emitted, 3+1)
}

// TestAllowList: with Events nothing else is a label.
func TestAllowList(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := sioprometheus.Options{Events: []string{"wanted"}, ConstLabels: prometheus.Labels{"app": "chat"}, HandlerBuckets: []float64{1, 2}}
		sys := start(t, o, socketio.Options{})
		o.Events[0], o.ConstLabels["app"], o.HandlerBuckets[0] = "unwanted", "other", 3 // copied: this changes nothing
		for _, event := range []string{"wanted", "unwanted", "nor this"} {
			assert.NoError(t, sys.Emit(event))
		}
		sys.expect(t, map[string]float64{
			`events_emitted_total{app="chat",event="wanted",namespace="/"}`: 1,
			`events_emitted_total{app="chat",event="other",namespace="/"}`:  2,
		})
	})
}

// TestConcurrent: everything at once, scrapes among it.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sys := start(t, sioprometheus.Options{MaxEvents: 50}, socketio.Options{})
		var all sync.WaitGroup
		for i := range 4 {
			all.Go(func() {
				for n := range 100 {
					_ = sys.Emit(fmt.Sprint(n))
					_ = sys.Of(fmt.Sprintf("/%d-%d", i, n%10)).Emit(fmt.Sprint(n))
					if n%25 == 0 {
						sys.scrape(t)
					}
				}
			})
		}
		all.Wait()
		samples, _ := sys.scrape(t)
		emitted := 0.0
		for sample, v := range samples {
			if strings.HasPrefix(sample, "events_emitted_total{") {
				emitted += v
			}
		}
		assert.Equal(t, "emitted", emitted, 800)
	})
}

// TestNamesOfClients: what is no UTF-8, or too long, does not end a scrape, and
// names that a handler passes on take no label from the application's events.
func TestNamesOfClients(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sys := start(t, sioprometheus.Options{MaxEvents: 10}, socketio.Options{Limits: socketio.Limits{EventName: 2000}})
		pass := func(_ *socketio.Socket, in *socketio.Incoming) { assert.NoError(t, sys.Emit(in.Event)) }
		sys.OnAny(pass)
		sys.Of("/other").OnAny(pass)
		for _, name := range []string{"/\xff", "/\xfe", "/a\nb\"c", "/" + strings.Repeat("\u00e9", 127)} {
			assert.NoError(t, sys.Of(name).Emit("x\xff"))
		}
		c := siotest.Dial(t, sys, siotest.Options{})
		later := c.Of("/other", nil)
		for i := range 100 {
			for _, c := range []*siotest.Client{c, later} {
				c.Emit(fmt.Sprintf("event-%d", i))
			}
		}
		c.Emit(strings.Repeat("x", 1000))
		for range 201 {
			c.Next()
		}
		assert.NoError(t, sys.Emit("news"))
		assert.NoError(t, sys.Emit("news\xff"))
		sys.expect(t, map[string]float64{
			`events_emitted_total{event="news",namespace="/"}`:              1,
			"events_emitted_total{event=\"news\uFFFD\",namespace=\"/\"}":    1,
			`events_emitted_total{event="other",namespace="/"}`:             201,
			"events_emitted_total{event=\"x\uFFFD\",namespace=\"/\uFFFD\"}": 2,
			"namespaces{namespace=\"/\uFFFD\"}":                             2,
		})
		_, text := sys.scrape(t)
		for line := range strings.Lines(text) {
			assert.True(t, "short: "+line[:min(len(line), 60)], len(line) < 1000)
		}
	})
}

// TestWiring: what would leave metrics out, or make one series of all events.
func TestWiring(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]sioprometheus.Options{
		"sioprometheus: Options.HandlerBuckets": {HandlerBuckets: []float64{1, 5, 2}},
		"sioprometheus: Options.FlushBuckets":   {FlushBuckets: []float64{1, 1}},
		"sioprometheus: Options has a negative": {MaxEvents: -1},
		"":                                      {HandlerBuckets: []float64{-1, 0, math.Inf(1)}},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			defer func() {
				got, _ := recover().(string)
				assert.True(t, "panic "+got, strings.HasPrefix(got, want) && (want == "") == (got == ""))
			}()
			sioprometheus.New(o)
		})
	}
}
