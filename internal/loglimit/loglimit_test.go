package loglimit_test

import (
	"strings"
	"testing"

	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
	"github.com/gosio/gosio/internal/loglimit"
)

func TestMain(m *testing.M) { leak.Main(m) }

// TestClip: of a client's text at most 256 bytes come into a line, none of which ends
// the line, or changes how the line is shown.
func TestClip(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ text, want string }{
		"empty":              {"", ""},
		"plain":              {`a "b" <c>`, `a "b" <c>`},
		"other letters":      {"Zürich, 東京, 👍", "Zürich, 東京, 👍"},
		"256 bytes":          {strings.Repeat("x", 256), strings.Repeat("x", 256)},
		"257 bytes":          {strings.Repeat("x", 257), strings.Repeat("x", 256)},
		"cut in a letter":    {strings.Repeat("x", 255) + "ü", strings.Repeat("x", 255) + "?"},
		"a line of its own":  {"x\r\nlevel=ERROR msg=\"not ours\"", `x??level=ERROR msg="not ours"`},
		"Unicode's lines":    {"a\u2028b\u2029c\u0085d", "a?b?c?d"},
		"terminal":           {"\x1b[2Ja\x00\x07\x7f", "?[2Ja???"},
		"from right to left": {"a\u202eb\u2066c\u200b", "a?b?c?"},
		"no UTF-8":           {"a\xffb\xc0\xaf", "a?b??"},
		"never longer":       {strings.Repeat("\xff", 300), strings.Repeat("?", 256)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, "text", loglimit.Clip(test.text), test.want)
		})
	}
}
