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

// shaped is a value that encodes as it is told.
type shaped string

func (s shaped) MarshalJSON() ([]byte, error) { return []byte(s), nil }

// TestHalves: an escaped half of a surrogate pair becomes U+FFFD, wherever JSON comes
// in as it is: some clients take the whole packet for broken.
func TestHalves(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		`"\ud83d\ude00"`:                 `"\ud83d\ude00"`,
		`"\uD83D\uDE00\ud83d\ude00"`:     `"\uD83D\uDE00\ud83d\ude00"`,
		`"\ud83d"`:                       `"\ufffd"`,
		`"\ude00"`:                       `"\ufffd"`,
		`"\uDFFFx\uD800"`:                `"\ufffdx\ufffd"`,
		`"\ude00\ud83d"`:                 `"\ufffd\ufffd"`,
		`"\ud83d\ud83d\ude00"`:           `"\ufffd\ud83d\ude00"`,
		`"\ud83d\n\u00e9\u0041"`:         `"\ufffd\n\u00e9\u0041"`,
		`"\\ud83d \\\ud83d"`:             `"\\ud83d \\\ufffd"`,
		`{"\ud83d":["a\ude00",{"b":1}]}`: `{"\ufffd":["a\ufffd",{"b":1}]}`,
		"\"\xff\\ud83d\"":                "\"\uFFFD\\ufffd\"",
	} {
		given := bytes.Clone([]byte(raw))
		for _, v := range []any{json.RawMessage(given), shaped(raw), []any{json.RawMessage(given), []byte{1}}} {
			got, attachments, err := parser.AppendEvent(nil, "/", 0, false, "e", []any{v})
			assert.NoError(t, err)
			full := `2["e",` + want + `]`
			if len(attachments) > 0 {
				full = `51-["e",[` + want + `,{"_placeholder":true,"num":0}]]`
			}
			assert.Equal(t, raw, strings.ReplaceAll(string(got), "\uFFFD", `\ufffd`), strings.ReplaceAll(full, "\uFFFD", `\ufffd`))
		}
		assert.Equal(t, "the caller's", string(given), raw)
	}
}
