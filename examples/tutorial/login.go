package main

import (
	"cmp"
	"crypto/rand"
	"crypto/subtle"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// users are in a database in your application, with passwords that are hashed.
var users = map[string]string{"ada": "countess", "grace": "compiler"}

// key signs the tokens: at least 32 bytes. All servers have the same.
var key = []byte(cmp.Or(os.Getenv("JWT_SECRET"), rand.Text()+rand.Text()))

// login answers a name and its password with a token.
func login(w http.ResponseWriter, r *http.Request) {
	name, password := r.PostFormValue("name"), r.PostFormValue("password")
	want, ok := users[name]
	if subtle.ConstantTimeCompare([]byte(password), []byte(want)) != 1 || !ok {
		http.Error(w, "wrong name or password", http.StatusUnauthorized)
		return
	}
	token, err := sign(name)
	if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	_, _ = io.WriteString(w, token)
}

func sign(name string) (string, error) {
	return jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{
		Subject:   name,
		ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Hour)),
	}).SignedString(key)
}
