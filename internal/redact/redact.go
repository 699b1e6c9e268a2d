// Package redact takes secrets out of what tools show of handshakes, values and events.
package redact

import (
	"bytes"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/gosio/gosio/core/adapter"
)

// Redacted takes the place of a secret.
const Redacted = "[redacted]"

// Redactor says what is secret. Its methods may be called concurrently.
type Redactor struct {
	// Show lists names of headers and query parameters whose values are shown, besides
	// those that cannot be secrets.
	Show []string
	// Secret reports whether a member of a value or an argument is a secret.
	Secret func(name string) bool
	// Codes shows the member code of a failure, whatever Secret says of that name: what an
	// error has, or what is beside an error, or beside ok or success that is false; if it is
	// less than a thousand, or words. A longer number may be a code that lets somebody in.
	Codes bool
}

// shown are the headers and query parameters that cannot be secrets.
var shown = []string{
	"accept", "accept-encoding", "accept-language", "cache-control", "cf-ipcountry", "connection", "content-length",
	"content-type", "dnt", "host", "origin", "pragma", "priority", "sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform",
	"sec-fetch-dest", "sec-fetch-mode", "sec-fetch-site", "sec-gpc", "sec-websocket-extensions", "sec-websocket-version",
	"te", "upgrade", "upgrade-insecure-requests", "user-agent", "via", "x-forwarded-for", "x-forwarded-host",
	"x-forwarded-port", "x-forwarded-proto", "x-real-ip", "x-requested-with",
	"eio", "transport", "t", "b64",
}

// maxStamp is how long t can be, with which clients keep responses out of caches: what is
// longer is the application's.
const maxStamp = 16

// Secret reports whether a member of that name is likely to be a secret: a password, a
// token, a key, a code, a cookie, a session.
func Secret(name string) bool {
	plain := strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r == '.' || r == ' ' {
			return -1
		}
		return r
	}, strings.ToLower(name))
	return slices.Contains(secrets, plain) || slices.ContainsFunc(secretParts, func(part string) bool { return strings.Contains(plain, part) })
}

var (
	secrets     = []string{"auth", "code", "cvc", "cvv", "key", "otp", "pass", "pid", "pin", "pwd", "sid", "sig"}
	secretParts = []string{
		"accesscode", "accesskey", "apikey", "assertion", "authcode", "authenticat", "authoriz", "backupcode", "bearer",
		"confirmationcode", "connectsid", "cookie", "credential", "csrf", "invitecode", "jwt", "logincode", "mfacode",
		"onetimecode", "otpcode", "passcode", "passphrase", "passwd", "password", "pincode", "privatekey", "recoverycode",
		"resetcode", "secret", "securitycode", "sessid", "session", "signature", "smscode", "token", "verificationcode", "xsrf",
	}
)

// Handshake is what may be shown of one, as the Admin UI of Socket.IO has it.
type Handshake struct {
	Address string            `json:"address"`
	Headers map[string]string `json:"headers"`
	Query   map[string]string `json:"query"`
	Issued  int64             `json:"issued"` // milliseconds
	Secure  bool              `json:"secure"`
	Time    string            `json:"time"`
	URL     string            `json:"url"`
	XDomain bool              `json:"xdomain"`
}

// Handshake returns what may be shown of a handshake.
func (r *Redactor) Handshake(a adapter.Handshake) Handshake {
	out := Handshake{
		Address: a.Address, Headers: map[string]string{"host": a.Host}, Query: make(map[string]string),
		Issued: a.Time.UnixMilli(), Secure: a.Secure, Time: a.Time.UTC().Format("Mon Jan 02 2006 15:04:05 GMT+0000"),
		XDomain: a.Header.Get("Origin") != "",
	}
	for name, values := range a.Header {
		name = strings.ToLower(name)
		out.Headers[name] = r.shownValue(name, strings.Join(values, ", "))
	}
	path, _, _ := strings.Cut(a.URL, "?")
	query := make(url.Values)
	for name, values := range a.Query() {
		v := r.shownValue(name, strings.Join(values, ","))
		out.Query[name] = v
		query.Set(name, v)
	}
	out.URL = path
	if len(query) > 0 {
		out.URL += "?" + query.Encode()
	}
	return out
}

