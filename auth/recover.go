package auth

import (
	"context"
	"encoding/json"
	"reflect"

	socketio "github.com/gosio/gosio/core"
)

// resumes decides whether a client that comes back may go on with the session
// that a token has opened: not if that was revoked meanwhile, when nobody was
// there to be ended, and not with a token that gives something else. What the
// application has made of the old claims, such as rooms, would live on.
func (g *shared[T]) resumes(ctx context.Context, before *Identity[T], next *socketio.Socket) bool {
	l, ok := lives.of(next, g).(*life[T])
	if !ok {
		return false
	}
	now := l.id.Load()
	return now != nil && sameGrants(before.Claims, now.Claims) && g.revoked(ctx, before) == nil
}

// fleeting are the claims that differ from token to token of one login.
var fleeting = []string{"exp", "nbf", "iat", "jti", "nonce", "at_hash", "c_hash", "s_hash", "uti", "aio", "rh"}

// sameGrants reports whether claims say the same of the client, as far as the
// application's type shows them.
func sameGrants(a, b any) bool {
	x, y := grantsOf(a), grantsOf(b)
	return x != nil && reflect.DeepEqual(x, y)
}

func grantsOf(claims any) (grants map[string]any) {
	text, err := json.Marshal(claims)
	if err != nil || json.Unmarshal(text, &grants) != nil {
		return nil
	}
	for _, name := range fleeting {
		delete(grants, name)
	}
	return grants
}
