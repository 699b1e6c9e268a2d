package auth

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"
	socketio "github.com/gosio/gosio/core"
)

// External returns a guard for applications whose framework has already verified
// the request. from returns the identity from the values that the framework's
// middleware has set, often by [ClaimsAt]; nil and nil mean that nobody is signed
// in. The socket ends when the identity expires, as with a token. The claims are
// those of the connection's first request: to refresh them the client reconnects.
//
// Settings of c for tokens and their sources must be left empty. As the
// framework may have looked at a cookie, CORS.Origins "*" panics.
func External[T any](from func(ctx context.Context, h *socketio.Handshake) (*Identity[T], error), c Config[T]) *Guard[T] {
	switch {
	case from == nil:
		panic("auth: External without a function: give it one that takes the identity from the handshake, such as ClaimsAt")
	case c.Sources != nil || c.MaxTokenSize != 0 || c.RefreshEvent != "" || c.OnRefresh != nil || c.FailuresPerMinute != 0:
		panic("auth: Config has settings for tokens, which an External guard never sees: leave Sources, MaxTokenSize, RefreshEvent, OnRefresh and FailuresPerMinute empty")
	}
	c.checkNotJWT("an External guard")
	return newGuard(c.withDefaults(), nil, from)
}

// ClaimsAt finds claims among the values of the handshake that a framework's
// JWT middleware has stored under key, and decodes them into T by their JSON:
//
//	echo-jwt, fiber's jwtware   auth.ClaimsAt[Claims]("user")
//	gin-jwt                     auth.ClaimsAt[Claims]("JWT_PAYLOAD")
//	go-chi/jwtauth              auth.ClaimsAt[Claims](jwtauth.TokenCtxKey, jwtauth.ErrorCtxKey)
//
// The value is a token with a field Claims, as in all versions of golang-jwt,
// or anything that encodes as the JSON of its claims. A token that says that
// it is not valid is refused, and so is one beside which there is a value
// under one of the errors' keys: some middleware notes there what is wrong,
// and passes the request on. For net/http and chi all keys have to be listed
// in socketio.Options.ContextKeys.
func ClaimsAt[T any](key any, errors ...any) func(ctx context.Context, h *socketio.Handshake) (*Identity[T], error) {
	names, errors := claimNames[T](), slices.Clone(errors)
	return func(_ context.Context, h *socketio.Handshake) (*Identity[T], error) {
		value := h.Value(key)
		if value == nil {
			return nil, nil
		}
		if slices.ContainsFunc(errors, func(key any) bool { return h.Value(key) != nil }) {
			return nil, reject(ErrTokenInvalid, "the framework has refused the token")
		}
		value, ok := claimsOf(value)
		if !ok {
			return nil, reject(ErrTokenInvalid, "the framework's token is not valid")
		}
		return decode[T](value, names)
	}
}

// claimsOf takes the claims out of a token, and leaves everything else alone.
func claimsOf(value any) (claims any, ok bool) {
	v := reflect.Indirect(reflect.ValueOf(value))
	if v.Kind() != reflect.Struct || !v.FieldByName("Claims").IsValid() || !v.FieldByName("Claims").CanInterface() {
		return value, true
	}
	if valid := v.FieldByName("Valid"); valid.Kind() == reflect.Bool && !valid.Bool() {
		return nil, false
	}
	return v.FieldByName("Claims").Interface(), true
}

// decode makes an identity of claims in a foreign type.
func decode[T any](value any, names *names) (*Identity[T], error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, reject(ErrTokenInvalid, "the framework's claims do not encode")
	}
	if err := names.one(text); err != nil {
		return nil, reject(ErrTokenInvalid, "the framework's claims: "+err.Error())
	}
	if text, err = withoutNulls(text); err != nil {
		return nil, reject(ErrTokenInvalid, "the framework's claims: "+err.Error())
	}
	if _, err := names.read(text); err != nil {
		return nil, reject(ErrTokenInvalid, "the framework's claims: "+err.Error())
	}
	var registered jwt.RegisteredClaims
	id := &Identity[T]{Claims: new(T)}
	if json.Unmarshal(text, &registered) != nil || json.Unmarshal(text, id.Claims) != nil {
		return nil, reject(ErrTokenInvalid, "the framework's claims do not decode")
	}
	id.Subject, id.TokenID = registered.Subject, registered.ID
	id.ExpiresAt, id.IssuedAt = timeOf(registered.ExpiresAt), timeOf(registered.IssuedAt)
	return id, nil
}

// withoutNulls leaves out the registered claims that are null: a struct without
// omitempty has them so where the token has none.
func withoutNulls(object []byte) ([]byte, error) {
	var members map[string]json.RawMessage
	if json.Unmarshal(object, &members) != nil || members == nil {
		return nil, errNotJSON
	}
	for _, name := range registered {
		if string(members[name]) == "null" {
			delete(members, name)
		}
	}
	return json.Marshal(members)
}

func timeOf(d *jwt.NumericDate) time.Time {
	if d == nil {
		return time.Time{}
	}
	return d.Time
}
