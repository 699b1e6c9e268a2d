package parser_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/gosio/gosio/core/parser"
	"github.com/gosio/gosio/internal/assert"
)

// TestStrings puts every byte and some runes at every place of a string.
func TestStrings(t *testing.T) {
	t.Parallel()
	special := []string{"é", "界", "\U0001F600", "\"\\", "\x00\x1f\x20\x7f"}
	for c := range 0x80 {
		special = append(special, string(rune(c)))
	}
	for _, text := range special {
		for at := range 20 {
			for _, end := range []int{0, 1, 7, 8, 9, 20} {
				s := strings.Repeat("a", at) + text + strings.Repeat("z", end)
				got, _, err := parser.AppendEvent(nil, "/", 0, false, "e", []any{s})
				assert.NoError(t, err)
				var want bytes.Buffer
				enc := json.NewEncoder(&want)
				enc.SetEscapeHTML(false)
				assert.NoError(t, enc.Encode(s))
				assert.Equal(t, fmt.Sprintf("%q", s), string(got), `2["e",`+strings.TrimSuffix(want.String(), "\n")+`]`)
			}
		}
	}
}
