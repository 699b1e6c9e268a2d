package auth_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gosio/gosio/auth"
	"github.com/gosio/gosio/internal/assert"
)

// claims are those of the tests' application.
type claims struct {
	jwt.RegisteredClaims
	Roles []string `json:"roles,omitempty"`
	Scope string   `json:"scope,omitempty"`
	User  string   `json:"user,omitempty"`
	Fault string   `json:"fault,omitempty"`
}

// Validate is what an application may check by itself.
func (c *claims) Validate() error {
	switch c.Fault {
	case "banned":
		return &auth.Error{Code: auth.CodeForbidden, Message: "banned"}
	case "odd":
		return errors.New("odd claims")
	}
	return nil
}

var secret = []byte("0123456789abcdef0123456789abcdef")

// ring holds generated keys; making RSA keys takes long, so all tests share it.
var ring = sync.OnceValue(func() (r struct {
	rsa, rsaOther, rsaWeak *rsa.PrivateKey
	p256, p384             *ecdsa.PrivateKey
	ed                     ed25519.PrivateKey
	rsaPEM                 []byte
}) {
	r.rsa, _ = rsa.GenerateKey(rand.Reader, 2048)
	r.rsaOther, _ = rsa.GenerateKey(rand.Reader, 2048)
	r.rsaWeak, _ = rsa.GenerateKey(rand.Reader, 1024)
	r.p256, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	r.p384, _ = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	_, r.ed, _ = ed25519.GenerateKey(rand.Reader)
	der, _ := x509.MarshalPKIXPublicKey(&r.rsa.PublicKey)
	r.rsaPEM = pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	return r
})

// forge signs any header and payload: f is the signature over the text.
func forge(header, payload string, f func(text string) []byte) string {
	enc := base64.RawURLEncoding.EncodeToString
	text := enc([]byte(header)) + "." + enc([]byte(payload))
	return text + "." + enc(f(text))
}

func hs256(key []byte) func(string) []byte {
	return func(text string) []byte {
		m := hmac.New(sha256.New, key)
		m.Write([]byte(text))
		return m.Sum(nil)
	}
}

func rs256(key *rsa.PrivateKey) func(string) []byte {
	return func(text string) []byte {
		sum := sha256.Sum256([]byte(text))
		sig, _ := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
		return sig
	}
}

func unsigned(string) []byte { return nil }

// sign makes an ordinary token.
func sign(alg string, key any, header map[string]any, c jwt.Claims) string {
	t := jwt.NewWithClaims(jwt.GetSigningMethod(alg), c)
	for k, v := range header {
		t.Header[k] = v
	}
	text, err := t.SignedString(key)
	if err != nil {
		panic(err)
	}
	return text
}

func at(d time.Duration) *jwt.NumericDate { return jwt.NewNumericDate(time.Now().Add(d)) }

// good are claims of alice for another hour, and what change makes of them.
func good(change func(c *claims)) *claims {
	c := &claims{RegisteredClaims: jwt.RegisteredClaims{Subject: "alice", ExpiresAt: at(time.Hour), IssuedAt: at(-time.Minute)}}
	if change != nil {
		change(c)
	}
	return c
}

// payload is JSON with an expiry, a good subject unless more has one, and more.
func payload(more string) string {
	if !strings.Contains(more, `"sub":`) {
		more = `,"sub":"alice"` + more
	}
	return fmt.Sprintf(`{"exp":%d%s}`, time.Now().Add(time.Hour).Unix(), more)
}

const hsHeader = `{"alg":"HS256","typ":"JWT"}`

// hs is a token of that payload that the tests' secret has signed.
func hs(payload string) string { return forge(hsHeader, payload, hs256(secret)) }

type config = auth.Config[claims]

func secretConfig() config {
	return config{Keys: auth.Secret(secret), Algorithms: []string{"HS256"}}
}

func rsaConfig() config {
	return config{Keys: auth.PEM(ring().rsaPEM), Algorithms: []string{"RS256"}}
}

// issued is a config that demands an issuer and an audience.
func issued() config {
	c := secretConfig()
	c.Issuer, c.Audience = "https://id.test", []string{"chat", "chat-v2"}
	return c
}

func with(c config, change func(c *config)) config { change(&c); return c }

func byID() config {
	r := ring()
	return config{
		Keys:       auth.KeySet(map[string]any{"new": &r.rsa.PublicKey, "old": &r.rsaOther.PublicKey, "hs": secret}),
		Algorithms: []string{"RS256", "HS256"},
	}
}