func (r *Redactor) shownValue(name, value string) string {
	name = strings.ToLower(name)
	stamp := name != "t" || len(value) <= maxStamp
	if stamp && slices.Contains(shown, name) || slices.ContainsFunc(r.Show, func(s string) bool { return strings.EqualFold(s, name) }) {
		return value
	}
	return Redacted
}

// maxArgument bounds what is shown of one argument or value, in bytes of JSON.
const maxArgument = 16 << 10

// Clean returns JSON without the values of secret members.
func (r *Redactor) Clean(raw json.RawMessage) json.RawMessage {
	if len(raw) > maxArgument {
		return json.RawMessage(`"[too long]"`)
	}
	return r.CleanLong(raw)
}

// CleanLong is Clean for JSON of any length. A string that is JSON is looked into, too:
// some applications make one of what they send.
func (r *Redactor) CleanLong(raw json.RawMessage) json.RawMessage {
	if !bytes.Contains(raw, []byte{'{'}) {
		return raw
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return json.RawMessage(`"` + Redacted + `"`)
	}
	v, changed := r.hide(v, false)
	if !changed {
		return raw
	}
	out, _ := json.Marshal(v) // it was JSON
	return out
}

// hide returns a value without those of its secret members, and reports whether there were
// any. It may change the value. failure: the value is what a failure has.
func (r *Redactor) hide(v any, failure bool) (_ any, changed bool) {
	switch v := v.(type) {
	case map[string]any:
		shown := r.Codes && (failure || failed(v))
		for name, member := range v {
			if shown && strings.EqualFold(name, "code") && plainCode(member) {
				continue
			}
			hidden, is := any(Redacted), r.Secret(name)
			if !is {
				hidden, is = r.hide(member, failureName(name))
			}
			if is {
				v[name], changed = hidden, true
			}
		}
	case []any:
		for i, e := range v {
			if hidden, is := r.hide(e, failure); is {
				v[i], changed = hidden, true
			}
		}
	case string:
		return r.hideWithin(v, failure)
	}
	return v, changed
}

// hideWithin is hide for a string, which may be JSON.
func (r *Redactor) hideWithin(text string, failure bool) (_ any, changed bool) {
	if !strings.Contains(text, "{") || !json.Valid([]byte(text)) {
		return text, false
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	_ = d.Decode(&v) // it is JSON
	v, changed = r.hide(v, failure)
	if !changed {
		return text, false
	}
	out, _ := json.Marshal(v) // it was JSON
	return string(out), true
}

// failureName reports whether a member of that name has a failure.
func failureName(name string) bool {
	return slices.ContainsFunc([]string{"error", "errors", "err"}, func(s string) bool { return strings.EqualFold(s, name) })
}

// failed reports whether an object tells of a failure, so that its member code is an
// error's and not a login's: an error is beside it, or ok or success that is false.
func failed(v map[string]any) bool {
	for name, member := range v {
		switch {
		case failureName(name):
			if member != nil && member != false && member != "" {
				return true
			}
		case strings.EqualFold(name, "ok"), strings.EqualFold(name, "success"):
			if member == false {
				return true
			}
		}
	}
	return false
}

// words is text without a digit: codes that let somebody in have digits, nearly all of them.
var words = regexp.MustCompile(`^[A-Za-z][A-Za-z_./: -]{0,63}$`)

// plainCode reports whether a code cannot log anybody in: it is less than a thousand, or
// words.
func plainCode(v any) bool {
	switch v := v.(type) {
	case json.Number:
		n, err := v.Int64()
		return err == nil && n < 1000
	case string:
		return words.MatchString(v)
	}
	return false
}

// Values cleans values in place: those with secret names are replaced.
func (r *Redactor) Values(data map[string]json.RawMessage) {
	for name, v := range data {
		if r.Secret(name) {
			v = json.RawMessage(`"` + Redacted + `"`)
		}
		data[name] = r.Clean(v)
	}
}
