// Chi serves the conformance contract behind chi and its usual middlewares.
package main

import (
	"io"
	"log"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/go-chi/cors"

	socketio "github.com/gosio/gosio/core"

	"github.com/gosio/gosio/conformance/servers/contract"
	siochi "github.com/gosio/gosio/integrations/chi"
)

func main() {
	c := contract.New(socketio.Options{})
	r := chi.NewRouter()
	logger := middleware.RequestLogger(&middleware.DefaultLogFormatter{Logger: log.New(io.Discard, "", 0)})
	r.Use(middleware.RequestID, logger, middleware.Recoverer, cors.AllowAll().Handler)
	siochi.Mount(r, c.IO)
	r.Handle("/control/*", c.Control())
	c.Serve(r)
}
