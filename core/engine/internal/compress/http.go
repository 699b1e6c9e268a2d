package compress

import (
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/gosio/gosio/core/engine/internal/header"
)

// coding is a content coding: RFC 9110 section 8.4.1.
type coding int

const (
	identity coding = iota
	gzipped
	deflated // the zlib format, in spite of its name
	codings
)

var codingNames = [codings]string{identity: "identity", gzipped: "gzip", deflated: "deflate"}

// headerCodings holds values of headers, which are shared and never written to.
var headerCodings = [codings][]string{gzipped: {"gzip"}, deflated: {"deflate"}}

// acceptable returns the coding that an Accept-Encoding header prefers, and whether
// identity is excluded: RFC 9110 section 12.5.3. Of several that are preferred equally
// gzip is chosen. For a client that sends no header it is identity.
func acceptable(accept []string) (best coding, must bool) {
	q := [codings]int{-1, -1, -1} // in thousandths; -1: not named
	rest := -1                    // that of "*"
	for _, line := range accept {
		for part := range strings.SplitSeq(line, ",") {
			name, params, _ := strings.Cut(part, ";")
			name = strings.TrimSpace(name)
			switch at := slices.IndexFunc(codingNames[:], func(n string) bool { return strings.EqualFold(n, name) }); {
			case at >= 0:
				q[at] = quality(params)
			case strings.EqualFold(name, "x-gzip"):
				q[gzipped] = quality(params)
			case name == "*":
				rest = quality(params)
			}
		}
	}
	for c := gzipped; c < codings; c++ {
		if q[c] < 0 {
			q[c] = max(rest, 0)
		}
		if q[c] > 0 && (best == identity || q[c] > q[best]) {
			best = c
		}
	}
	must = best != identity && (q[identity] == 0 || (q[identity] < 0 && rest == 0))
	if best != identity && q[identity] > q[best] { // named, and preferred
		best = identity
	}
	return best, must
}

// quality reads a weight in thousandths; a value that is no weight counts as 0.
func quality(params string) int {
	for part := range strings.SplitSeq(params, ";") {
		key, value, _ := strings.Cut(part, "=")
		if !strings.EqualFold(strings.TrimSpace(key), "q") {
			continue
		}
		f, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil || !(f >= 0 && f <= 1) { // NaN is neither
			return 0
		}
		return int(f*1000 + 0.5)
	}
	return 1000
}

// compressor is a gzip.Writer or a zlib.Writer.
type compressor interface {
	io.WriteCloser
	Reset(w io.Writer)
}

// compressors holds compressors, 100s of KB each, until the garbage collector comes.
var compressors [codings]sync.Pool

func newCompressor(c coding, w io.Writer) compressor {
	if kept, ok := compressors[c].Get().(compressor); ok {
		kept.Reset(w)
		return kept
	}
	if c == gzipped {
		z, _ := gzip.NewWriterLevel(w, flate.BestSpeed) // the level exists
		return z
	}
	z, _ := zlib.NewWriterLevel(w, flate.BestSpeed) // as above
	return z
}

// appender is an io.Writer over a pooled buffer.
type appender struct{ buf *[]byte }

// Write implements io.Writer.
func (a appender) Write(p []byte) (int, error) {
	*a.buf = append(*a.buf, p...)
	return len(p), nil
}

// pack compresses body into buf.
func pack(c coding, body []byte, buf *[]byte) {
	*buf = (*buf)[:0]
	Acquire()
	z := newCompressor(c, appender{buf})
	_, _ = z.Write(body) // into memory: cannot fail
	_ = z.Close()
	Release()
	z.Reset(io.Discard) // it must not keep buf
	compressors[c].Put(z)
}

// Response returns body, or its compressed form in buf, as the client of r prefers,
// and sets the header of the response. It compresses a body of less than from bytes,
// or one that may not be compressed, only for a client that takes nothing else.
func Response(h http.Header, r *http.Request, body []byte, buf *[]byte, may bool, from int) []byte {
	if h.Get("Content-Encoding") != "" { // a middleware has compressed it
		return body
	}
	if !header.Has(h, "Vary", "Accept-Encoding") {
		h.Add("Vary", "Accept-Encoding")
	}
	c, must := acceptable(r.Header["Accept-Encoding"])
	if c == identity || (!must && (!may || len(body) < from)) {
		return body
	}
	pack(c, body, buf)
	if !must && len(*buf) >= len(body) {
		return body
	}
	h["Content-Encoding"] = headerCodings[c]
	return *buf
}
