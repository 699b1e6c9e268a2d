package auth_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/gosio/gosio/auth"
)

// FuzzToken: a token that is accepted has a genuine signature, by a calculation of this
// test, says HS256, and has not expired.
func FuzzToken(f *testing.F) {
	for _, token := range []string{
		"", "..", "a.b.c", hs(`{"sub":"alice","exp":99999999999}`), hs(`{"sub":"alice","exp":1}`), hs(`{"sub":"alice","exp":"x"}`), hs(`{"exp":1e300}`), hs(`[]`), hs(`{`),
		forge(`{"alg":"none"}`, `{"sub":"alice","exp":99999999999}`, hs256(nil)), strings.Repeat(".", 1000), "Bearer " + hs(`{"sub":"a","exp":99999999999}`),
	} {
		f.Add(token)
	}
	guard := auth.JWT(secretConfig())
	f.Fuzz(func(t *testing.T, token string) {
		id, err := guard.Verify(context.Background(), token)
		if err == nil {
			genuine(t, token)
		} else if id != nil {
			t.Error("an identity and an error")
		}
	})
}

// FuzzClaims: claims that are signed, and arbitrary otherwise.
func FuzzClaims(f *testing.F) {
	for _, claims := range []string{
		`{"sub":"alice","exp":99999999999}`, `{"sub":"alice","exp":99999999999,"nbf":1,"iat":1,"iss":"x","aud":["a"]}`, `{"exp":99999999999,"EXP":1}`, `{"exp":1e400}`,
		`{"sub":1,"exp":99999999999}`, `{"sub":"a","exp":99999999999,"x":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`, `null`, `"x"`, `{"exp":99999999999.5}`,
	} {
		f.Add(claims)
	}
	guard := auth.JWT(secretConfig())
	f.Fuzz(func(t *testing.T, claims string) {
		if _, err := guard.Verify(context.Background(), hs(claims)); err == nil {
			genuine(t, hs(claims))
		}
	})
}

// genuine checks a token that was accepted.
func genuine(t *testing.T, token string) {
	t.Helper()
	part := strings.Split(token, ".")
	if len(part) != 3 {
		t.Fatalf("%q is accepted: it has %d parts", token, len(part))
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(part[0] + "." + part[1]))
	if part[2] != base64.RawURLEncoding.EncodeToString(mac.Sum(nil)) {
		t.Fatalf("%q is accepted: it is not signed", token)
	}
	claims, err := base64.RawURLEncoding.DecodeString(part[1])
	if err != nil {
		t.Fatalf("%q is accepted: %v", token, err)
	}
	var c struct {
		Exp *json.Number `json:"exp"`
	}
	if err := json.Unmarshal(claims, &c); err != nil || c.Exp == nil {
		t.Fatalf("%s is accepted: %v", claims, err)
	}
	if at, err := c.Exp.Float64(); err != nil || at < float64(time.Now().Add(-time.Hour).Unix()) {
		t.Fatalf("%s is accepted: it has expired", claims)
	}
}
