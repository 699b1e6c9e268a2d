package auth

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/golang-jwt/jwt/v5"
)

// Keys finds the key that checks a token's signature: a []byte for HS256 and
// its kin, *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey, or a
// jwt.VerificationKeySet of several. The algorithm in the token's header is
// allowed already; whether the key is of its kind is checked afterwards. The
// header is not verified yet: "kid" may be looked up in a map, and never be
// part of a path, a URL or a query.
//
// [ErrUnknownKey] makes the token invalid. Any other error means that the keys cannot
// be read now.
type Keys interface {
	Key(ctx context.Context, unverified *jwt.Token) (any, error)
}

// ErrUnknownKey says that no key has the token's key id.
var ErrUnknownKey = errors.New("auth: unknown key")

// KeyFunc is a function as [Keys].
type KeyFunc func(ctx context.Context, unverified *jwt.Token) (any, error)

// Key implements [Keys].
func (f KeyFunc) Key(ctx context.Context, t *jwt.Token) (any, error) { return f(ctx, t) }

// minSecret is the length, in bytes, that HS256 asks of its key; see RFC 7518,
// section 3.2. Shorter ones can be guessed from any one token.
const minSecret = 32

// fixed are keys that are known at start-up: one for all tokens, or by key id.
type fixed struct {
	one  any
	byID map[string]any
}

// Secret is the key of HS256, HS384 and HS512: at least 32 random bytes. It
// panics on fewer, and on the text of a PEM file, which is public.
func Secret(secret []byte) Keys {
	if len(secret) < minSecret {
		panic(fmt.Sprintf("auth: a secret of %d bytes can be guessed; use %d random ones, or ShortSecret until you have them", len(secret), minSecret))
	}
	return ShortSecret(secret)
}

// ShortSecret is Secret for a shorter secret that is in use already. Whoever has one
// token can find a short secret by trying.
func ShortSecret(secret []byte) Keys { return PublicKey(secret) }

// PublicKey is one key for all tokens, whatever their key id. A crypto.PublicKey
// fits; of a private key only the public half is kept.
func PublicKey(key any) Keys {
	return fixed{one: checked("the key", key)}
}

// KeySet is several keys by their id, the token's "kid", so that a key can be replaced
// while tokens of the old key are still accepted. A token without an id is refused.
func KeySet(keys map[string]any) Keys {
	if len(keys) == 0 {
		panic("auth: KeySet without a key: give it at least one, by its id (\"kid\")")
	}
	byID := make(map[string]any, len(keys))
	for id, key := range keys {
		if id == "" || len(id) > maxKeyID {
			panic(fmt.Sprintf("auth: KeySet: no token can name a key by the id %.20q: it has 1 to %d bytes", id, maxKeyID))
		}
		byID[id] = checked(fmt.Sprintf("key %q", id), key)
	}
	return fixed{byID: byID}
}

// PEM is the public key, or certificate, of a PEM file. It panics on anything
// else; a private key is not needed to check signatures, and refused.
func PEM(text []byte) Keys {
	block, _ := pem.Decode(text)
	if block == nil {
		panic("auth: PEM finds no PEM block: give it the text of a file that has -----BEGIN PUBLIC KEY-----")
	}
	if key, err := x509.ParsePKIXPublicKey(block.Bytes); err == nil {
		return PublicKey(key)
	}
	if key, err := x509.ParsePKCS1PublicKey(block.Bytes); err == nil {
		return PublicKey(key)
	}
	if cert, err := x509.ParseCertificate(block.Bytes); err == nil {
		return PublicKey(cert.PublicKey)
	}
	panic(fmt.Sprintf("auth: PEM finds no public key in a block of type %q", block.Type))
}

// Key implements [Keys].
func (f fixed) Key(_ context.Context, t *jwt.Token) (any, error) {
	if f.byID == nil {
		return f.one, nil
	}
	id, _ := t.Header["kid"].(string)
	if key, ok := f.byID[id]; ok && id != "" {
		return key, nil
	}
	return nil, ErrUnknownKey
}

// checked returns the public half of a key, and panics on one that must not be.
func checked(what string, key any) any {
	switch k := key.(type) {
	case string:
		panic("auth: " + what + " is a string; give []byte for a shared secret, PEM(…) for a public key")
	case []byte:
		if len(k) == 0 {
			panic("auth: " + what + " is empty")
		}
		if bytes.HasPrefix(bytes.TrimSpace(k), []byte("-----BEGIN")) {
			panic("auth: " + what + " is the text of a PEM file: as a shared secret it would let everyone sign who has the public key; use PEM")
		}
		return bytes.Clone(k)
	case ed25519.PublicKey:
		return slices.Clone(k)
	case *rsa.PublicKey, *ecdsa.PublicKey:
		return k
	case crypto.Signer:
		return checked(what, k.Public())
	}
	panic(fmt.Sprintf("auth: %s is a %T, which no algorithm uses", what, key))
}

