package auth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"slices"
)

// webKey is a key as RFC 7517 and 7518 write it.
type webKey struct {
	Kty    string   `json:"kty"`
	Use    string   `json:"use"`
	KeyOps []string `json:"key_ops"`
	Alg    string   `json:"alg"`
	Kid    string   `json:"kid"`
	Crv    string   `json:"crv"`
	N      string   `json:"n"`
	E      string   `json:"e"`
	X      string   `json:"x"`
	Y      string   `json:"y"`
	D      any      `json:"d"` // of private keys
}

var keyNames = claimNames[webKey]()

// parseJWKS returns the keys of a set that check signatures. Two keys may have
// one id, when they are of different types; RFC 7517, section 4.5.
func parseJWKS(text []byte) ([]jwk, error) {
	var keys []json.RawMessage
	found, err := membersOf(text, "keys")
	if err != nil || len(found) != 1 || json.Unmarshal(found[0], &keys) != nil || keys == nil {
		return nil, errors.New("not a key set")
	}
	var set []jwk
	for _, raw := range keys {
		var w webKey
		if keyNames.one(raw) != nil || json.Unmarshal(raw, &w) != nil || !w.verifies() {
			continue
		}
		if key := w.public(); key != nil {
			set = append(set, jwk{w.Kid, key, w.Alg})
		}
	}
	if len(set) == 0 { // the provider has lost its keys, or has none for signatures
		return nil, errors.New("no key of the set checks signatures")
	}
	return set, nil
}

// verifies reports whether the key is for checking signatures. Some providers write
// "" and [] in place of absent members. A private key does not count: as it is
// public, everybody could sign with it.
func (w *webKey) verifies() bool {
	return (w.Use == "" || w.Use == "sig") && (len(w.KeyOps) == 0 || slices.Contains(w.KeyOps, "verify")) && w.D == nil
}

// public returns the key, nil if it is none that checks signatures.
func (w *webKey) public() any {
	n, x, y, e := number(w.N), number(w.X), number(w.Y), number(w.E)
	switch {
	case w.Kty == "RSA" && n != nil && e != nil && e.IsInt64() && e.Int64() > 1 && e.Int64() < 1<<31:
		return &rsa.PublicKey{N: n, E: int(e.Int64())}
	case w.Kty == "OKP" && w.Crv == "Ed25519":
		if b, err := base64.RawURLEncoding.DecodeString(w.X); err == nil && len(b) == ed25519.PublicKeySize {
			return ed25519.PublicKey(b)
		}
	case w.Kty == "EC" && x != nil && y != nil:
		curve := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}[w.Crv]
		if curve == nil {
			return nil
		}
		key := &ecdsa.PublicKey{Curve: curve, X: x, Y: y}
		if _, err := key.ECDH(); err != nil { // not on the curve
			return nil
		}
		return key
	}
	return nil
}

// number decodes an integer; nil if it is none.
func number(s string) *big.Int {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) == 0 || len(b) > 2048 {
		return nil
	}
	return new(big.Int).SetBytes(b)
}
