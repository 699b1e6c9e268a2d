// Gin serves the conformance contract behind Gin and its usual middlewares.
package main

import (
	"io"

	"github.com/gin-contrib/cors"
	"github.com/gin-contrib/requestid"
	"github.com/gin-gonic/gin"

	socketio "github.com/gosio/gosio/core"

	"github.com/gosio/gosio/conformance/servers/contract"
	siogin "github.com/gosio/gosio/integrations/gin"
)

func main() {
	c := contract.New(socketio.Options{})
	gin.SetMode(gin.ReleaseMode)
	router := gin.New()
	router.Use(gin.LoggerWithWriter(io.Discard), gin.Recovery(), requestid.New(), cors.Default())
	siogin.Mount(router, c.IO)
	router.Any("/control/*rest", gin.WrapH(c.Control()))
	c.Serve(router)
}
