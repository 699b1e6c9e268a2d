// Package middlewares puts a Socket.IO server behind the JWT middlewares that
// people use, each in its framework, with one login for REST and realtime.
// docs/securing.md shows the parts between the "docs:" marks. It is a module
// of its own, so that those libraries are in nobody else's go.mod:
//
//	integrations/middlewares/run
package middlewares

import (
	"fmt"
	"net/http"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gosio/gosio/auth"
	socketio "github.com/gosio/gosio/core"
)

// Settings are what the tests vary.
type Settings struct {
	Key  []byte
	Life time.Duration // of a token
	// HandshakesOnly spares polls the middleware, and then nothing is pinned.
	HandshakesOnly bool
	// NoCheck leaves requests with a refused token to the guard, where the
	// middleware can do that.
	NoCheck bool
}

// Claims are what the middlewares' tokens hold.
type Claims struct {
	jwt.RegisteredClaims
	Identity string `json:"identity"` // where gin-jwt has the user
}

// serve gives a server its handlers. Those for whom nothing is verified in
// polls cannot be told apart there.
func (o Settings) serve(srv *socketio.Server) {
	srv.On("echo", func(s *socketio.Socket, v any) error { return s.Emit("echo", v) })
	srv.On("whoami", func(s *socketio.Socket) string {
		id, _ := auth.From[Claims](s)
		return fmt.Sprint(s.Identity(), " ", id.ExpiresAt.Unix())
	})
}

// options leaves the pin out where it cannot work.
func (o Settings) options(opts *socketio.Options) *socketio.Options {
	if o.HandshakesOnly {
		opts.Pin = nil
	}
	return opts
}

// parse is what an application does that uses golang-jwt.
func (o Settings) parse(token string) (*jwt.Token, error) {
	return jwt.Parse(token, func(*jwt.Token) (any, error) { return o.Key, nil },
		jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired())
}

// subject pins sessions to the user whose token is kept under "user".
func subject(r *http.Request) string {
	token, ok := socketio.UpstreamValue(r, "user").(*jwt.Token)
	if !ok {
		return ""
	}
	sub, _ := token.Claims.GetSubject()
	return sub
}

// sign makes a token as an application does that uses golang-jwt.
func (o Settings) sign(user string) (string, error) {
	claims := jwt.RegisteredClaims{Subject: user, ExpiresAt: jwt.NewNumericDate(time.Now().Add(o.Life))}
	return jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(o.Key)
}
