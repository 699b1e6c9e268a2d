package auth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

// FuzzJWKS: of any text the keys are of the three kinds, none is private, and a
// signature that is none does not verify with one of them.
func FuzzJWKS(f *testing.F) {
	for _, text := range []string{
		`{"keys":[]}`, `{"keys":null}`, `{"keys":[{"kty":"RSA","kid":"a","n":"AQAB","e":"AQAB"}]}`, `{"keys":[{"kty":"RSA","n":"","e":""},{"kty":"RSA","n":"AA","e":"AA"}]}`,
		`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`, `{"keys":[{"kty":"EC","crv":"P-256","x":"AQ","y":"AQ"}]}`,
		`{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","use":"sig","key_ops":["verify"]}]}`,
		`{"keys":[{"kty":"oct","k":"AQAB"}]}`, `{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB","d":"AQAB"}]}`, `[]`, `{"KEYS":[]}`, `{"keys":[1,"x",null,[],{}]}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		set, err := parseJWKS(text)
		if (err == nil) != (len(set) > 0) {
			t.Fatalf("%d keys, %v", len(set), err)
		}
		for _, k := range set {
			var method jwt.SigningMethod
			switch k.key.(type) {
			case *rsa.PublicKey:
				method = jwt.SigningMethodRS256
			case *ecdsa.PublicKey:
				method = jwt.SigningMethodES256
			case ed25519.PublicKey:
				method = jwt.SigningMethodEdDSA
			default:
				t.Fatalf("a key of type %T", k.key)
			}
			if method.Verify("text", make([]byte, 64), k.key) == nil {
				t.Fatalf("nothing is a signature for %v", k.key)
			}
		}
	})
}
