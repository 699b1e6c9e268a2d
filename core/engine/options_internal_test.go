package engine

import (
	"net/http"
	"reflect"
	"slices"
	"testing"
)

// zeroMeansZero are the numbers of Options whose default is zero: no limit, for two of
// them.
var zeroMeansZero = []string{"HTTPCompression", "MaxSessions", "MemoryLimit", "OpenDelay"}

// TestOptionsDefaults: no number is left zero, which would be no time or no room
// at all.
func TestOptionsDefaults(t *testing.T) {
	t.Parallel()
	o := reflect.ValueOf(Options{}.withDefaults())
	for i := range o.NumField() {
		f, name := o.Field(i), o.Type().Field(i).Name
		if f.CanInt() && f.IsZero() != slices.Contains(zeroMeansZero, name) {
			t.Errorf("%s is %d by default", name, f.Int())
		}
	}
}

// TestOptionsCopied: what the application changes after NewServer has no effect.
func TestOptionsCopied(t *testing.T) {
	t.Parallel()
	given := Options{Transports: []string{Polling}, Cookie: new(http.Cookie), CORS: CORS{
		Origins: []string{"https://a.example"}, AllowedHeaders: []string{"A"}, ExposedHeaders: []string{"B"},
	}}
	var compare func(path string, a, b reflect.Value)
	compare = func(path string, a, b reflect.Value) {
		for i := range a.NumField() {
			name := path + a.Type().Field(i).Name
			switch f := a.Field(i); f.Kind() {
			case reflect.Struct:
				compare(name+".", f, b.Field(i))
			case reflect.Slice:
				if f.Len() == 0 || f.UnsafePointer() == b.Field(i).UnsafePointer() {
					t.Errorf("%s: not tried, or not copied", name)
				}
			case reflect.Pointer:
				if name != "Logger" && name != "PerMessageDeflate" && // the latter: see newDeflater
					(f.IsNil() || f.UnsafePointer() == b.Field(i).UnsafePointer()) {
					t.Errorf("%s: not tried, or not copied", name)
				}
			}
		}
	}
	compare("", reflect.ValueOf(given), reflect.ValueOf(given.withDefaults()))
}