type vector struct {
	name   string
	config config
	token  string
	want   auth.Code // empty: accepted
}

func TestTokens(t *testing.T) {
	t.Parallel()
	var vectors []vector
	for _, group := range [][]vector{accepted(), algorithms(), headers(), shapes(), times(), audiences(), others()} {
		vectors = append(vectors, group...)
	}
	if len(vectors) < 60 {
		t.Errorf("%d vectors, want at least 60", len(vectors))
	}
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			id, err := auth.JWT(v.config).Verify(context.Background(), v.token)
			var e *auth.Error
			switch {
			case v.want == "" && err != nil:
				t.Fatalf("refused: %v", err)
			case v.want == "":
				assert.Equal(t, "subject", id.Subject, "alice")
			case !errors.As(err, &e):
				t.Fatalf("error is %v, want code %s", err, v.want)
			default:
				assert.Equal(t, "code", e.Code, v.want)
				if len(v.token) > 40 && strings.Contains(err.Error()+e.Message, v.token[:40]) {
					t.Errorf("the error repeats the token: %v", err)
				}
			}
		})
	}
}

func accepted() []vector {
	r := ring()
	return []vector{
		{"HS256", secretConfig(), sign("HS256", secret, nil, good(nil)), ""},
		{"HS512", config{Keys: auth.Secret(secret), Algorithms: []string{"HS512"}}, sign("HS512", secret, nil, good(nil)), ""},
		{"RS256", rsaConfig(), sign("RS256", r.rsa, nil, good(nil)), ""},
		{"PS256", config{Keys: auth.PublicKey(&r.rsa.PublicKey), Algorithms: []string{"PS256"}}, sign("PS256", r.rsa, nil, good(nil)), ""},
		{"ES256", config{Keys: auth.PublicKey(&r.p256.PublicKey), Algorithms: []string{"ES256"}}, sign("ES256", r.p256, nil, good(nil)), ""},
		{"ES384", config{Keys: auth.PublicKey(&r.p384.PublicKey), Algorithms: []string{"ES384"}}, sign("ES384", r.p384, nil, good(nil)), ""},
		{"EdDSA", config{Keys: auth.PublicKey(r.ed.Public()), Algorithms: []string{"EdDSA"}}, sign("EdDSA", r.ed, nil, good(nil)), ""},
		{"private key given, public half used", config{Keys: auth.PublicKey(r.p256), Algorithms: []string{"ES256"}}, sign("ES256", r.p256, nil, good(nil)), ""},
		{"key by id", byID(), sign("RS256", r.rsaOther, map[string]any{"kid": "old"}, good(nil)), ""},
		{"key by id, HMAC", byID(), sign("HS256", secret, map[string]any{"kid": "hs"}, good(nil)), ""},
		{"one key, id ignored", secretConfig(), sign("HS256", secret, map[string]any{"kid": "any"}, good(nil)), ""},
		{"several keys without id", config{Algorithms: []string{"RS256"}, Keys: auth.KeyFunc(func(context.Context, *jwt.Token) (any, error) {
			return jwt.VerificationKeySet{Keys: []jwt.VerificationKey{secret, &r.rsaOther.PublicKey, &r.rsa.PublicKey}}, nil
		})}, sign("RS256", r.rsa, nil, good(nil)), ""},
		{"short secret in use", config{Keys: auth.ShortSecret([]byte("legacy")), Algorithms: []string{"HS256"}}, sign("HS256", []byte("legacy"), nil, good(nil)), ""},
		{"type", with(secretConfig(), func(c *config) { c.Type = "at+jwt" }), sign("HS256", secret, map[string]any{"typ": "AT+JWT"}, good(nil)), ""},
		{"subject from another claim", with(secretConfig(), func(c *config) { c.Subject = func(c *claims) string { return c.User } }), hs(payload(`,"sub":"","user":"alice"`)), ""},
	}
}

