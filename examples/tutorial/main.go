// A chat, as the tutorial of gosio builds it.
package main

import (
	"cmp"
	"context"
	"embed"
	"io/fs"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/gosio/gosio/graceful"
	siogin "github.com/gosio/gosio/integrations/gin"
)

//go:embed static
var static embed.FS

func main() {
	page, _ := fs.Sub(static, "static") // the folder is in the program: there is no error
	srv := newChat()
	service := graceful.New(srv, nil)

	r := gin.Default()
	siogin.Mount(r, srv)
	r.POST("/login", gin.WrapF(login))
	r.GET("/healthz", gin.WrapF(service.Healthz))
	r.GET("/readyz", gin.WrapF(service.Readyz))
	r.NoRoute(gin.WrapH(http.FileServerFS(page)))

	app := &http.Server{Addr: ":" + cmp.Or(os.Getenv("PORT"), "3000"), Handler: r, ReadHeaderTimeout: 10 * time.Second}
	if err := service.ListenAndServe(context.Background(), app); err != nil { // returns after SIGTERM or Ctrl-C
		log.Fatal(err)
	}
}
