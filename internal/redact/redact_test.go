package redact_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
	"github.com/gosio/gosio/internal/redact"
)

func TestMain(m *testing.M) { leak.Main(m) }

// TestSecret: names of secrets, and those that are like them.
func TestSecret(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"password", "accessToken", "api_key", "sessionId", "code", "Code", "auth-code", "verificationCode", "inviteCode", "passcode", "connect.sid", "PHPSESSID", "pid", "otp",
	} {
		assert.True(t, name, redact.Secret(name))
	}
	for _, name := range []string{"name", "statusCode", "errorCode", "countryCode", "zip_code", "keyboard", "option", "hotplug", "author"} {
		assert.True(t, name, !redact.Secret(name))
	}
}

// TestCodes: the code of a failure is shown, and one that lets somebody in is not.
func TestCodes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"error":{"code":"not_found","message":"no"}}`:                          "",
		`{"error":{"Code":"ECONNREFUSED","data":{"code":404}}}`:                  `{"error":{"Code":"ECONNREFUSED","data":{"code":"[redacted]"}}}`,
		`{"errors":[{"code":"auth/wrong-password"},{"code":-32601}]}`:            "",
		`{"ok":false,"code":"room full"}`:                                        "",
		`{"success":false,"code":503}`:                                           "",
		`{"error":"no room","code":"E_FULL"}`:                                    "",
		`{"ok":true,"code":"ABCDEF"}`:                                            `{"code":"[redacted]","ok":true}`,
		`{"error":null,"code":"ABCDEF"}`:                                         `{"code":"[redacted]","error":null}`,
		`{"code":"not_found","message":"no"}`:                                    `{"code":"[redacted]","message":"no"}`,
		`{"ok":false,"code":"482913"}`:                                           `{"code":"[redacted]","ok":false}`,
		`{"ok":false,"code":4829}`:                                               `{"code":"[redacted]","ok":false}`,
		`{"error":{"code":"X7-QQ2"}}`:                                            `{"error":{"code":"[redacted]"}}`,
		`{"error":{"code":{"n":1}}}`:                                             `{"error":{"code":"[redacted]"}}`,
		`{"error":{"code":"wrong_token","token":"abc","password":{"code":"x"}}}`: `{"error":{"code":"wrong_token","password":"[redacted]","token":"[redacted]"}}`,
	} {
		if want == "" {
			want = text
		}
		r := redact.Redactor{Secret: redact.Secret, Codes: true}
		assert.Equal(t, text, string(r.Clean(json.RawMessage(text))), want)
	}
	r := redact.Redactor{Secret: redact.Secret}
	assert.Equal(t, "by default it is a secret", string(r.Clean(json.RawMessage(`{"error":{"code":"no"}}`))), `{"error":{"code":"[redacted]"}}`)
}

// TestJSONWithinStrings: what applications have made a string of is looked into.
func TestJSONWithinStrings(t *testing.T) {
	t.Parallel()
	r := redact.Redactor{Secret: redact.Secret, Codes: true}
	for text, want := range map[string]string{
		`"{\"user\":\"ann\",\"password\":\"s3cret\"}"`:                  `"{\"password\":\"[redacted]\",\"user\":\"ann\"}"`,
		`{"body":" [{\"token\":1}, 2]"}`:                                `{"body":"[{\"token\":\"[redacted]\"},2]"}`,
		`["{\"in\":\"{\\\"pin\\\":1}\"}"]`:                              `["{\"in\":\"{\\\"pin\\\":\\\"[redacted]\\\"}\"}"]`,
		`"{ \"user\" : 1 }"`:                                            "",
		`"{\"password\":\"s3cret\""`:                                    "",
		`"{\"error\":{\"code\":\"no\"}} is what {\"password\":1} says"`: "",
	} {
		if want == "" {
			want = text
		}
		assert.Equal(t, text, string(r.Clean(json.RawMessage(text))), want)
	}
}

// TestStamp: t is what clients make up for each request, or a secret of the application's.
func TestStamp(t *testing.T) {
	t.Parallel()
	r := redact.Redactor{Secret: redact.Secret}
	for stamp, want := range map[string]string{"OQ9p-1a": "OQ9p-1a", "s3cret-of-the-application": redact.Redacted} {
		h := r.Handshake(adapter.Handshake{URL: "/socket.io/?EIO=4&t=" + stamp})
		assert.Equal(t, stamp, h.Query["t"], want)
		assert.True(t, h.URL, strings.Contains(h.URL, stamp) == (stamp == want))
	}
}