func algorithms() []vector {
	r := ring()
	none := func(alg string) string { return forge(`{"alg":`+alg+`,"typ":"JWT"}`, payload(""), unsigned) }
	return []vector{
		{"A-J01 none", secretConfig(), none(`"none"`), auth.CodeTokenInvalid},
		{"A-J01 none, RSA", rsaConfig(), none(`"none"`), auth.CodeTokenInvalid},
		{"A-J01 None", secretConfig(), none(`"None"`), auth.CodeTokenInvalid},
		{"A-J01 nOnE", secretConfig(), none(`"nOnE"`), auth.CodeTokenInvalid},
		{"A-J01 NONE with a signature", secretConfig(), forge(`{"alg":"NONE"}`, payload(""), hs256(secret)), auth.CodeTokenInvalid},
		{"A-J01 empty alg", secretConfig(), none(`""`), auth.CodeTokenInvalid},
		{"A-J01 null alg", secretConfig(), none(`null`), auth.CodeTokenInvalid},
		{"A-J01 number alg", secretConfig(), none(`256`), auth.CodeTokenInvalid},
		{"A-J01 array alg", secretConfig(), forge(`{"alg":["HS256"]}`, payload(""), hs256(secret)), auth.CodeTokenInvalid},
		{"A-J01 missing alg", secretConfig(), forge(`{"typ":"JWT"}`, payload(""), hs256(secret)), auth.CodeTokenInvalid},
		{"A-J01 alg in lower case", secretConfig(), forge(`{"alg":"hs256"}`, payload(""), hs256(secret)), auth.CodeTokenInvalid},
		{"A-J01 HS256 signed with the RSA public key's PEM", rsaConfig(), forge(hsHeader, payload(""), hs256(r.rsaPEM)), auth.CodeTokenInvalid},
		{"A-J01 the same where both are allowed", byID(), forge(`{"alg":"HS256","kid":"new"}`, payload(""), hs256(r.rsaPEM)), auth.CodeTokenInvalid},
		{"A-J01 the same with a key function that returns PEM text", config{Algorithms: []string{"RS256", "HS256"}, Keys: auth.KeyFunc(func(context.Context, *jwt.Token) (any, error) { return r.rsaPEM, nil })},
			forge(hsHeader, payload(""), hs256(r.rsaPEM)), auth.CodeTokenInvalid},
		{"RS256 checked with a secret", byID(), sign("RS256", r.rsa, map[string]any{"kid": "hs"}, good(nil)), auth.CodeTokenInvalid},
		{"HS512 for HS256", secretConfig(), sign("HS512", secret, nil, good(nil)), auth.CodeTokenInvalid},
		{"PS256 for RS256", rsaConfig(), sign("PS256", r.rsa, nil, good(nil)), auth.CodeTokenInvalid},
		{"RSA key too small", config{Algorithms: []string{"RS256"}, Keys: auth.KeyFunc(func(context.Context, *jwt.Token) (any, error) { return &r.rsaWeak.PublicKey, nil })},
			sign("RS256", r.rsaWeak, nil, good(nil)), auth.CodeTokenInvalid},
		{"key on another curve", config{Algorithms: []string{"ES256"}, Keys: auth.KeyFunc(func(context.Context, *jwt.Token) (any, error) { return &r.p384.PublicKey, nil })},
			sign("ES256", r.p256, nil, good(nil)), auth.CodeTokenInvalid},
		{"key function returns nil", config{Algorithms: []string{"HS256"}, Keys: auth.KeyFunc(func(context.Context, *jwt.Token) (any, error) { return nil, nil })},
			sign("HS256", secret, nil, good(nil)), auth.CodeTokenInvalid},
		{"key function returns an empty secret", config{Algorithms: []string{"HS256"}, Keys: auth.KeyFunc(func(context.Context, *jwt.Token) (any, error) { return []byte{}, nil })},
			forge(hsHeader, payload(""), hs256(nil)), auth.CodeTokenInvalid},
		{"wrong secret", secretConfig(), sign("HS256", []byte("another"), nil, good(nil)), auth.CodeTokenInvalid},
		{"wrong RSA key", rsaConfig(), sign("RS256", r.rsaOther, nil, good(nil)), auth.CodeTokenInvalid},
		{"ECDSA signature of zeros", config{Keys: auth.PublicKey(&r.p256.PublicKey), Algorithms: []string{"ES256"}},
			forge(`{"alg":"ES256"}`, payload(""), func(string) []byte { return make([]byte, 64) }), auth.CodeTokenInvalid},
	}
}

