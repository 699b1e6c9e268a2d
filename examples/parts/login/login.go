// Package login stands for what an app has already: users with passwords, and
// the signing of short-lived tokens. It knows nothing of Socket.IO.
package login

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Claims are what the tokens say about a user.
type Claims struct {
	jwt.RegisteredClaims
	Roles []string `json:"roles"`
}

// Grant is what a login gives.
type Grant struct {
	// Token is the access token, for REST and for sockets.
	Token string `json:"token"`
	// ExpiresIn is how long it lives, in seconds. Clients count from when they
	// get it: their clock may be wrong.
	ExpiresIn float64 `json:"expires_in"`
	// Refresh is what fetches the next one. It belongs into a cookie that no
	// script can read, and is not part of the JSON.
	Refresh string `json:"-"`
}

// SessionLife is how long a login lasts, however often it is refreshed.
const SessionLife = 12 * time.Hour

// ErrDenied is the answer to every wrong name, password and refresh token.
var ErrDenied = errors.New("wrong name or password, or signed out")

// NewKey returns a random key for HS256.
func NewKey() []byte {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it never fails
	return key
}

// Accounts knows the users, and who is signed in. Its methods may be called
// concurrently.
type Accounts struct {
	key   []byte
	life  time.Duration
	users map[string]user

	mu       sync.Mutex
	sessions map[[sha256.Size]byte]session // by the hash of the refresh token: who reads it cannot use it
}

type user struct {
	name           string
	roles          []string
	salt, password []byte
}

type session struct {
	user user
	ends time.Time
}

// New makes the demo users, whose passwords are on the page of the examples:
// ada, an admin, grace and ken. Access tokens are signed with key and live for
// life.
func New(key []byte, life time.Duration) *Accounts {
	a := &Accounts{key: key, life: life, users: make(map[string]user), sessions: make(map[[sha256.Size]byte]session)}
	a.add("ada", "countess", "user", "admin")
	a.add("grace", "compiler", "user")
	a.add("ken", "plan 9", "user")
	return a
}

func (a *Accounts) add(name, password string, roles ...string) {
	salt := []byte(rand.Text())
	a.users[name] = user{name: name, roles: roles, salt: salt, password: stretch(password, salt)}
}

// stretch makes a password expensive to guess. These are known anyway: with
// passwords that matter, use argon2id, or 600,000 rounds of this.
func stretch(password string, salt []byte) []byte {
	hash, err := pbkdf2.Key(sha256.New, password, salt, 10_000, sha256.Size)
	if err != nil {
		panic("login: " + err.Error()) // the numbers above are wrong
	}
	return hash
}

// Login checks a password. In production, bound the attempts of one address and
// of one name, too.
func (a *Accounts) Login(name, password string) (Grant, error) {
	u, ok := a.users[name]
	// Nobody has this password; but it takes as long as for somebody.
	if hash := stretch(password, u.salt); subtle.ConstantTimeCompare(hash, u.password) != 1 || !ok {
		return Grant{}, ErrDenied
	}
	refresh := rand.Text()
	now := time.Now()
	a.mu.Lock()
	for id, s := range a.sessions {
		if !now.Before(s.ends) {
			delete(a.sessions, id)
		}
	}
	a.sessions[sha256.Sum256([]byte(refresh))] = session{user: u, ends: now.Add(SessionLife)}
	a.mu.Unlock()
	return a.grant(u, refresh)
}

// Refresh returns the next access token of somebody who is still signed in.
func (a *Accounts) Refresh(refresh string) (Grant, error) {
	a.mu.Lock()
	s, ok := a.sessions[sha256.Sum256([]byte(refresh))]
	a.mu.Unlock()
	if !ok || !time.Now().Before(s.ends) {
		return Grant{}, ErrDenied
	}
	return a.grant(s.user, refresh)
}

// Logout ends a login: there are no more tokens, and the last one ends soon. To
// end it at once, see auth.NewRevocations.
func (a *Accounts) Logout(refresh string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.sessions, sha256.Sum256([]byte(refresh)))
}

func (a *Accounts) grant(u user, refresh string) (Grant, error) {
	now := time.Now()
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, Claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Subject:   u.name,
			ID:        rand.Text(),
			IssuedAt:  jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(now.Add(a.life + time.Second - 1)), // tokens count in whole seconds: up, not down
		},
		Roles: u.roles,
	}).SignedString(a.key)
	return Grant{Token: token, ExpiresIn: a.life.Seconds(), Refresh: refresh}, err
}
