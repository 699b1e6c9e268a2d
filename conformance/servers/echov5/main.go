// Echov5 serves the conformance contract behind Echo v5 and its usual middlewares.
package main

import (
	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"

	socketio "github.com/gosio/gosio/core"

	"github.com/gosio/gosio/conformance/servers/contract"
	sioecho "github.com/gosio/gosio/integrations/echov5"
)

func main() {
	c := contract.New(socketio.Options{})
	e := echo.New()
	e.Use(
		middleware.RequestLoggerWithConfig(middleware.RequestLoggerConfig{LogValuesFunc: func(*echo.Context, middleware.RequestLoggerValues) error { return nil }}),
		middleware.Recover(), middleware.RequestID(), middleware.CORS("*"),
	)
	sioecho.Mount(e, c.IO)
	e.Any("/control/*", echo.WrapHandler(c.Control()))
	c.Serve(e)
}
