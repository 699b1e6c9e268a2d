package cors

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// FuzzAllows: an origin that is on no list passes only if the standard library, too,
// finds the server's host and port in it.
func FuzzAllows(f *testing.F) {
	for _, origin := range []string{"http://chat.example", "https://chat.example:443", "http://chat.example:80", "http://chat.example.evil.example", "null", "http://CHAT.example",
		"http://u@chat.example", "http://chat.example/", "://chat.example", "http://[::1]", "http://chat.example:", "http://chat.example:080", "file://", "x://y://chat.example"} {
		f.Add(origin, "chat.example")
		f.Add(origin, "[::1]:3000")
	}
	f.Add("http://\u212aey.example", "key.example") // the sign of Kelvin
	f.Add("http://chat\x9e", "chat\xf7")
	f.Add("http://]chat.example", "chat.example")
	f.Fuzz(func(t *testing.T, origin, host string) {
		if u, err := url.Parse("x://" + host); origin == "" || err != nil || u.Host != host {
			return // no browser's, no server's
		}
		if ok, _ := new(Policy).Allows(origin, &http.Request{Host: host, Header: http.Header{}}); !ok {
			return
		}
		_, rest, _ := strings.Cut(origin, "://")
		if rest == host {
			return
		}
		u, err := url.Parse("x://" + rest)
		if err != nil { // net/url is stricter about ports and brackets
			h, _ := splitPort(host, "http")
			if !strings.Contains(strings.ToLower(rest), strings.ToLower(h)) {
				t.Errorf("%q passes at %q", origin, host)
			}
			return
		}
		want, _ := splitPort(host, "http")
		if got := u.Hostname(); !strings.EqualFold(got, want) || len(got) != len(want) || u.User != nil {
			t.Errorf("%q passes at %q: its host is %q, ours %q", origin, host, got, want)
		}
	})
}