func headers() []vector {
	kid := func(id string) string { return forge(`{"alg":"HS256","kid":`+id+`}`, payload(""), hs256(secret)) }
	null := func(string) []byte { return hs256(nil)("") }
	return []vector{
		{"A-J02 no kid where there are several keys", byID(), hs(payload("")), auth.CodeTokenInvalid},
		{"A-J02 unknown kid", byID(), kid(`"newer"`), auth.CodeTokenInvalid},
		{"A-J02 empty kid", byID(), kid(`""`), auth.CodeTokenInvalid},
		{"A-J02 kid of another key", byID(), kid(`"old"`), auth.CodeTokenInvalid},
		{"A-J02 kid as a path", byID(), forge(`{"alg":"HS256","kid":"../../dev/null"}`, payload(""), null), auth.CodeTokenInvalid},
		{"A-J02 kid as SQL", byID(), kid(`"' UNION SELECT 'x"`), auth.CodeTokenInvalid},
		{"A-J02 kid as an array", byID(), kid(`["hs"]`), auth.CodeTokenInvalid},
		{"A-J02 kid as a number, one key", secretConfig(), kid(`1`), auth.CodeTokenInvalid},
		{"A-J02 long kid, one key", secretConfig(), kid(`"` + strings.Repeat("k", 300) + `"`), auth.CodeTokenInvalid},
		{"A-J02 kid of 1 MB", byID(), kid(`"` + strings.Repeat("k", 1<<20) + `"`), auth.CodeTokenMalformed},
		{"A-J02 jwk in the header is not used", secretConfig(), forge(`{"alg":"HS256","jwk":{"kty":"oct","k":"YXR0YWNrZXI"}}`, payload(""), hs256([]byte("attacker"))), auth.CodeTokenInvalid},
		{"A-J02 jku and x5u are not fetched", rsaConfig(), forge(`{"alg":"RS256","jku":"http://127.0.0.1:1/","x5u":"http://127.0.0.1:1/"}`, payload(""), rs256(ring().rsaOther)), auth.CodeTokenInvalid},
		{"crit", secretConfig(), forge(`{"alg":"HS256","crit":["exp"]}`, payload(""), hs256(secret)), auth.CodeTokenInvalid},
		{"crit b64", secretConfig(), forge(`{"alg":"HS256","b64":false,"crit":["b64"]}`, payload(""), hs256(secret)), auth.CodeTokenInvalid},
		{"wrong type", with(secretConfig(), func(c *config) { c.Type = "at+jwt" }), hs(payload("")), auth.CodeTokenInvalid},
		{"type is no string", with(secretConfig(), func(c *config) { c.Type = "at+jwt" }), forge(`{"alg":"HS256","typ":["at+jwt"]}`, payload(""), hs256(secret)), auth.CodeTokenInvalid},
		{"header null", secretConfig(), forge(`null`, payload(""), hs256(secret)), auth.CodeTokenInvalid},
		{"header is an array", secretConfig(), forge(`[]`, payload(""), hs256(secret)), auth.CodeTokenMalformed},
	}
}

func shapes() []vector {
	token := hs(payload(""))
	parts := strings.Split(token, ".")
	return []vector{
		{"empty", secretConfig(), "", auth.CodeTokenMalformed},
		{"one word", secretConfig(), "token", auth.CodeTokenMalformed},
		{"two parts", secretConfig(), parts[0] + "." + parts[1], auth.CodeTokenMalformed},
		{"four parts", secretConfig(), token + ".", auth.CodeTokenMalformed},
		{"five parts, encrypted", secretConfig(), "eyJhbGciOiJkaXIifQ..aXY.Y2lwaGVy.dGFn", auth.CodeTokenMalformed},
		{"no signature", secretConfig(), parts[0] + "." + parts[1] + ".", auth.CodeTokenInvalid},
		{"signature cut", secretConfig(), token[:len(token)-3], auth.CodeTokenInvalid},
		{"payload changed", secretConfig(), parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(payload(`,"roles":["admin"]`))) + "." + parts[2], auth.CodeTokenInvalid},
		{"padding", secretConfig(), token + "=", auth.CodeTokenMalformed},
		{"line break in the signature", secretConfig(), token[:len(token)-3] + "\n" + token[len(token)-3:], auth.CodeTokenMalformed},
		{"blank before", secretConfig(), " " + token, auth.CodeTokenMalformed},
		{"scheme before", secretConfig(), "Bearer " + token, auth.CodeTokenMalformed},
		{"standard base64", secretConfig(), strings.Replace(token, ".", "+.", 1), auth.CodeTokenMalformed},
		{"last bits of the signature set", secretConfig(), looseBits(token), auth.CodeTokenMalformed},
		{"payload is no JSON", secretConfig(), hs(`{"sub":`), auth.CodeTokenMalformed},
		{"payload is null", secretConfig(), hs(`null`), auth.CodeTokenInvalid},
		{"payload is an array", secretConfig(), hs(`[]`), auth.CodeTokenMalformed},
		{"payload is followed by more", secretConfig(), hs(payload("") + `{}`), auth.CodeTokenMalformed},
		{"SA-51 1 MB of dots", secretConfig(), strings.Repeat(".", 1<<20), auth.CodeTokenMalformed},
		{"SA-51 8 KB of dots", secretConfig(), strings.Repeat(".", 8<<10), auth.CodeTokenMalformed},
		{"genuine and over 8 KB", secretConfig(), hs(payload(`,"pad":"` + strings.Repeat("x", 8<<10) + `"`)), auth.CodeTokenMalformed},
		{"genuine, over 8 KB, allowed", with(secretConfig(), func(c *config) { c.MaxTokenSize = -1 }), hs(payload(`,"pad":"` + strings.Repeat("x", 8<<10) + `"`)), ""},
	}
}

