package docs_test

import (
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
)

// TestLimitsAreTested reads the table of limits and timeouts in docs/reliability.md: each
// that a server has is in it, with tests that exist.
func TestLimitsAreTested(t *testing.T) {
	t.Parallel()
	ref := regexp.MustCompile("`([^`]+)`")
	tested := map[string]bool{}
	for _, row := range table(t, "reliability.md") {
		if len(row) != 2 || !strings.HasPrefix(row[0], "`Options.") {
			continue
		}
		refs := ref.FindAllStringSubmatch(row[1], -1)
		if len(refs) == 0 || strings.Trim(ref.ReplaceAllString(row[1], ""), ", ") != "" {
			t.Errorf("%s: names no test: %s", row[0], row[1])
		}
		for _, m := range refs {
			if why := missing(t, m[1]); why != "" {
				t.Errorf("%s: %s: %s", row[0], m[1], why)
			}
		}
		for _, m := range ref.FindAllStringSubmatch(row[0], -1) {
			tested[m[1]] = true
		}
	}
	want := 0
	for name := range bounds("Options", reflect.TypeFor[socketio.Options]()) {
		want++
		if !tested[name] {
			t.Errorf("no row says which test knows %s", name)
		}
	}
	if want < 35 || len(tested) != want {
		t.Errorf("%d limits and timeouts, and %d in the table", want, len(tested))
	}
}

// bounds are the numbers and times among the fields of a struct, and of those in it.
func bounds(path string, of reflect.Type) map[string]bool {
	all := map[string]bool{}
	for i := range of.NumField() {
		f := of.Field(i)
		typ, name := f.Type, path+"."+f.Name
		if typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
		switch {
		case f.Name == "HTTPCompression": // bounds nothing
		case typ == reflect.TypeFor[time.Duration](), typ.Kind() == reflect.Int, typ.Kind() == reflect.Int64:
			all[name] = true
		case typ.Kind() == reflect.Struct && typ.PkgPath() == reflect.TypeFor[socketio.Options]().PkgPath():
			for inner := range bounds(name, typ) {
				all[inner] = true
			}
		}
	}
	return all
}
