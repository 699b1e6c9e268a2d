package engine

import (
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/gosio/gosio/core/engine/internal/header"
)

// Compression of the responses to polls. See RFC 9110 sections 8.4.1 and 12.5.3.

// coding is a content coding.
type coding int

const (
	identity coding = iota
	gzipped
	deflated // the zlib format, in spite of its name
	codings
)

var codingNames = [codings]string{identity: "identity", gzipped: "gzip", deflated: "deflate"}

// Headers of compressed responses; see those in polling.go.
var headerCodings = [codings][]string{gzipped: {"gzip"}, deflated: {"deflate"}}

// acceptable returns the coding that an Accept-Encoding header likes best, and
// whether it must not be identity. Between equals gzip goes first. A client
// that says nothing gets what it asked for: nothing.
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
	if best != identity && q[identity] > q[best] { // named, and liked better
		best = identity
	}
	return best, must
}

// quality reads a weight in thousandths; what is none counts as a refusal.
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

// Compressors are large, 100s of KB. They are kept only until the garbage
// collector comes, and no more of them are in use at a time than there are
// cores: the work waits for nothing else.
var (
	compressors [codings]sync.Pool
	compressing = make(chan struct{}, runtime.GOMAXPROCS(0))
)

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
	compressing <- struct{}{}
	z := newCompressor(c, appender{buf})
	_, _ = z.Write(body) // into memory: cannot fail
	_ = z.Close()
	<-compressing
	z.Reset(io.Discard) // let go of buf
	compressors[c].Put(z)
}

// wantsCompression reports whether one of the messages does. Packets of the
// engine's own have no wish.
func wantsCompression(batch []Message) bool {
	return slices.ContainsFunc(batch, func(m Message) bool { return !m.plain })
}

// compress returns body, or what it became in buf, and says so in the header.
// It does nothing with a body of less than from bytes, or if wanted, which is what
// the messages wish, is false; but a client that takes nothing else goes
// before them.
func compress(h http.Header, r *http.Request, body []byte, buf *[]byte, wanted bool, from int) []byte {
	if h.Get("Content-Encoding") != "" { // somebody else is at it
		return body
	}
	if !header.Has(h, "Vary", "Accept-Encoding") {
		h.Add("Vary", "Accept-Encoding")
	}
	c, must := acceptable(r.Header["Accept-Encoding"])
	if c == identity || (!must && (!wanted || len(body) < from)) {
		return body
	}
	pack(c, body, buf)
	if !must && len(*buf) >= len(body) {
		return body
	}
	h["Content-Encoding"] = headerCodings[c]
	return *buf
}
