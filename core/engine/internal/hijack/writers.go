package hijack

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
)

// maxWriters bounds the writers around one another, should they go in circles.
const maxWriters = 64

// writers are the writers around a response, from the outermost to that of the
// server.
type writers []http.ResponseWriter

// writersOf returns w and the writers that it wraps, as far as they can be found.
func writersOf(w http.ResponseWriter) writers {
	all := writers{w}
	for !Bare(w) && len(all) < maxWriters {
		if w = wrapped(w); w == nil {
			break
		}
		all = append(all, w)
	}
	return all
}

var responseWriter = reflect.TypeFor[http.ResponseWriter]()

// wrapped returns the writer that w wraps: what its Unwrap returns, or the value of an
// exported field, as of a writer that is embedded. It returns nil if there is neither,
// or a writer whose methods panic, as those of a nil pointer do.
func wrapped(w http.ResponseWriter) (inner http.ResponseWriter) {
	defer func() {
		if recover() != nil {
			inner = nil
		}
	}()
	if inner = unwrap(w); inner != nil && !isServers(inner) {
		inner.Header()
	}
	return inner
}

func unwrap(w http.ResponseWriter) http.ResponseWriter {
	if u, ok := w.(interface{ Unwrap() http.ResponseWriter }); ok {
		return u.Unwrap()
	}
	v := reflect.Indirect(reflect.ValueOf(w))
	if v.Kind() != reflect.Struct {
		return nil
	}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.IsExported() && f.Type.Kind() == reflect.Interface && f.Type.Implements(responseWriter) {
			inner, _ := v.Field(i).Interface().(http.ResponseWriter)
			return inner
		}
	}
	return nil
}

// String names the types, for the log.
func (all writers) String() string {
	names := make([]string, len(all))
	for i, w := range all {
		names[i] = fmt.Sprintf("%T", w)
	}
	return strings.Join(names, " > ")
}

// header is what all writers together send.
func (all writers) header() http.Header {
	if len(all) == 1 {
		return all[0].Header()
	}
	sum := make(http.Header)
	for _, w := range all {
		for key, values := range w.Header() {
			if _, known := sum[key]; !known {
				sum[key] = values
			}
		}
	}
	return sum
}

// status is the status that the server's writer has been given, 0 for none. ok is false
// if the server is not net/http: then it cannot be known.
func (all writers) status() (code int, ok bool) {
	last := all[len(all)-1]
	if !isServers(last) {
		return 0, false
	}
	wrote, status := reflect.ValueOf(last).Elem().FieldByName("wroteHeader"), reflect.ValueOf(last).Elem().FieldByName("status")
	if wrote.Kind() != reflect.Bool || status.Kind() != reflect.Int { // another Go than this was written for
		return 0, false
	}
	if !wrote.Bool() {
		return 0, true
	}
	return int(status.Int()), true
}

// isServers reports whether w is net/http's own.
func isServers(w http.ResponseWriter) bool {
	t := reflect.TypeOf(w)
	return t.Kind() == reflect.Pointer && t.Elem().PkgPath() == "net/http" && t.Elem().Name() == "response"
}

// Bare reports whether w is net/http's own, or an integration's that says so by
// a method: then nobody has to be told of the response, and writing it together
// with the first packet saves a sixth of the CPU time of a connection.
func Bare(w http.ResponseWriter) bool {
	if _, says := w.(interface{ Bare() }); says {
		return true
	}
	return isServers(w)
}

// Possible reports whether the writer under all wrappers can be hijacked, and returns
// that writer. It is called before a 101 is written, which cannot be taken back. The
// wrappers do not count: those of gin and echo have a Hijack that panics or fails if what
// they wrap has none.
func Possible(w http.ResponseWriter) (under http.ResponseWriter, ok bool) {
	for range maxWriters {
		wrapper, wraps := w.(interface{ Unwrap() http.ResponseWriter })
		if !wraps {
			_, ok = w.(http.Hijacker)
			return w, ok
		}
		next := wrapper.Unwrap()
		if next == nil {
			break
		}
		w = next
	}
	return w, false
}
