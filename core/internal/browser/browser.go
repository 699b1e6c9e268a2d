// Package browser serves the Socket.IO client for browsers: the one embedded
// here, built from client/js, or the official bundles from a file system.
//
// A [Handler] may serve any number of requests at once. It holds each file, and
// its compressed form, in memory from the first request for it.
package browser

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

//go:generate npm --prefix ../../../client/js run build

//go:embed dist
var dist embed.FS

// Texts of the error replies.
const (
	notFound   = "client file not found"
	notMsgpack = "the built-in client has no msgpack build"
	notAllowed = "method not allowed"
)

// minGzip is the size in bytes from which a file is compressed.
const minGzip = 1024

// names are the files of the official client, each with a source map beside it.
var names = []string{"socket.io.js", "socket.io.min.js", "socket.io.esm.min.js", "socket.io.msgpack.min.js"}

// Lookup reports whether name, without any folder, is one of the eight file
// names that a [Handler] answers for.
func Lookup(name string) bool {
	name = strings.TrimSuffix(name, ".map")
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}

// Handler serves the client's files. Its zero value is not usable: see [New].
type Handler struct {
	fsys    fs.FS
	builtin bool

	mu    sync.Mutex
	files map[string]*file // by name, filled on demand
}

// file is one file as it is sent.
type file struct {
	etag    string // without quotes
	content []byte
	gzipped []byte // nil if it is not worth it
}

// New returns a handler for the files in the root of fsys, or for the embedded
// client when fsys is nil. Files are read once, when first asked for.
func New(fsys fs.FS) *Handler {
	h := &Handler{fsys: fsys, files: make(map[string]*file)}
	if fsys == nil {
		sub, err := fs.Sub(dist, "dist")
		if err != nil {
			panic("socketio: embedded client: " + err.Error())
		}
		h.fsys, h.builtin = sub, true
	}
	return h
}

// ServeHTTP answers GET and HEAD for the file that the last segment of the
// request's path names. The caller has routed the request, usually with
// [Lookup], and has set the CORS headers.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, notAllowed, http.StatusMethodNotAllowed)
		return
	}
	name := path.Base(r.URL.Path)
	f := h.file(name)
	if f == nil {
		h.refuse(w, name)
		return
	}
	f.serve(w, r, name)
}

// refuse answers for a file that is not there.
func (h *Handler) refuse(w http.ResponseWriter, name string) {
	text := notFound
	if h.builtin && Lookup(name) {
		text = notMsgpack
	}
	http.Error(w, text, http.StatusNotFound)
}

// file returns the named file, or nil if there is none to serve.
func (h *Handler) file(name string) *file {
	if !Lookup(name) {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if f := h.files[name]; f != nil {
		return f
	}
	content, err := fs.ReadFile(h.fsys, name)
	if err != nil {
		return nil // not kept: the file may come later
	}
	f := newFile(content)
	h.files[name] = f
	return f
}

func newFile(content []byte) *file {
	sum := sha256.Sum256(content)
	f := &file{etag: hex.EncodeToString(sum[:12]), content: content}
	if len(content) < minGzip {
		return f
	}
	var buf bytes.Buffer
	zw, err := gzip.NewWriterLevel(&buf, gzip.BestCompression)
	if err != nil {
		return f
	}
	// A bytes.Buffer takes everything, so neither call can fail.
	_, _ = zw.Write(content)
	_ = zw.Close()
	if buf.Len() < len(content) {
		f.gzipped = buf.Bytes()
	}
	return f
}

func (f *file) serve(w http.ResponseWriter, r *http.Request, name string) {
	body, etag := f.content, `"`+f.etag+`"`
	header := w.Header()
	header.Add("Vary", "Accept-Encoding")
	compressed := f.gzipped != nil && acceptsGzip(r.Header.Values("Accept-Encoding"))
	if compressed {
		// Another representation, so another strong tag (RFC 9110, section 8.8.3.3).
		body, etag = f.gzipped, `"`+f.etag+`-gzip"`
	}
	header.Set("Cache-Control", "public, max-age=0")
	header.Set("ETag", etag)
	if f.matches(r.Header.Values("If-None-Match")) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	header.Set("Content-Type", contentType(name))
	header.Set("Content-Length", strconv.Itoa(len(body)))
	if compressed {
		header.Set("Content-Encoding", "gzip")
	}
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the peer may be gone; there is nobody to tell
	}
}

func contentType(name string) string {
	if strings.HasSuffix(name, ".map") {
		return "application/json; charset=utf-8"
	}
	return "application/javascript; charset=utf-8"
}

// matches reports whether an If-None-Match header names either form of the
// file, by weak comparison (RFC 9110, section 13.1.2).
func (f *file) matches(values []string) bool {
	for _, tag := range splitList(values) {
		tag = strings.TrimPrefix(tag, "W/")
		if tag == "*" || tag == `"`+f.etag+`"` || tag == `"`+f.etag+`-gzip"` {
			return true
		}
	}
	return false
}

// acceptsGzip reads Accept-Encoding (RFC 9110, section 12.5.3): gzip by its own
// entry, else by that of "*"; a weight of 0 refuses.
func acceptsGzip(values []string) bool {
	other := false
	for _, item := range splitList(values) {
		coding, params, _ := strings.Cut(item, ";")
		accepted := !zeroWeight(params)
		switch strings.ToLower(strings.TrimSpace(coding)) {
		case "gzip", "x-gzip":
			return accepted
		case "*":
			other = accepted
		}
	}
	return other
}

// zeroWeight reports whether params say q=0, with any number of decimals.
func zeroWeight(params string) bool {
	key, value, ok := strings.Cut(strings.TrimSpace(params), "=")
	if !ok || !strings.EqualFold(strings.TrimSpace(key), "q") {
		return false
	}
	weight, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	return err != nil || weight <= 0
}

// splitList splits header values at commas. Entity tags of this package hold
// none, so a comma inside a foreign tag only makes two that match nothing.
func splitList(values []string) []string {
	var items []string
	for _, value := range values {
		for item := range strings.SplitSeq(value, ",") {
			items = append(items, strings.TrimSpace(item))
		}
	}
	return items
}
