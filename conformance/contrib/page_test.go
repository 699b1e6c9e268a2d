package contrib_test

import (
	"errors"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/memstore"
	"github.com/gin-gonic/gin"
	gorilla "github.com/gorilla/sessions"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	siogin "github.com/gosio/gosio/integrations/gin"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/session"
	sessiongorilla "github.com/gosio/gosio/session/gorilla"
)

// docs:gin
var (
	store = memstore.NewStore([]byte("a-secret-of-32-bytes-or-more-than-that")) // yours

	live = session.New(sessiongorilla.New(store, "app"), session.Config{
		User: func(s *session.Session) string { return s.String("user") }, // empty: not signed in
	})
)

func newRouter(srv *socketio.Server) *gin.Engine {
	srv.Use(live)
	srv.Of("/account").Use(live)

	r := gin.Default()
	r.Use(sessions.Sessions("app", store)) // the name that sessiongorilla.New has
	siogin.Mount(r, srv)
	r.POST("/login", login)
	r.POST("/logout", logout)
	return r
}

// login has looked at the password before.
func login(c *gin.Context) {
	s := sessions.Default(c)
	s.(interface{ Session() *gorilla.Session }).Session().ID = "" // a new id for a new user
	s.Set("user", c.PostForm("user"))
	if err := s.Save(); err != nil {
		_ = c.AbortWithError(http.StatusInternalServerError, err)
	}
}

func logout(c *gin.Context) {
	err := live.LogoutRequest(c.Request.Context(), c.Request) // first: it needs the session
	s := sessions.Default(c)
	s.Clear()
	s.Options(sessions.Options{Path: "/", MaxAge: -1})
	if saved := s.Save(); err != nil || saved != nil {
		_ = c.AbortWithError(http.StatusInternalServerError, errors.Join(err, saved))
	}
}

// docs:end

// TestPage is an application with gin-contrib/sessions, as docs/sessions.md has it.
func TestPage(t *testing.T) {
	t.Parallel()
	srv := socketio.NewServer(nil)
	t.Cleanup(srv.Close)
	srv.On("who am i", func(s *socketio.Socket) string { return s.Identity() })
	router := newRouter(srv)
	hs := httptest.NewServer(router)
	t.Cleanup(hs.Close)
	jar, _ := cookiejar.New(nil) // never fails
	browser := &http.Client{Transport: hs.Client().Transport, Jar: jar, Timeout: patience}
	post := func(path string, form url.Values) siotest.Options {
		res, err := browser.PostForm(hs.URL+path, form)
		assert.NoError(t, err)
		assert.NoError(t, res.Body.Close())
		assert.Equal(t, path, res.StatusCode, http.StatusOK)
		u, _ := url.Parse(hs.URL)
		var all []string
		for _, c := range jar.Cookies(u) {
			all = append(all, c.String())
		}
		return siotest.Options{Header: http.Header{"Cookie": {strings.Join(all, "; ")}}, Timeout: patience}
	}

	siotest.Refused(t, router, siotest.Options{})
	ada := post("/login", url.Values{"user": {"ada"}})
	first := siotest.Dial(t, router, ada)
	assert.Equal(t, "user", first.Call("who am i").String(), `["ada"]`)
	grace := post("/login", url.Values{"user": {"grace"}})
	assert.True(t, "the login has changed the id", grace.Header.Get("Cookie") != ada.Header.Get("Cookie"))
	second := siotest.Dial(t, router, grace)
	assert.Equal(t, "user", second.Call("who am i").String(), `["grace"]`)

	post("/logout", nil)
	second.Expect("session:ended")
	second.ExpectDisconnect(siotest.TransportClose)
	siotest.Refused(t, router, grace)
	assert.Equal(t, "another session", first.Call("who am i").String(), `["ada"]`)
}