// minRSA is the size, in bits, that RFC 7518 asks of RSA keys.
const minRSA = 2048

// fits reports whether a key is of the kind that the algorithm uses. So a public key
// is never used as a shared secret.
func fits(algorithm string, key any) bool {
	switch k := key.(type) {
	case []byte:
		return algorithm[:2] == "HS" && len(k) > 0 && !bytes.HasPrefix(bytes.TrimSpace(k), []byte("-----BEGIN"))
	case *rsa.PublicKey:
		return (algorithm[:2] == "RS" || algorithm[:2] == "PS") && k.N != nil && k.N.BitLen() >= minRSA
	case *ecdsa.PublicKey:
		switch algorithm {
		case "ES256":
			return k.Curve == elliptic.P256()
		case "ES384":
			return k.Curve == elliptic.P384()
		case "ES512":
			return k.Curve == elliptic.P521()
		}
	case ed25519.PublicKey:
		return algorithm == "EdDSA" && len(k) == ed25519.PublicKeySize
	}
	return false
}

// fitting returns the key, or those of a set, that are of the algorithm's kind.
func fitting(algorithm string, key any) (any, error) {
	set, ok := key.(jwt.VerificationKeySet)
	if !ok {
		if !fits(algorithm, key) {
			return nil, reject(ErrTokenInvalid, "key is not of the algorithm's kind")
		}
		return key, nil
	}
	var keys []jwt.VerificationKey
	for _, k := range set.Keys {
		if fits(algorithm, k) {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil, reject(ErrTokenInvalid, "no key is of the algorithm's kind")
	}
	return jwt.VerificationKeySet{Keys: keys}, nil
}

// known returns the keys that are there at start-up, and whether they are all.
func known(k Keys) (keys []any, all bool) {
	switch k := k.(type) {
	case fixed:
		if k.byID == nil {
			return []any{k.one}, true
		}
		for _, key := range k.byID {
			keys = append(keys, key)
		}
		return keys, true
	case issuers:
		all = true
		for _, of := range k {
			some, complete := known(of)
			keys, all = append(keys, some...), all && complete
		}
		return keys, all
	}
	return nil, false
}

// serve panics unless each key can check at least one algorithm and, if these
// are all the keys, each algorithm has a key.
func serve(keys []any, all bool, algorithms []string) {
	for _, alg := range algorithms {
		if all && !slices.ContainsFunc(keys, func(k any) bool { return fits(alg, k) }) {
			panic(fmt.Sprintf("auth: algorithm %s is allowed and no key is of its kind", alg))
		}
	}
	for _, k := range keys {
		if !slices.ContainsFunc(algorithms, func(alg string) bool { return fits(alg, k) }) {
			panic(fmt.Sprintf("auth: no allowed algorithm uses a %T; RSA keys need %d bits", k, minRSA))
		}
	}
}

// issuers are keys by the token's "iss".
type issuers map[string]Keys

// Issuers are the keys of several identity providers by their issuer, the
// token's "iss":
//
//	auth.Issuers(map[string]auth.Keys{
//		"https://a.example": auth.NewJWKS(ctx, nil, "https://a.example/jwks.json"),
//		"https://b.example": auth.NewJWKS(ctx, nil, "https://b.example/jwks.json"),
//	})
//
// A provider's keys count for its own tokens only: it cannot sign for the users of
// another. Tokens of other issuers, and of none, are refused; Config.Issuer must
// be empty. Two providers may have one subject for two users: tell them apart with
// Config.Subject.
func Issuers(keys map[string]Keys) Keys {
	if len(keys) == 0 {
		panic("auth: Issuers without an issuer: give it at least one, by its name (\"iss\")")
	}
	for issuer, k := range keys {
		if _, nested := k.(issuers); issuer == "" || isNil(k) || nested {
			panic(fmt.Sprintf("auth: Issuers: %q needs a name, and keys of its own", issuer))
		}
	}
	return issuers(maps.Clone(keys))
}

// Key implements [Keys].
func (i issuers) Key(ctx context.Context, t *jwt.Token) (any, error) {
	issuer, err := t.Claims.GetIssuer()
	keys, ok := i[issuer]
	if err != nil || !ok {
		return nil, reject(ErrTokenInvalid, "issuer")
	}
	return keys.Key(ctx, t)
}