// looseBits changes the two bits of the last character that encode nothing.
func looseBits(token string) string {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(digits, token[len(token)-1]) // 32 bytes: 43 characters, 2 bits over
	return token[:len(token)-1] + string(digits[last|1])
}

func times() []vector {
	exp := func(v string) string { return hs(`{"sub":"alice","exp":` + v + `}`) }
	in := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	noLeeway := with(secretConfig(), func(c *config) { c.Leeway = -1 })
	hours := with(secretConfig(), func(c *config) { c.Leeway = 2 * time.Hour })
	day := with(secretConfig(), func(c *config) { c.MaxAge = 24 * time.Hour })
	return []vector{
		{"no exp", secretConfig(), hs(`{"sub":"alice"}`), auth.CodeTokenInvalid},
		{"no exp, allowed", with(secretConfig(), func(c *config) { c.AllowNoExpiry = true }), hs(`{"sub":"alice"}`), ""},
		{"exp null", secretConfig(), exp("null"), auth.CodeTokenInvalid},
		{"exp is a word", secretConfig(), exp(`"never"`), auth.CodeTokenMalformed},
		{"exp is an object", secretConfig(), exp(`{}`), auth.CodeTokenMalformed},
		{"exp does not fit a float", secretConfig(), exp(`1e999`), auth.CodeTokenMalformed},
		{"exp does not fit a time", secretConfig(), exp(`1e19`), auth.CodeTokenInvalid},
		{"exp in milliseconds", secretConfig(), exp(fmt.Sprint(in(time.Hour) * 1000)), auth.CodeTokenInvalid},
		{"exp in the year 9999", secretConfig(), exp(`253402300799`), ""},
		{"exp beyond the year 9999", secretConfig(), exp(`253402300800`), auth.CodeTokenInvalid},
		{"exp negative", secretConfig(), exp(`-1`), auth.CodeTokenExpired},
		{"exp 0", secretConfig(), exp(`0`), auth.CodeTokenExpired},
		{"exp in 3000 years", secretConfig(), exp(`95000000000`), ""},
		{"expired", secretConfig(), exp(fmt.Sprint(in(-time.Hour))), auth.CodeTokenExpired},
		{"expired, within the leeway", hours, exp(fmt.Sprint(in(-time.Hour))), ""},
		{"expired, beyond the leeway", hours, exp(fmt.Sprint(in(-2*time.Hour - time.Second))), auth.CodeTokenExpired},
		{"expired, beyond the default leeway", secretConfig(), exp(fmt.Sprint(in(-31 * time.Second))), auth.CodeTokenExpired},
		{"expired, no leeway", noLeeway, exp(fmt.Sprint(in(-time.Second))), auth.CodeTokenExpired},
		{"SA-51 expired and badly signed", secretConfig(), forge(hsHeader, `{"sub":"alice","exp":1}`, hs256([]byte("x"))), auth.CodeTokenInvalid},
		{"expired and of another issuer", issued(), hs(`{"sub":"alice","exp":1,"iss":"https://evil.test","aud":"chat"}`), auth.CodeTokenInvalid},
		{"not yet valid", secretConfig(), hs(payload(fmt.Sprintf(`,"nbf":%d`, in(time.Hour)))), auth.CodeTokenNotYetValid},
		{"nbf within the leeway", hours, hs(payload(fmt.Sprintf(`,"nbf":%d`, in(time.Hour)))), ""},
		{"issued in the future", secretConfig(), hs(payload(fmt.Sprintf(`,"iat":%d`, in(time.Hour)))), auth.CodeTokenNotYetValid},
		{"max age, no iat", day, hs(payload("")), auth.CodeTokenInvalid},
		{"max age, young", day, hs(payload(fmt.Sprintf(`,"iat":%d`, in(-time.Hour)))), ""},
		{"max age, old", day, hs(payload(fmt.Sprintf(`,"iat":%d`, in(-25*time.Hour)))), auth.CodeTokenExpired},
	}
}

