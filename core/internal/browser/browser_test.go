package browser_test

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/gosio/gosio/core/internal/browser"
)

func get(t *testing.T, h http.Handler, method, target string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("read body: %v", err)
	}
	return string(b)
}

func official() fs.FS {
	return fstest.MapFS{
		"socket.io.js":             {Data: []byte("js")},
		"socket.io.msgpack.min.js": {Data: []byte(strings.Repeat("msgpack ", 1000))},
		"package.json":             {Data: []byte("{}")},
	}
}

func TestLookup(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"socket.io.js":                 true,
		"socket.io.js.map":             true,
		"socket.io.min.js":             true,
		"socket.io.min.js.map":         true,
		"socket.io.esm.min.js":         true,
		"socket.io.esm.min.js.map":     true,
		"socket.io.msgpack.min.js":     true,
		"socket.io.msgpack.min.js.map": true,
		"":                             false,
		".map":                         false,
		"socket.io.js.map.map":         false,
		"socket.io.esm.js":             false,
		"SOCKET.IO.JS":                 false,
		"x/socket.io.js":               false,
		"../socket.io.js":              false,
		"package.json":                 false,
	} {
		if got := browser.Lookup(name); got != want {
			t.Errorf("Lookup(%q) = %v, want %v", name, got, want)
		}
	}
}

func TestServe(t *testing.T) {
	t.Parallel()
	const js, jsonType, text = "application/javascript; charset=utf-8", "application/json; charset=utf-8", "text/plain; charset=utf-8"
	tests := []struct {
		name     string
		fsys     fs.FS
		method   string
		target   string
		wantCode int
		wantType string
		wantBody string // a part of it
	}{
		{"readable", nil, "GET", "/socket.io/socket.io.js", 200, js, "reconnectionDelayMax"},
		{"minified", nil, "GET", "/socket.io/socket.io.min.js", 200, js, "sourceMappingURL=socket.io.min.js.map"},
		{"module", nil, "GET", "/socket.io/socket.io.esm.min.js", 200, js, "export{"},
		{"map", nil, "GET", "/socket.io/socket.io.js.map", 200, jsonType, `"mappings"`},
		{"query is ignored", nil, "GET", "/socket.io/socket.io.js?v=1", 200, js, "reconnectionDelayMax"},
		{"other base path", nil, "GET", "/a/b/socket.io.js", 200, js, "reconnectionDelayMax"},
		{"no msgpack", nil, "GET", "/socket.io/socket.io.msgpack.min.js", 404, text, "the built-in client has no msgpack build\n"},
		{"no msgpack map", nil, "GET", "/socket.io/socket.io.msgpack.min.js.map", 404, text, "the built-in client has no msgpack build\n"},
		{"unknown", nil, "GET", "/socket.io/other.js", 404, text, "client file not found\n"},
		{"folder", nil, "GET", "/socket.io/", 404, text, "client file not found\n"},
		{"POST", nil, "POST", "/socket.io/socket.io.js", 405, text, "method not allowed\n"},
		{"OPTIONS", nil, "OPTIONS", "/socket.io/socket.io.js", 405, text, "method not allowed\n"},
		{"own files", official(), "GET", "/socket.io/socket.io.js", 200, js, "js"},
		{"own msgpack", official(), "GET", "/socket.io/socket.io.msgpack.min.js", 200, js, "msgpack "},
		{"own, missing", official(), "GET", "/socket.io/socket.io.min.js", 404, text, "client file not found\n"},
		{"own, not a client file", official(), "GET", "/socket.io/package.json", 404, text, "client file not found\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			res := get(t, browser.New(tt.fsys), tt.method, tt.target)
			if res.StatusCode != tt.wantCode {
				t.Errorf("status = %d, want %d", res.StatusCode, tt.wantCode)
			}
			if got := res.Header.Get("Content-Type"); got != tt.wantType {
				t.Errorf("Content-Type = %q, want %q", got, tt.wantType)
			}
			if got := body(t, res); !strings.Contains(got, tt.wantBody) {
				t.Errorf("body (%d bytes) lacks %q", len(got), tt.wantBody)
			}
			if allow := res.Header.Get("Allow"); (allow == "GET, HEAD") != (tt.wantCode == 405) {
				t.Errorf("Allow = %q with status %d", allow, res.StatusCode)
			}
			if cache := res.Header.Get("Cache-Control"); (cache == "public, max-age=0") != (tt.wantCode == 200) {
				t.Errorf("Cache-Control = %q with status %d", cache, res.StatusCode)
			}
		})
	}
}

func TestHead(t *testing.T) {
	t.Parallel()
	h := browser.New(nil)
	full := get(t, h, "GET", "/socket.io/socket.io.js")
	head := get(t, h, "HEAD", "/socket.io/socket.io.js")
	if got := body(t, head); got != "" {
		t.Errorf("HEAD has a body of %d bytes", len(got))
	}
	for _, key := range []string{"Content-Length", "Content-Type", "ETag", "Cache-Control", "Vary"} {
		if got, want := head.Header.Get(key), full.Header.Get(key); got != want || got == "" {
			t.Errorf("%s = %q, with GET %q", key, got, want)
		}
	}
}

