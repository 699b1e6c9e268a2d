package auth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// JWT returns a guard that accepts JSON Web Tokens; see RFC 7519. T is the
// type of the claims: a struct that embeds jwt.RegisteredClaims, or
// jwt.MapClaims. If it has a method Validate() error, that is asked, too, once
// the signature is checked.
//
// It panics on a configuration that cannot work or is not safe.
func JWT[T any, P interface {
	*T
	jwt.Claims
}](c Config[T]) *Guard[T] {
	c = c.withDefaults()
	c.checkJWT()
	usable[T, P]()
	return newGuard(c, newJWTVerifier[T, P](&c), nil)
}

// usable panics on types of claims that would panic on the network's input.
func usable[T any, P interface {
	*T
	jwt.Claims
}]() {
	defer func() {
		if recover() != nil {
			panic(fmt.Sprintf("auth: claims of type %T cannot be empty: embed jwt.RegisteredClaims by value, not as a pointer", *new(T)))
		}
	}()
	claims := P(new(T))
	_, _ = claims.GetExpirationTime() // only whether they panic matters
	_, _ = claims.GetSubject()
	if v, ok := any(claims).(jwt.ClaimsValidator); ok {
		_ = v.Validate()
	}
}

type jwtVerifier[T any, P interface {
	*T
	jwt.Claims
}] struct {
	parser *jwt.Parser
	keys   Keys
	typ    string
	maxAge time.Duration
}

// newJWTVerifier asks the library for everything that it does not check by
// itself.
func newJWTVerifier[T any, P interface {
	*T
	jwt.Claims
}](c *Config[T]) *jwtVerifier[T, P] {
	options := []jwt.ParserOption{
		jwt.WithValidMethods(c.Algorithms), jwt.WithLeeway(c.Leeway), jwt.WithIssuedAt(), jwt.WithStrictDecoding(),
	}
	if !c.AllowNoExpiry {
		options = append(options, jwt.WithExpirationRequired())
	}
	if c.Issuer != "" {
		options = append(options, jwt.WithIssuer(c.Issuer))
	}
	if len(c.Audience) > 0 {
		options = append(options, jwt.WithAudience(c.Audience...))
	}
	return &jwtVerifier[T, P]{
		parser: jwt.NewParser(options...), keys: c.Keys, typ: strings.ToLower(c.Type),
		maxAge: c.MaxAge,
	}
}

// Verify implements [Verifier].
func (v *jwtVerifier[T, P]) Verify(ctx context.Context, token string) (*Identity[T], error) {
	if strings.Trim(token, alphabet) != "" {
		return nil, reject(ErrTokenMalformed, "characters that no token has")
	}
	claims := P(new(T)) // never shared: decoding writes to it
	var keyErr error
	parsed, err := v.parser.ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) {
		var key any
		key, keyErr = v.key(ctx, t)
		return key, keyErr
	})
	if keyErr != nil {
		return nil, keyErr
	}
	if err != nil {
		return nil, classify(err)
	}
	return v.identity(parsed, claims)
}

// alphabet is what the three parts and the dots between them are made of. The
// decoder would skip line breaks, and one token would have many spellings.
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."

// key returns what checks the signature of a token whose algorithm is allowed.
func (v *jwtVerifier[T, P]) key(ctx context.Context, t *jwt.Token) (any, error) {
	if _, ok := t.Header["crit"]; ok { // RFC 7515, 4.1.11: what is not understood must be refused
		return nil, reject(ErrTokenInvalid, "critical header parameters")
	}
	if typ, _ := t.Header["typ"].(string); v.typ != "" && strings.ToLower(typ) != v.typ {
		return nil, reject(ErrTokenInvalid, "type")
	}
	if kid, ok := t.Header["kid"]; ok {
		if id, ok := kid.(string); !ok || len(id) > maxKeyID {
			return nil, reject(ErrTokenInvalid, "key id")
		}
	}
	key, err := v.keys.Key(ctx, t)
	switch {
	case errors.Is(err, ErrUnknownKey):
		return nil, reject(ErrTokenInvalid, "unknown key")
	case err != nil:
		return nil, fmt.Errorf("auth: keys: %w", err)
	}
	return fitting(t.Method.Alg(), key)
}

// maxKeyID bounds key ids, in bytes.
const maxKeyID = 256

// identity takes from a verified token what outlives it.
func (v *jwtVerifier[T, P]) identity(t *jwt.Token, claims P) (*Identity[T], error) {
	id := &Identity[T]{Claims: (*T)(claims)}
	if sub, err := claims.GetSubject(); err == nil {
		id.Subject = sub
	}
	if exp, err := claims.GetExpirationTime(); err == nil && exp != nil {
		id.ExpiresAt = exp.Time
	}
	if iat, err := claims.GetIssuedAt(); err == nil && iat != nil {
		id.IssuedAt = iat.Time
	}
	var ok bool
	if id.TokenID, ok = tokenID(t.Raw); !ok {
		return nil, reject(ErrTokenInvalid, "token id is not a string")
	}
	if v.maxAge == 0 {
		return id, nil
	}
	if id.IssuedAt.IsZero() {
		return nil, reject(ErrTokenInvalid, "no time of issue")
	}
	if end := id.IssuedAt.Add(v.maxAge); id.ExpiresAt.IsZero() || end.Before(id.ExpiresAt) {
		id.ExpiresAt = end
	}
	return id, nil
}

// tokenID is the claim "jti", which the library's interface of claims lacks.
func tokenID(raw string) (string, bool) {
	parts := strings.SplitN(raw, ".", 3)
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		ID *string `json:"jti"`
	}
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		return "", false
	}
	if claims.ID == nil {
		return "", true
	}
	return *claims.ID, true
}

// classify says what is wrong with a token. Only of one whose signature is
// right, and that fails for nothing else, a client learns that it has expired.
func classify(err error) error {
	if e := (*Error)(nil); errors.As(err, &e) { // of the claims' own Validate
		return reject(e, "claims")
	}
	for _, c := range []struct {
		is     error
		told   *Error
		reason string
	}{
		{jwt.ErrTokenMalformed, ErrTokenMalformed, "not a token"},
		{jwt.ErrTokenUnverifiable, ErrTokenInvalid, "algorithm"},
		{jwt.ErrTokenSignatureInvalid, ErrTokenInvalid, "signature or algorithm"},
		{jwt.ErrTokenInvalidIssuer, ErrTokenInvalid, "issuer"},
		{jwt.ErrTokenInvalidAudience, ErrTokenInvalid, "audience"},
		{jwt.ErrTokenRequiredClaimMissing, ErrTokenInvalid, "a required claim is missing"},
		{jwt.ErrTokenNotValidYet, ErrTokenNotYetValid, "not valid yet"},
		{jwt.ErrTokenUsedBeforeIssued, ErrTokenNotYetValid, "used before it was issued"},
		{jwt.ErrTokenExpired, ErrTokenExpired, "expired"},
	} {
		if errors.Is(err, c.is) {
			return reject(c.told, c.reason)
		}
	}
	return reject(ErrTokenInvalid, "claims")
}
