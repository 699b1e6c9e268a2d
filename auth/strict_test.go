package auth_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gosio/gosio/auth"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// profile has members inside its claims, and one that is found in any case.
type profile struct {
	jwt.RegisteredClaims
	Realm struct {
		Roles []string `json:"roles"`
	} `json:"realm_access"`
	Teams    map[string]struct{ Lead bool } `json:"teams"`
	Nickname string
	Friends  []*profile      `json:"friends"`
	Any      json.RawMessage `json:"any"`
}

// TestOneReading: a token that another reader may understand in another way is
// refused, whatever type its claims have.
func TestOneReading(t *testing.T) {
	t.Parallel()
	now := time.Now().Unix()
	claim := func(name, value string) string {
		all := map[string]string{"sub": `"alice"`, "exp": fmt.Sprint(now + 3600)}
		all[name] = value
		var members []string
		for k, v := range all {
			members = append(members, fmt.Sprintf("%q:%s", k, v))
		}
		return hs("{" + strings.Join(members, ",") + "}")
	}
	header := func(h string) string { return forge(h, payload(""), hs256(secret)) }
	tests := []struct {
		name, token string
		good        bool
	}{
		{"nothing odd", hs(payload("")), true},
		{"exp as a string", claim("exp", fmt.Sprintf(`"%d"`, now+3600)), false},
		{"exp as an empty string", claim("exp", `""`), false},
		{"exp true", claim("exp", `true`), false},
		{"exp null", claim("exp", `null`), false},
		{"exp in a list", claim("exp", fmt.Sprintf(`[%d]`, now+3600)), false},
		{"exp with a fraction", claim("exp", fmt.Sprintf(`%d.5`, now+3600)), true},
		{"exp with an exponent", claim("exp", `2e11`), true},
		{"exp in milliseconds", claim("exp", fmt.Sprintf(`%d000`, now+3600)), false},
		{"exp huge", claim("exp", `1e300`), false},
		{"exp negative and huge", claim("exp", `-1e300`), false},
		{"EXP instead", hs(fmt.Sprintf(`{"sub":"alice","EXP":%d}`, now+3600)), false},
		{"EXP beside exp", hs(payload(`,"EXP":1`)), false},
		{"Exp before exp", hs(fmt.Sprintf(`{"Exp":9999999999,"sub":"alice","exp":%d}`, now+3600)), false},
		{"exp twice", hs(payload(fmt.Sprintf(`,"exp":%d`, now+7200))), false},
		{"exp twice, once escaped", hs(payload(fmt.Sprintf(`,"\u0065xp":%d`, now+7200))), false},
		{"exp escaped", hs(fmt.Sprintf(`{"sub":"alice","\u0065xp":%d}`, now+3600)), true},
		{"Sub", hs(payload(`,"Sub":"bob"`)), false},
		{"sub with a long s", hs(payload(`,"` + "\u017f" + `ub":"bob"`)), false},
		{"sub twice, alike", hs(payload(`,"sub":"alice","sub":"alice"`)), false},
		{"ISS", hs(payload(`,"ISS":"x"`)), false},
		{"Aud", hs(payload(`,"Aud":"x"`)), false},
		{"NBF", hs(payload(`,"NBF":1`)), false},
		{"Iat", hs(payload(`,"Iat":1`)), false},
		{"JTI", hs(payload(`,"JTI":"x"`)), false},
		{"jti twice", hs(payload(`,"jti":"x","jti":"y"`)), false},
		{"nbf as a string", claim("nbf", `"1"`), false},
		{"nbf null", claim("nbf", `null`), false},
		{"nbf 0", claim("nbf", `0`), true},
		{"iat as a string", claim("iat", `"1"`), false},
		{"iat huge", claim("iat", `-1e300`), false},
		{"sub as a number", claim("sub", `7`), false},
		{"sub that does not decode", claim("sub", `"\ud800"`), false},
		{"sub in a surrogate pair", claim("sub", `"\ud83d\ude00"`), true},
		{"sub that is no UTF-8", hs("{\"exp\":9999999999,\"sub\":\"a\xff\"}"), false},
		{"iss as a list", claim("iss", `["x"]`), false},
		{"jti as a number", claim("jti", `7`), false},
		{"aud as a string", claim("aud", `"chat"`), true},
		{"aud as a list", claim("aud", `["chat","mail"]`), true},
		{"aud null", claim("aud", `null`), false},
		{"aud as an object", claim("aud", `{"chat":1}`), false},
		{"aud with a number", claim("aud", `["chat",1]`), false},
		{"aud with null", claim("aud", `["chat",null]`), false},
		{"aud in a list in a list", claim("aud", `[["chat"]]`), false},
		{"a private claim twice", hs(payload(`,"tenant":"a","tenant":"b"`)), false},
		{"private claims that differ in case", hs(payload(`,"tenant":"a","Tenant":"b"`)), true},
		{"a name twice inside", hs(payload(`,"x":{"y":[{"a":1,"a":2}]}`)), false},
		{"the same name in two objects", hs(payload(`,"x":[{"a":1},{"a":2}]`)), true},
		{"a registered name inside", hs(payload(`,"act":{"SUB":"bob"}`)), true},
		{"alg twice", header(`{"alg":"none","alg":"HS256"}`), false},
		{"ALG beside alg", header(`{"alg":"HS256","ALG":"none"}`), false},
		{"Alg alone", header(`{"Alg":"HS256"}`), false},
		{"kid twice", header(`{"alg":"HS256","kid":"a","kid":"b"}`), false},
		{"Kid", header(`{"alg":"HS256","Kid":"a"}`), false},
		{"kid with a Kelvin sign", header(`{"alg":"HS256","` + "\u212a" + `id":"a"}`), false},
		{"kid that does not decode", header(`{"alg":"HS256","kid":"\ud800"}`), false},
		{"typ twice", header(`{"alg":"HS256","typ":"JWT","typ":"JWT"}`), false},
		{"typ as a number", header(`{"alg":"HS256","typ":1}`), false},
		{"typ null", header(`{"alg":"HS256","typ":null}`), false},
		{"crit, empty", header(`{"alg":"HS256","crit":[]}`), false},
		{"crit null", header(`{"alg":"HS256","crit":null}`), false},
		{"CRIT", header(`{"alg":"HS256","CRIT":["exp"]}`), false},
		{"b64 without crit", header(`{"alg":"HS256","b64":false}`), false},
		{"any other header twice", header(`{"alg":"HS256","x":1,"x":2}`), false},
		{"header that is no UTF-8", header("{\"alg\":\"HS256\",\"x\":\"\xff\"}"), false},
		// Providers send these. They are neither used nor understood in two ways.
		{"jwk, jku, x5c, x5u and x5t beside a good signature", header(`{"alg":"HS256","jwk":{"kty":"oct","k":"eA"},"jku":"https://id.test/keys","x5c":["AA"],"x5u":"https://id.test/","x5t":"AA"}`), true},
	}
	guards := map[string]func(ctx context.Context, token string) error{
		"struct":           verifying[claims](false),
		"map":              verifying[jwt.MapClaims](false),
		"nested":           verifying[profile](false),
		"struct, no end":   verifying[claims](true),
		"map, no end":      verifying[jwt.MapClaims](true),
		"registered alone": verifying[jwt.RegisteredClaims](false),
	}
	for name, verify := range guards {
		for _, tt := range tests {
			t.Run(name+"/"+tt.name, func(t *testing.T) {
				t.Parallel()
				err := verify(context.Background(), tt.token)
				if tt.good != (err == nil) {
					t.Errorf("got %v, want accepted: %t", err, tt.good)
				}
				if e := (*auth.Error)(nil); err != nil && (!errors.As(err, &e) || e.Code != auth.CodeTokenInvalid && e.Code != auth.CodeTokenMalformed) {
					t.Errorf("got %v, want one of the token's faults", err)
				}
			})
		}
	}
}