func TestEncoding(t *testing.T) {
	t.Parallel()
	h := browser.New(official())
	const big, small = "/socket.io.msgpack.min.js", "/socket.io.js"
	for _, tt := range []struct {
		target, accept string
		want           bool
	}{
		{big, "gzip", true},
		{big, "br, gzip, deflate", true},
		{big, "deflate, GZIP;q=0.5", true},
		{big, "x-gzip", true},
		{big, "*", true},
		{big, "", false},
		{big, "br", false},
		{big, "identity", false},
		{big, "gzip;q=0", false},
		{big, "gzip; q=0.000, *", false},
		{big, "*;q=0", false},
		{big, "gzip;q=nonsense", false},
		{small, "gzip", false}, // too small to be worth it
	} {
		t.Run(tt.target+" "+tt.accept, func(t *testing.T) {
			t.Parallel()
			res := get(t, h, "GET", tt.target, "Accept-Encoding", tt.accept)
			if got := res.Header.Get("Content-Encoding") == "gzip"; got != tt.want {
				t.Fatalf("gzip = %v, want %v", got, tt.want)
			}
			if got := res.Header.Get("Vary"); got != "Accept-Encoding" {
				t.Errorf("Vary = %q", got)
			}
			if !tt.want {
				return
			}
			zr, err := gzip.NewReader(res.Body)
			if err != nil {
				t.Fatalf("gzip.NewReader: %v", err)
			}
			plain, err := io.ReadAll(zr)
			if err != nil || string(plain) != strings.Repeat("msgpack ", 1000) {
				t.Errorf("decompressed %d bytes, error %v", len(plain), err)
			}
		})
	}
}

func TestConditional(t *testing.T) {
	t.Parallel()
	h := browser.New(nil)
	const target = "/socket.io/socket.io.min.js"
	plain := get(t, h, "GET", target).Header.Get("ETag")
	zipped := get(t, h, "GET", target, "Accept-Encoding", "gzip").Header.Get("ETag")
	if plain == zipped || !strings.HasPrefix(plain, `"`) || !strings.HasSuffix(zipped, `-gzip"`) {
		t.Fatalf("tags are %s and %s", plain, zipped)
	}
	for _, tt := range []struct {
		name, match string
		want        int
	}{
		{"same", plain, 304},
		{"weak", "W/" + plain, 304},
		{"compressed form", zipped, 304},
		{"list", `"x", W/"y" ,` + plain, 304},
		{"any", "*", 304},
		{"other", `"x"`, 200},
		{"unquoted", strings.Trim(plain, `"`), 200},
		{"list without it", `"x", "y"`, 200},
		{"none", "", 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			res := get(t, h, "GET", target, "If-None-Match", tt.match)
			if res.StatusCode != tt.want {
				t.Fatalf("status = %d, want %d", res.StatusCode, tt.want)
			}
			if got := res.Header.Get("ETag"); got != plain {
				t.Errorf("ETag = %s, want %s", got, plain)
			}
			if tt.want != 304 {
				return
			}
			if got := body(t, res); got != "" {
				t.Errorf("304 with a body of %d bytes", len(got))
			}
			if got := res.Header.Get("Content-Type"); got != "" {
				t.Errorf("304 with Content-Type %q", got)
			}
		})
	}
}

// A file that appears in the file system after a 404 is served.
func TestLateFile(t *testing.T) {
	t.Parallel()
	fsys := fstest.MapFS{}
	h := browser.New(fsys)
	if got := get(t, h, "GET", "/socket.io.js").StatusCode; got != 404 {
		t.Fatalf("status = %d, want 404", got)
	}
	fsys["socket.io.js"] = &fstest.MapFile{Data: []byte("late")}
	if got := body(t, get(t, h, "GET", "/socket.io.js")); got != "late" {
		t.Errorf("body = %q", got)
	}
}

func TestConcurrent(t *testing.T) {
	t.Parallel()
	h := browser.New(nil)
	want := body(t, get(t, browser.New(nil), "GET", "/socket.io.js"))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if got := body(t, get(t, h, "GET", "/socket.io.js")); got != want {
				t.Errorf("got %d bytes, want %d", len(got), len(want))
			}
		})
	}
	wg.Wait()
}

// The maps belong to the bundles: same build, sources from client/js.
func TestMaps(t *testing.T) {
	t.Parallel()
	h := browser.New(nil)
	for _, name := range []string{"socket.io.js", "socket.io.min.js", "socket.io.esm.min.js"} {
		var m struct {
			Version int
			Sources []string
		}
		if err := json.Unmarshal([]byte(body(t, get(t, h, "GET", "/"+name+".map"))), &m); err != nil {
			t.Fatalf("%s.map: %v", name, err)
		}
		if m.Version != 3 || len(m.Sources) < 8 {
			t.Errorf("%s.map: version %d, %d sources", name, m.Version, len(m.Sources))
		}
		for _, source := range m.Sources {
			if !strings.Contains(source, "client/js/src/") {
				t.Errorf("%s.map names %q", name, source)
			}
		}
	}
}
