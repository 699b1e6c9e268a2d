package query

import (
	"net/url"
	"strings"
	"testing"
)

// FuzzParse: what the standard library reads in a query is what is read here, unless a
// parameter is there twice or its name is escaped, which is said.
func FuzzParse(f *testing.F) {
	for _, raw := range []string{
		"EIO=4&transport=polling&sid=a-b_c", "x=1&EIO=3&b64=1&j=0&y", "sid=a%2Db+c", "sid=%zz", "sid=a&sid=a", "s%69d=a&sid=b", "&&EIO=4&",
		"EIO=4&transport=websocket&sid=" + strings.Repeat("x", 300), "EIO=%34%00", "transport=constructor", "=&=&sid==",
	} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		q := Parse(raw)
		values, err := url.ParseQuery(raw)
		if err != nil || q.Repeated {
			return // refused, or of no known session
		}
		for name, got := range map[string]string{"EIO": q.EIO, "transport": q.Transport, "sid": q.SID} {
			if want := values.Get(name); got != want || len(values[name]) > 1 {
				t.Errorf("%s of %q is %q, want %q of %q", name, raw, got, want, values[name])
			}
		}
		if q.JSONP != values.Has("j") {
			t.Errorf("JSONP of %q is %v", raw, q.JSONP)
		}
	})
}