func verifying[T any, P interface {
	*T
	jwt.Claims
}](forever bool) func(context.Context, string) error {
	g := auth.JWT[T, P](auth.Config[T]{Keys: auth.Secret(secret), Algorithms: []string{"HS256"}, AllowNoExpiry: forever})
	return func(ctx context.Context, token string) error {
		_, err := g.Verify(ctx, token)
		return err
	}
}

// TestOneReadingOfAnApplicationsClaims: a role under another name is not a role.
func TestOneReadingOfAnApplicationsClaims(t *testing.T) {
	t.Parallel()
	verify := verifying[profile](false)
	for _, tt := range []struct {
		name, more string
		good       bool
	}{
		{"as it is", `,"realm_access":{"roles":["a"]},"teams":{"Red":{"Lead":true},"red":{"Lead":false}},"Nickname":"al","friends":[{"jti":"1"},{"jti":"1"}]`, true},
		{"outer name", `,"REALM_ACCESS":{"roles":["admin"]}`, false},
		{"inner name", `,"realm_access":{"Roles":["admin"]}`, false},
		{"both inner names", `,"realm_access":{"roles":[],"ROLES":["admin"]}`, false},
		{"in a map", `,"teams":{"red":{"Lead":true,"lead":false}}`, false},
		{"in a list", `,"friends":[{"REALM_ACCESS":{}}]`, false},
		{"deep in a list", `,"friends":[{"friends":[{"Sub":"bob"}]}]`, false},
		{"a field without a tag, in lower case", `,"nickname":"al"`, true},
		{"a field without a tag, twice", `,"nickname":"al","NickName":"bo"`, false},
		{"what decodes itself", `,"any":{"x":1,"X":2}`, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if err := verify(context.Background(), hs(payload(tt.more))); tt.good != (err == nil) {
				t.Errorf("got %v, want accepted: %t", err, tt.good)
			}
		})
	}
}

