package header

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestHas(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{
		"upgrade": true, "Keep-Alive, Upgrade": true, " UPGRADE ": true, "": false, "upgraded": false, "up grade": false, "x;upgrade": false,
	} {
		assert.Equal(t, value, Has(http.Header{"Connection": {"x", value}}, "Connection", "upgrade"), want)
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 9)
	for value, want := range map[string][]string{
		"":                      nil,
		"a":                     {"a"},
		"a,b, c\t":              {"a", "b", "c"},
		"a b,c":                 {"c"},
		"a,,b":                  {"a", "b"},
		"a\x00,\xff,é,(,b":      {"b"},
		"A-Z.0!#$,{}[]@":        {"A-Z.0!#$"},
		long + "," + long[:8]:   {long[:8]},
		"a,b,c,d,e":             {"a", "b", "c", "d"},
		"a\r\nx: y, b":          {"b"},
		"\"a\",b/c,d;q=1,`~^_|": {"`~^_|"},
	} {
		got := Tokens([]string{value}, 4, 8)
		assert.Equal(t, value, got, want)
		all := strings.Count(value, ",") + 1
		assert.Equal(t, value+": all", IsTokens(value), len(Tokens([]string{value}, 100, 100)) == all)
	}
	assert.Equal(t, "of several lines", Tokens([]string{"a", "b,c"}, 2, 8), []string{"a", "b"})
	assert.True(t, "a token", !slices.Contains([]bool{IsToken("a"), !IsToken(""), !IsToken("a b")}, false))
}
