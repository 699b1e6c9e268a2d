package eio3_test

import (
	"encoding/json"
	"testing"

	"github.com/gosio/gosio/core/internal/eio3"
)

// FuzzAuth: every query is an auth payload: an object of strings.
func FuzzAuth(f *testing.F) {
	for _, query := range []string{"", "token=abc", "a=1&a=2", "%zz=1", "a=%ff", "__proto__=x", ";=;", "a=\x00\"\\"} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		var auth map[string]string
		if err := json.Unmarshal(eio3.Auth(query), &auth); err != nil || auth == nil {
			t.Errorf("%q is %s: %v", query, eio3.Auth(query), err)
		}
	})
}
