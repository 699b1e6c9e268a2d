package header

import (
	"net/http"
	"strings"
	"testing"
)

// FuzzTokens: what comes out of a list are tokens that are in it, in their order, and
// no more than asked for; the other readers of lists agree.
func FuzzTokens(f *testing.F) {
	for _, value := range []string{"Upgrade", "keep-alive, Upgrade", " a ,, b\t", strings.Repeat(" ", 1000) + "x", "x,(y),z", "\xff", "ÄÖ", "a;b=c", strings.Repeat("x,", 500)} {
		f.Add(value, 3, 10)
	}
	f.Fuzz(func(t *testing.T, value string, most, longest int) {
		tokens := Tokens([]string{value}, most, longest)
		if len(tokens) > max(most, 0) {
			t.Errorf("%d tokens, asked for %d", len(tokens), most)
		}
		rest := value
		for _, token := range tokens {
			_, behind, found := strings.Cut(rest, token)
			if !found || !IsToken(token) || len(token) > longest {
				t.Errorf("token %q of %q", token, value)
			}
			rest = behind
			if !Has(http.Header{"X": {value}}, "X", token) {
				t.Errorf("Has does not find %q in %q", token, value)
			}
		}
		if IsTokens(value) {
			if got := len(Tokens([]string{value}, len(value)+1, len(value))); got != strings.Count(value, ",")+1 {
				t.Errorf("%d tokens in the list of tokens %q", got, value)
			}
		}
	})
}
