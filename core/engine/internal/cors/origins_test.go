package cors

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// TestOriginsThatMatchNothing: an origin that no browser sends is refused at
// start-up, with what to write.
func TestOriginsThatMatchNothing(t *testing.T) {
	t.Parallel()
	for origin, want := range map[string]string{
		"":                              "empty",
		"null":                          "sandboxed",
		"app.example":                   `write "https://app.example"`,
		"App.example:443":               `write "https://app.example"`,
		"localhost:3000":                `write "https://localhost:3000"`,
		"//app.example":                 "scheme is missing",
		"app.example/x":                 "scheme is missing",
		"https:/app.example":            "scheme is missing",
		"https://app.example/":          `write "https://app.example"`,
		"https://app.example/chat":      `write "https://app.example"`,
		"https://app.example?":          `write "https://app.example"`,
		"https://app.example?x=1":       `write "https://app.example"`,
		"https://app.example#":          `write "https://app.example"`,
		"https://app.example#x":         `write "https://app.example"`,
		"https://app.example:":          `write "https://app.example"`,
		"https://app.example:443":       `write "https://app.example"`,
		"http://app.example:80":         `write "http://app.example"`,
		"http://app.example:080":        `write "http://app.example"`,
		"http://app.example:08080":      `write "http://app.example:8080"`,
		"http://app.example:80/":        `write "http://app.example"`,
		"http://app.example:0":          "no such port",
		"http://app.example:65536":      "no such port",
		"http://app.example:x":          "is no origin",
		"https://App.example":           `write "https://app.example"`,
		"HTTPS://app.example":           `write "https://app.example"`,
		"https://bücher.example":        "ASCII",
		"https://*.example":             "no wildcards",
		"*.example":                     "no wildcards",
		"**":                            "no wildcards",
		"https://app.example:*":         "no wildcards",
		"* ":                            `write "*"`,
		" https://app.example":          `write "https://app.example"`,
		"https://app.example\n":         `write "https://app.example"`,
		"https://a.example,https://b.a": "more than one",
		"https://a.example https://b.a": "more than one",
		"https://u@app.example":         "is no origin",
		"https://u:p@app.example":       "is no origin",
		"https://":                      "is no origin",
		"https://:8080":                 "is no origin",
		"ws://app.example":              `write "http://app.example"`,
		"wss://app.example:443":         `write "https://app.example"`,
		"WSS://App.example":             `write "https://app.example"`,
		"file:///":                      `write "file://"`,
		"file:///index.html":            `write "file://"`,
		"FILE://":                       `write "file://"`,
		"http://[::0001]:3000":          `write "http://[::1]:3000"`,
		"http://[2001:DB8::1]":          `write "http://[2001:db8::1]"`,
		"http://::1":                    "is no origin",
		"Capacitor://localhost":         `write "capacitor://localhost"`,
		"capacitor://localhost/":        `write "capacitor://localhost"`,
		"qrc:///":                       `write "qrc://"`,
		"app://a?b":                     "is no origin",
		"app://u@a":                     "is no origin",
		"a_b://c":                       "is no origin",
		"://c":                          "is no origin",
	} {
		t.Run(origin, func(t *testing.T) {
			t.Parallel()
			defer func() {
				text, _ := recover().(string)
				assert.True(t, "panic with "+text, strings.HasPrefix(text, "socketio: CORS.Origins: ") && strings.Contains(text, want))
			}()
			(&Policy{Origins: []string{"https://first.example", origin}}).Validate()
		})
	}
}

// TestSeenKeepsNoMore: of a long header Seen keeps the origin that it is given.
func TestSeenKeepsNoMore(t *testing.T) { //nolint:paralleltest // it looks at the whole heap
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	var seen Seen
	before := heap()
	const n, size = 250, 16 << 10
	for i := range n {
		header := fmt.Sprint("https://", i, ".example") + strings.Repeat("x", size)
		assert.True(t, "new", seen.First(header[:30]))
	}
	kept := heap() - before
	assert.True(t, "not after that", !seen.First("https://0.examplexxxxxxxxxxxxxxxxxxxx"[:30]))
	assert.True(t, fmt.Sprint("bytes kept: ", kept), kept < n*size/4)
}
