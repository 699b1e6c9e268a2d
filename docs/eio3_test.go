package docs_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gosio/gosio/auth"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

func TestEIO3(t *testing.T) {
	t.Parallel()
	secret := []byte("32 random bytes, from a safe place")
	pages := []string{"https://app.example"}
	// code: on
	srv := socketio.NewServer(&socketio.Options{
		AllowEIO3: true,
		CORS:      socketio.CORS{Origins: pages, Credentials: true}, // clients of 2.x always ask for credentials
	})
	// end
	defer srv.Close()

	// code: auth
	guard := auth.JWT(auth.Config[jwt.RegisteredClaims]{
		Keys:       auth.Secret(secret),
		Algorithms: []string{"HS256"},
		Sources:    []auth.Source{auth.FromAuth("token"), auth.FromQuery("token")}, // the latter for "/" of clients of 2.x
	})
	srv.Use(guard)
	srv.Of("/orders").Use(guard)
	// end

	// code: which
	old := socketio.NewKey[bool]("old client")
	srv.OnConnect(func(s *socketio.Socket) {
		old.Set(s, s.Protocol() == 3)
	})
	// end
	srv.On("old", func(s *socketio.Socket) bool { v, _ := old.Get(s); return v })

	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{
		Subject: "ann", ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Hour)),
	}).SignedString(secret)
	assert.NoError(t, err)
	open := func(more url.Values) *siotest.Conn {
		more.Set("EIO", "3")
		return siotest.Open(t, srv, siotest.Options{Query: more})
	}
	c := open(url.Values{"token": {token}})
	c.Expect("40")
	assert.NoError(t, c.Send(`421["old"]`, "40/orders?token="+url.QueryEscape(token)+","))
	replies := c.Next() + c.Next()
	assert.True(t, "acknowledged", strings.Contains(replies, `431[true]`))
	assert.True(t, "joined", strings.Contains(replies, `40/orders,`))
	open(url.Values{"token": {token + "x"}}).Expect(`44{"code":"token_invalid","message":"token is invalid","retryable":false}`)
}
