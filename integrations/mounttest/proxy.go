package mounttest

import (
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/assert"
)

// Proxy starts a reverse proxy in front of the mount at target, and returns the
// mount's URL behind it. base is what it takes off the path; with keepHost the
// mount sees the Host that the client has asked for, otherwise its own, and the
// client's in X-Forwarded-Host.
func Proxy(t testing.TB, target, base string, keepHost bool) string {
	t.Helper()
	return proxy(t, target, base, keepHost, new(http.Transport))
}

func proxy(t testing.TB, target, base string, keepHost bool, transport *http.Transport) string {
	t.Helper()
	t.Cleanup(transport.CloseIdleConnections)
	u, err := url.Parse(target)
	assert.NoError(t, err)
	path := u.Path
	u.Path = ""
	front := Serve(t, &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Path = strings.TrimPrefix(r.In.URL.Path, base)
			r.SetURL(u)
			r.SetXForwarded()
			if keepHost {
				r.Out.Host = r.In.Host
			}
		},
		Transport: transport, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), // of clients that hang up
	})
	return front + base + path
}

// behind drives a mount by way of a proxy. It returns the client of the proxy,
// and its URL.
func behind(c *Client, base string, keepHost bool) (*Client, string) {
	c.t.Helper()
	url := proxy(c.t, c.url, base, keepHost, &http.Transport{DialContext: c.dial})
	c = NewClient(c.t, url)
	exchange(c.Open())
	exchange(c.Dial())
	s := c.Open()
	s.Upgrade()
	exchange(s)
	c.Slash = ""
	exchange(c.Open())
	exchange(c.Dial())
	return c, url
}

func proxied(_ *testing.T, _ *App, c *Client)  { behind(c, "", true) }
func stripped(_ *testing.T, _ *App, c *Client) { behind(c, "/base", true) }

// anotherHost: the proxy's own pages are foreign ones then, and the log says
// what to set. Clients that are no pages do not mind.
func anotherHost(t *testing.T, app *App, c *Client) {
	c, url := behind(c, "/base", false)
	origin, _, _ := strings.Cut(url, "/base")
	c.Header.Set("Origin", origin)
	for range 2 {
		assert.Equal(t, "status", c.Do("GET", "/?EIO=4&transport=polling", "").Status, http.StatusForbidden)
	}
	assert.Equal(t, "said once: "+app.Log.String(), strings.Count(app.Log.String(), "TrustForwardedHost"), 1)
}

func headersApp(t *testing.T) *App {
	return NewAppWith(t, socketio.Options{
		Cookie: &http.Cookie{Name: "io"},
		Headers: func(h http.Header, _ *http.Request, initial bool) {
			h.Set("X-Initial", strconv.FormatBool(initial))
		},
	})
}

// ownHeaders: the application's hook is asked for every response and the 101,
// and the cookie is in the first response to polling.
func ownHeaders(t *testing.T, c *Client) {
	s := c.Open()
	cookies := s.First.Values("Set-Cookie")
	assert.Equal(t, "cookies", len(cookies), 1)
	assert.True(t, "cookie "+cookies[0], strings.HasPrefix(cookies[0], "io="+s.ID+";"))
	assert.Equal(t, "handshake", s.First.Values("X-Initial"), []string{"true"})
	later := []http.Header{
		c.Do("POST", s.suffix(), "40/unknown,").Header,
		c.Do("GET", s.suffix(), "").Header,
	}
	s.First = nil // to be that of the 101
	s.Upgrade()
	later = append(later, s.First)
	for _, h := range later {
		assert.Equal(t, "later", h.Values("X-Initial"), []string{"false"})
		assert.Equal(t, "cookies", len(h.Values("Set-Cookie")), 0)
	}
	first := c.Dial().First
	assert.Equal(t, "WebSocket", first.Values("X-Initial"), []string{"true"})
	assert.Equal(t, "cookies", len(first.Values("Set-Cookie")), 0)
}
