package sessionexpress_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gosio/gosio/session"
	sessionexpress "github.com/gosio/gosio/session/express"
)

func fuzzed(stored []byte) (*memory, *sessionexpress.Provider) {
	kv := &memory{m: map[string][]byte{"sess:known": stored}, until: make(map[string]time.Time)}
	return kv, sessionexpress.New(kv, sessionexpress.Options{Secrets: []string{"sesame"}})
}

// FuzzCookie: a cookie that is accepted is signed, by a calculation of this test.
func FuzzCookie(f *testing.F) {
	sign := func(id string) string {
		m := hmac.New(sha256.New, []byte("sesame"))
		m.Write([]byte(id))
		return id + "." + base64.RawStdEncoding.EncodeToString(m.Sum(nil))
	}
	for _, value := range []string{"", "s:", "s:known.", "s:known.x", "known", url.PathEscape("s:" + sign("known")), "s%3A" + sign("known"), "j:{}", "s:.", "%zz", "s:" + sign("")} {
		f.Add(value)
	}
	_, p := fuzzed([]byte(`{"cookie":{}}`))
	f.Fuzz(func(t *testing.T, value string) {
		r := &http.Request{Header: http.Header{"Cookie": {"connect.sid=" + value}}}
		s, err := p.Load(t.Context(), r)
		if err != nil {
			return
		}
		c, err := r.Cookie("connect.sid")
		if err != nil {
			t.Fatal(err)
		}
		plain, err := url.PathUnescape(c.Value)
		if err != nil || plain != "s:"+sign(s.ID) {
			t.Fatalf("%q is accepted as session %q", value, s.ID)
		}
	})
}

// FuzzStored: what stands in the store is JSON of whoever writes there.
func FuzzStored(f *testing.F) {
	for _, text := range []string{
		"", "null", "[]", `{"cookie":{"originalMaxAge":1000,"expires":"2026-01-01T00:00:00.000Z"},"user":"x"}`, `{"cookie":null}`, `{"cookie":{"originalMaxAge":1e300}}`,
		`{"cookie":{"originalMaxAge":-1,"expires":1}}`, `{"cookie":[],"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "}",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		kv, p := fuzzed(text)
		s, err := p.Reload(t.Context(), &session.Session{ID: "known"})
		if err != nil {
			return
		}
		if p.Touch(t.Context(), s) == nil && !json.Valid(kv.m["sess:known"]) {
			t.Fatalf("%q became %q", text, kv.m["sess:known"])
		}
		err = p.Update(t.Context(), s, func(values map[string]any) error { values["new"] = 1; return nil })
		if err == nil && !json.Valid(kv.m["sess:known"]) {
			t.Fatalf("%q became %q", text, kv.m["sess:known"])
		}
	})
}
