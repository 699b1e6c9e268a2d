package sioprometheus_test

import (
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	sioprometheus "github.com/gosio/gosio/observe/prometheus"
)

// In an application, serve the registry: promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).
func ExampleNew() {
	siotest.Example(func(t testing.TB) {
		metrics := sioprometheus.New(sioprometheus.Options{})
		registry := prometheus.NewRegistry()
		registry.MustRegister(metrics)
		srv := socketio.NewServer(&socketio.Options{Observer: metrics})
		t.Cleanup(srv.Close)
		srv.On("order", func(item string) {})

		siotest.Dial(t, srv, siotest.Options{}).Call("order", "coffee")
		families, err := registry.Gather()
		for _, family := range families {
			if family.GetName() == "socketio_events_received_total" {
				fmt.Println(family.GetName(), family.GetMetric()[0].GetCounter().GetValue())
			}
		}
		fmt.Println(err)
	})
	// Output:
	// socketio_events_received_total 1
	// <nil>
}
