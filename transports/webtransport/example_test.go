package webtransport_test

import (
	"context"
	"crypto/tls"
	"errors"
	"log"
	"net/http"
	"os"
	"os/signal"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/transports/webtransport"
)

func Example() {
	// docs:serve
	srv := socketio.NewServer(&socketio.Options{
		Transports: []string{"polling", "websocket", "webtransport"},
	})
	srv.On("hello", func(s *socketio.Socket) string { return "by " + s.Transport() })

	cert, err := tls.LoadX509KeyPair("cert.pem", "key.pem")
	if err != nil {
		log.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	web := &http.Server{Addr: ":443", TLSConfig: config, Handler: srv}                           // TCP
	quic := webtransport.New(srv, webtransport.Options{Addr: ":443", TLSConfig: config.Clone()}) // UDP
	go func() { log.Print(web.ListenAndServeTLS("", "")) }()
	go func() { log.Print(quic.ListenAndServe()) }()
	// docs:end

	interrupted, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	<-interrupted.Done()

	// docs:shutdown
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err = errors.Join(srv.Shutdown(ctx), quic.Shutdown(ctx), web.Shutdown(ctx)) // in this order
	// docs:end
	if err != nil {
		log.Print(err)
	}
}
