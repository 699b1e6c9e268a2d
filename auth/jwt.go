package auth

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

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

// usable panics on types of claims that would panic on input from the network.
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
	_, _ = claims.GetNotBefore()
	_, _ = claims.GetIssuedAt()
	_, _ = claims.GetIssuer()
	_, _ = claims.GetAudience()
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
	names  *names
	keys   Keys
	typ    string
	maxAge time.Duration
}

// newJWTVerifier switches on each check of the library that is off by default.
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
		parser: jwt.NewParser(options...), names: claimNames[T](), keys: c.Keys, typ: mediaType(c.Type),
		maxAge: c.MaxAge,
	}
}

// Verify implements [Verifier].
func (v *jwtVerifier[T, P]) Verify(ctx context.Context, token string) (*Identity[T], error) {
	if strings.Trim(token, alphabet) != "" {
		return nil, reject(ErrTokenMalformed, "characters that no token has")
	}
	claims := P(new(T)) // never shared: decoding writes to it
	var text standard
	var keyErr error
	_, err := v.parser.ParseWithClaims(token, claims, func(t *jwt.Token) (key any, _ error) {
		if text, keyErr = v.read(t); keyErr == nil {
			key, keyErr = v.key(ctx, t)
		}
		return key, keyErr
	})
	if keyErr != nil {
		return nil, keyErr
	}
	if err != nil {
		return nil, classify(err)
	}
	return v.identity(text, claims)
}

// alphabet is what the three parts and the dots between them are made of. The
// decoder would skip line breaks, and one token would have many spellings.
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."

// read refuses a token that another reader may understand in another way, before
// a key is looked for, and returns its registered claims.
func (v *jwtVerifier[T, P]) read(t *jwt.Token) (c standard, err error) {
	parts := strings.SplitN(t.Raw, ".", 3)
	header, headerErr := base64.RawURLEncoding.DecodeString(parts[0])
	payload, payloadErr := base64.RawURLEncoding.DecodeString(parts[1])
	if headerErr != nil || payloadErr != nil {
		return c, reject(ErrTokenMalformed, "not a token")
	}
	if err := headerNames.one(header); err != nil {
		return c, reject(ErrTokenInvalid, "header: "+err.Error())
	}
	if c, err = v.names.read(payload); err != nil {
		return c, reject(ErrTokenInvalid, "claims: "+err.Error())
	}
	if exp, err := t.Claims.GetExpirationTime(); err == nil && exp == nil && c.expires {
		return c, reject(ErrTokenInvalid, "claims: their type does not see the expiry")
	}
	if nbf, err := t.Claims.GetNotBefore(); err == nil && nbf == nil && c.begins {
		return c, reject(ErrTokenInvalid, "claims: their type does not see from when the token is valid")
	}
	return c, nil
}

// mediaType is what "typ" names, in lower case; RFC 7515, section 4.1.9.
func mediaType(typ string) string {
	return strings.TrimPrefix(strings.ToLower(typ), "application/")
}

// key returns what checks the signature of a token whose algorithm is allowed.
// Keys in the header, or addresses of some, are not looked at: "jwk", "jku",
// "x5c", "x5u". Some providers send them.
func (v *jwtVerifier[T, P]) key(ctx context.Context, t *jwt.Token) (any, error) {
	for _, name := range []string{"crit", "b64"} { // RFC 7515, 4.1.11: what is not understood must be refused; RFC 7797
		if _, ok := t.Header[name]; ok {
			return nil, reject(ErrTokenInvalid, "critical header parameters")
		}
	}
	typ, isText := t.Header["typ"].(string)
	if _, ok := t.Header["typ"]; ok && !isText || v.typ != "" && mediaType(typ) != v.typ {
		return nil, reject(ErrTokenInvalid, "type")
	}
	if kid, ok := t.Header["kid"]; ok {
		if id, ok := kid.(string); !ok || len(id) > maxKeyID || strings.ContainsRune(id, utf8.RuneError) {
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

// identity returns the identity that a verified token states.
func (v *jwtVerifier[T, P]) identity(text standard, claims P) (*Identity[T], error) {
	id := &Identity[T]{Claims: (*T)(claims), TokenID: text.id}
	if sub, err := claims.GetSubject(); err == nil {
		id.Subject = sub
	}
	if exp, err := claims.GetExpirationTime(); err == nil && exp != nil {
		id.ExpiresAt = exp.Time
	}
	if iat, err := claims.GetIssuedAt(); err == nil && iat != nil {
		id.IssuedAt = iat.Time
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

// classify says what is wrong with a token. A client is told that its token has
// expired only if the signature and everything else is right.
func classify(err error) error {
	if e := (*Error)(nil); errors.As(err, &e) && e != nil { // of the claims' own Validate
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
		{jwt.ErrTokenRequiredClaimMissing, ErrTokenInvalid, "a required claim is missing" + missingClaim(err)},
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

// missingClaim names a claim that is required and not there, for the log.
func missingClaim(err error) string {
	for _, name := range []string{"exp", "iss", "aud", "iat"} {
		if strings.Contains(err.Error(), name+" claim is required") { // the library's text, which holds nothing of the token's
			return ": " + name
		}
	}
	return ""
}
