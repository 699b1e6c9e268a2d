package contrib_test

import (
	"net/http"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"
	gorilla "github.com/gorilla/sessions"

	socketio "github.com/gosio/gosio/core"
	siogin "github.com/gosio/gosio/integrations/gin"
)

// ginWeb is a session of gin-contrib/sessions.
type ginWeb struct {
	c *gin.Context
	s sessions.Session
}

func (w ginWeb) request() *http.Request { return w.c.Request }

func (w ginWeb) get(key string) string {
	value, _ := w.s.Get(key).(string)
	return value
}

func (w ginWeb) set(key, value string) {
	w.s.Set(key, value)
	w.check(w.s.Save())
}

func (w ginWeb) logout() {
	w.s.Clear()
	w.s.Options(sessions.Options{Path: "/", MaxAge: -1})
	w.check(w.s.Save())
}

func (w ginWeb) check(err error) {
	if err != nil {
		w.c.AbortWithStatus(http.StatusInternalServerError)
	}
}

// ginStore makes any store one of gin-contrib's.
type ginStore struct{ gorilla.Store }

func (ginStore) Options(sessions.Options) {}

func ginContrib(store gorilla.Store, srv *socketio.Server, routes map[string]func(web) string) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	of, ok := store.(sessions.Store)
	if !ok {
		of = ginStore{store}
	}
	r.Use(sessions.Sessions(name, of))
	siogin.Mount(r, srv)
	for path, f := range routes {
		r.GET(path, func(c *gin.Context) {
			text := f(ginWeb{c, sessions.Default(c)})
			if !c.IsAborted() {
				c.String(http.StatusOK, "%s", text)
			}
		})
	}
	return r
}
