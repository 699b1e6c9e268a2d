package auth_test

import (
	"crypto/ed25519"
	"slices"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gosio/gosio/auth"
	"github.com/gosio/gosio/internal/assert"
)

// TestArgumentsAreCopied: what happens to the application's slices later
// changes no decision.
func TestArgumentsAreCopied(t *testing.T) {
	t.Parallel()
	roles, scopes := []string{"admin"}, []string{"chat:write"}
	id := &auth.Identity[claims]{Claims: &claims{}}
	some := auth.AnyRole(func(*claims) []string { return []string{"guest"} }, roles...)
	all := auth.AllScopes(func(*claims) string { return "chat:read" }, scopes...)
	roles[0], scopes[0] = "guest", "chat:read"
	assert.True(t, "role", some(id) != nil)
	assert.True(t, "scope", all(id) != nil)

	public, _, err := ed25519.GenerateKey(nil)
	assert.NoError(t, err)
	for name, of := range map[string]func(key ed25519.PublicKey) auth.Keys{
		"PublicKey": func(key ed25519.PublicKey) auth.Keys { return auth.PublicKey(key) },
		"KeySet":    func(key ed25519.PublicKey) auth.Keys { return auth.KeySet(map[string]any{"k": key}) },
	} {
		given := slices.Clone(public)
		keys := of(given)
		given[0] = ^given[0]
		key, err := keys.Key(t.Context(), &jwt.Token{Header: map[string]any{"kid": "k"}})
		assert.NoError(t, err)
		assert.Equal(t, name, key.(ed25519.PublicKey), public)
	}
}
