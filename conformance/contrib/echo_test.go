package contrib_test

import (
	"net/http"

	gorilla "github.com/gorilla/sessions"
	echosession "github.com/labstack/echo-contrib/session"
	"github.com/labstack/echo/v4"

	socketio "github.com/gosio/gosio/core"
	sioecho "github.com/gosio/gosio/integrations/echo"
)

// echoWeb is a session of echo-contrib/session.
type echoWeb struct {
	c   echo.Context
	err error
}

func (w *echoWeb) request() *http.Request { return w.c.Request() }

// session is made anew for a cookie whose session is gone: so says gorilla.
func (w *echoWeb) session() *gorilla.Session {
	s, _ := echosession.Get(name, w.c)
	return s
}

func (w *echoWeb) get(key string) string {
	value, _ := w.session().Values[key].(string)
	return value
}

func (w *echoWeb) set(key, value string) {
	s := w.session()
	s.Values[key] = value
	w.err = s.Save(w.c.Request(), w.c.Response())
}

func (w *echoWeb) logout() {
	s := w.session()
	clear(s.Values)
	s.Options = &gorilla.Options{Path: "/", MaxAge: -1}
	w.err = s.Save(w.c.Request(), w.c.Response())
}

func echoContrib(store gorilla.Store, srv *socketio.Server, routes map[string]func(web) string) http.Handler {
	e := echo.New()
	e.Use(echosession.Middleware(store))
	sioecho.Mount(e, srv)
	for path, f := range routes {
		e.GET(path, func(c echo.Context) error {
			w := &echoWeb{c: c}
			text := f(w)
			if w.err != nil {
				return w.err
			}
			return c.String(http.StatusOK, text)
		})
	}
	return e
}
