package auth_test

import (
	"fmt"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gosio/gosio/auth"
	socketio "github.com/gosio/gosio/core"
)

// Claims are what the application puts into its tokens.
type Claims struct {
	jwt.RegisteredClaims
	Roles []string `json:"roles"`
}

// A namespace for everybody who is signed in, and one for admins.
func ExampleJWT() {
	srv := socketio.NewServer(nil)
	defer srv.Close()

	guard := auth.JWT(auth.Config[Claims]{
		Keys:       auth.Secret([]byte("32 random bytes, from a safe place")),
		Algorithms: []string{"HS256"},
	})
	isAdmin := auth.AnyRole(func(c *Claims) []string { return c.Roles }, "admin")

	srv.Use(guard)
	srv.Of("/admin").Use(guard.Require(isAdmin))
	srv.On("whoami", func(s *socketio.Socket) string {
		id, _ := auth.From[Claims](s)
		return id.Subject
	})
	// Output:
}

// A policy is a function of the claims; its refusal says what would be needed.
func ExampleAnyRole() {
	isStaff := auth.AnyRole(func(c *Claims) []string { return c.Roles }, "admin", "support")
	fmt.Println(isStaff(&auth.Identity[Claims]{Claims: &Claims{Roles: []string{"support"}}}))
	fmt.Println(isStaff(&auth.Identity[Claims]{Claims: &Claims{Roles: []string{"user"}}}))
	// Output:
	// <nil>
	// auth: not allowed
}
