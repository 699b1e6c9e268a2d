// Command gosio-metrics is the benchmark's server on gosio with the Prometheus
// observer of a real registry, which nobody scrapes meanwhile.
package main

import (
	"log"
	"net"
	"net/http"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/gosio/gosio/bench/servers/figures"
	"github.com/gosio/gosio/bench/servers/handlers"
	socketio "github.com/gosio/gosio/core"
	sioprometheus "github.com/gosio/gosio/observe/prometheus"
)

func main() {
	registry := prometheus.NewRegistry()
	metrics := sioprometheus.New(sioprometheus.Options{})
	registry.MustRegister(metrics)
	srv := socketio.NewServer(&socketio.Options{Observer: metrics})
	handlers.Register(srv)
	http.Handle("/socket.io/", srv)
	http.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	http.HandleFunc("/debug/figures", figures.Handle)
	log.Fatal(http.ListenAndServe(net.JoinHostPort("127.0.0.1", os.Getenv("PORT")), nil))
}