func audiences() []vector {
	iss := func(more string) string { return hs(payload(more)) }
	return []vector{
		{"issuer and audience", issued(), iss(`,"iss":"https://id.test","aud":"chat"`), ""},
		{"one audience of several", issued(), iss(`,"iss":"https://id.test","aud":["mail","chat-v2"]`), ""},
		{"no issuer", issued(), iss(`,"aud":"chat"`), auth.CodeTokenInvalid},
		{"wrong issuer", issued(), iss(`,"iss":"https://id.test/","aud":"chat"`), auth.CodeTokenInvalid},
		{"issuer is an array", issued(), iss(`,"iss":["https://id.test"],"aud":"chat"`), auth.CodeTokenMalformed},
		{"no audience", issued(), iss(`,"iss":"https://id.test"`), auth.CodeTokenInvalid},
		{"SA-51 empty audience", issued(), iss(`,"iss":"https://id.test","aud":[]`), auth.CodeTokenInvalid},
		{"SA-51 audience of an empty name", issued(), iss(`,"iss":"https://id.test","aud":[""]`), auth.CodeTokenInvalid},
		{"audience null", issued(), iss(`,"iss":"https://id.test","aud":null`), auth.CodeTokenInvalid},
		{"another audience", issued(), iss(`,"iss":"https://id.test","aud":"mail"`), auth.CodeTokenInvalid},
		{"audience that begins alike", issued(), iss(`,"iss":"https://id.test","aud":"chat-v"`), auth.CodeTokenInvalid},
		{"audience of numbers", issued(), iss(`,"iss":"https://id.test","aud":[1]`), auth.CodeTokenMalformed},
	}
}

func others() []vector {
	return []vector{
		{"no subject", secretConfig(), hs(payload(`,"sub":""`)), auth.CodeTokenInvalid},
		{"subject is a number", secretConfig(), hs(payload(`,"sub":7`)), auth.CodeTokenMalformed},
		{"token id is a number", secretConfig(), hs(payload(`,"jti":7`)), auth.CodeTokenMalformed},
		{"claims refuse with a code of their own", secretConfig(), hs(payload(`,"fault":"banned"`)), auth.CodeForbidden},
		{"claims refuse", secretConfig(), hs(payload(`,"fault":"odd"`)), auth.CodeTokenInvalid},
	}
}

func TestKeysThatCannotBeHad(t *testing.T) {
	t.Parallel()
	down := errors.New("keys are down")
	guard := auth.JWT(config{Algorithms: []string{"HS256"}, Keys: auth.KeyFunc(func(context.Context, *jwt.Token) (any, error) { return nil, down })})
	_, err := guard.Verify(context.Background(), hs(payload("")))
	assert.ErrorIs(t, err, down)
	if e := (*auth.Error)(nil); errors.As(err, &e) {
		t.Errorf("an outage says something about the token: %v", e)
	}
}

func TestMapClaims(t *testing.T) {
	t.Parallel()
	guard := auth.JWT(auth.Config[jwt.MapClaims]{Keys: auth.Secret(secret), Algorithms: []string{"HS256"}})
	id, err := guard.Verify(context.Background(), hs(payload(`,"level":3,"jti":"t1"`)))
	assert.NoError(t, err)
	assert.Equal(t, "level", (*id.Claims)["level"], any(3.0))
	assert.Equal(t, "token id", id.TokenID, "t1")
	_, err = guard.Verify(context.Background(), hs(`{"sub":"alice","exp":"x"}`))
	assert.ErrorIs(t, err, auth.ErrTokenInvalid)
}

// TestClaimsAreNotShared: what one token has must not show in the next.
func TestClaimsAreNotShared(t *testing.T) {
	t.Parallel()
	guard := auth.JWT(secretConfig())
	first, err := guard.Verify(context.Background(), hs(payload(`,"roles":["admin"]`)))
	assert.NoError(t, err)
	second, err := guard.Verify(context.Background(), hs(payload("")))
	assert.NoError(t, err)
	assert.Equal(t, "first", first.Claims.Roles, []string{"admin"})
	assert.Equal(t, "second", len(second.Claims.Roles), 0)
}