// TestExpiryThatTheClaimsDoNotSee: an application whose tokens need not end gets
// some that do, and its type of claims reads that as no end.
func TestExpiryThatTheClaimsDoNotSee(t *testing.T) {
	t.Parallel()
	for name, verify := range map[string]func(context.Context, string) error{"map": verifying[jwt.MapClaims](true), "struct": verifying[claims](true)} {
		if err := verify(context.Background(), hs(`{"sub":"alice","exp":0}`)); err == nil {
			t.Errorf("%s: a token that ended in 1970 is accepted", name)
		}
	}
}

// TestTypeAsMediaType is RFC 9068, section 4.
func TestTypeAsMediaType(t *testing.T) {
	t.Parallel()
	guard := auth.JWT(with(secretConfig(), func(c *config) { c.Type = "at+jwt" }))
	_, err := guard.Verify(context.Background(), sign("HS256", secret, map[string]any{"typ": "application/at+JWT"}, good(nil)))
	assert.NoError(t, err)
}

// TestOneReadingOfThePayload: the token's place is there once.
func TestOneReadingOfThePayload(t *testing.T) {
	t.Parallel()
	srv := socketio.NewServer(nil)
	defer srv.Close()
	srv.Use(auth.JWT(refreshing()))
	alice, bob := tokenOf("alice"), tokenOf("bob")
	for name, payload := range map[string]string{
		"twice":           fmt.Sprintf(`{"token":%q,"token":%q}`, alice, bob),
		"twice, alike":    fmt.Sprintf(`{"token":%q,"token":%q}`, alice, alice),
		"twice, escaped":  fmt.Sprintf(`{"token":%q,"\u0074oken":%q}`, alice, bob),
		"null and then":   fmt.Sprintf(`{"token":null,"token":%q}`, bob),
		"in a list":       fmt.Sprintf(`{"token":[%q]}`, alice),
		"in an object":    fmt.Sprintf(`{"token":{"token":%q}}`, alice),
		"true instead":    `{"token":true}`,
		"blanks around":   fmt.Sprintf(`{"token":" %s "}`, alice),
		"the scheme, too": fmt.Sprintf(`{"token":"Basic %s"}`, alice),
	} {
		t.Run(name, func(t *testing.T) {
			c := siotest.Open(t, srv, siotest.Options{})
			assert.NoError(t, c.Send("40"+payload))
			if answer := c.Next(); !strings.Contains(answer, `"code":"token_malformed"`) {
				t.Errorf("got %s", answer)
			}
			c.Cut()
		})
	}
	c := siotest.Dial(t, srv, siotest.Options{Auth: token{alice}})
	assert.Equal(t, "refresh twice", failure(t, c.Call("auth:refresh", json.RawMessage(fmt.Sprintf(`{"token":%q,"token":%q}`, alice, alice)))), auth.CodeTokenMalformed)
	assert.Equal(t, "refresh in capitals", failure(t, c.Call("auth:refresh", json.RawMessage(fmt.Sprintf(`{"TOKEN":%q}`, alice)))), auth.CodeTokenMalformed)
}

