// Server runs the applications of package middlewares, for the stock client:
// it prints their addresses as JSON and ends with SIGTERM.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/gofiber/fiber/v3"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/integrations/middlewares"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	gin.SetMode(gin.ReleaseMode)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	settings := middlewares.Settings{Key: []byte(rand.Text() + rand.Text()), Life: 4 * time.Second}
	addresses := make(map[string]string)
	ended := make(chan error, 6)
	for name, build := range map[string]func(middlewares.Settings) (http.Handler, *socketio.Server, error){
		"gin-jwt": middlewares.Gin, "echo-jwt": middlewares.Echo, "jwtauth": middlewares.Chi,
		"KeyAuth of Echo v5": middlewares.EchoV5,
	} {
		h, srv, err := build(settings)
		if err != nil {
			return err
		}
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		addresses[name] = "http://" + ln.Addr().String()
		server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
		go func() { ended <- server.Serve(ln) }()
		defer func() { srv.Close(); _ = server.Close() }() // the process ends
	}
	app, srv, err := middlewares.Fiber(settings)
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	addresses["jwtware"] = "http://" + ln.Addr().String()
	go func() { ended <- app.Listener(ln) }()
	defer func() { srv.Close(); _ = app.Shutdown() }() // as above
	appV3, srvV3, err := middlewares.FiberV3(settings)
	if err != nil {
		return err
	}
	lnV3, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	addresses["keyauth of Fiber v3"] = "http://" + lnV3.Addr().String()
	go func() { ended <- appV3.Listener(lnV3, fiber.ListenConfig{DisableStartupMessage: true}) }()
	defer func() { srvV3.Close(); _ = appV3.Shutdown() }() // as above
	if err := json.NewEncoder(os.Stdout).Encode(addresses); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-ended:
		return errors.Join(errors.New("a server has ended"), err)
	}
}