// TestOneReadingOfTheFrameworksClaims: a framework's library may have been kinder.
func TestOneReadingOfTheFrameworksClaims(t *testing.T) {
	t.Parallel()
	exp := time.Now().Add(time.Hour).Unix()
	for name, tt := range map[string]struct {
		claims map[string]any
		good   bool
	}{
		"as it is":         {map[string]any{"sub": "alice", "exp": exp}, true},
		"EXP":              {map[string]any{"sub": "alice", "EXP": exp}, false},
		"exp and EXP":      {map[string]any{"sub": "alice", "exp": exp, "EXP": exp + 9}, false},
		"exp as a string":  {map[string]any{"sub": "alice", "exp": fmt.Sprint(exp)}, false},
		"exp in ms":        {map[string]any{"sub": "alice", "exp": exp * 1000}, false},
		"Sub":              {map[string]any{"Sub": "alice", "exp": exp}, false},
		"exp null":         {map[string]any{"sub": "alice", "exp": nil}, false},
		"sub null":         {map[string]any{"sub": nil, "exp": exp}, false},
		"others null":      {map[string]any{"sub": "alice", "exp": exp, "iss": nil, "aud": nil, "nbf": nil, "iat": nil, "jti": nil}, true},
		"null in aud":      {map[string]any{"sub": "alice", "exp": exp, "aud": []any{nil}}, false},
		"AUD null":         {map[string]any{"sub": "alice", "exp": exp, "AUD": nil}, false},
		"another's claims": {map[string]any{"sub": "alice", "exp": exp, "ROLES": []string{"admin"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := socketio.NewServer(&socketio.Options{ContextKeys: []any{contextKey{}}})
			defer srv.Close()
			srv.Use(auth.External(auth.ClaimsAt[claims](contextKey{}), config{}))
			if tt.good {
				siotest.Dial(t, behind(srv, tt.claims), siotest.Options{})
				return
			}
			refusedWith(t, behind(srv, tt.claims), siotest.Options{}, auth.CodeTokenInvalid)
		})
	}
}

// plain are a framework's claims without omitempty.
type plain struct {
	Issuer    *string          `json:"iss"`
	Subject   string           `json:"sub"`
	Audience  jwt.ClaimStrings `json:"aud"`
	ExpiresAt *jwt.NumericDate `json:"exp"`
	NotBefore *jwt.NumericDate `json:"nbf"`
	IssuedAt  *jwt.NumericDate `json:"iat"`
	ID        *string          `json:"jti"`
	Roles     []string         `json:"roles"`
}

// TestClaimsWithoutOmitempty: what the token does not have is null in such a struct.
func TestClaimsWithoutOmitempty(t *testing.T) {
	t.Parallel()
	srv := socketio.NewServer(&socketio.Options{ContextKeys: []any{contextKey{}}})
	defer srv.Close()
	srv.Use(auth.External(auth.ClaimsAt[claims](contextKey{}), config{}))
	value := struct {
		Claims plain
		Valid  bool
	}{plain{Subject: "alice", ExpiresAt: at(time.Hour)}, true}
	siotest.Dial(t, behind(srv, &value), siotest.Options{})
}

// blind are claims whose type does not see from when a token is valid.
type blind struct{ jwt.RegisteredClaims }

func (blind) GetNotBefore() (*jwt.NumericDate, error) { return nil, nil }

func TestTypeThatDoesNotSeeAll(t *testing.T) {
	t.Parallel()
	guard := auth.JWT(auth.Config[blind]{Keys: auth.Secret(secret), Algorithms: []string{"HS256"}})
	_, err := guard.Verify(context.Background(), tokenOf("alice"))
	assert.NoError(t, err)
	_, err = guard.Verify(context.Background(), sign("HS256", secret, nil, good(func(c *claims) { c.NotBefore = at(10 * time.Minute) })))
	assert.ErrorIs(t, err, auth.ErrTokenInvalid)
}
