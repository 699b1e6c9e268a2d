package socketio

import (
	"reflect"
	"testing"
)

// fill sets every field of a struct to something else than zero, and numbers to
// something of their own.
func fill(v reflect.Value, n *int64) {
	for i := range v.NumField() {
		f := v.Field(i)
		*n++
		switch f.Kind() {
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Int, reflect.Int64:
			f.SetInt(*n)
		case reflect.Func:
			f.Set(reflect.MakeFunc(f.Type(), func([]reflect.Value) []reflect.Value { panic("not to be called") }))
		case reflect.Pointer:
			f.Set(reflect.New(f.Type().Elem()))
		case reflect.Slice:
			f.Set(reflect.MakeSlice(f.Type(), 1, 1))
		case reflect.Struct:
			fill(f, n)
		}
	}
}

// TestEngineOptions: what the engine has an option for comes from the option or
// limit of the same name here. A field that is forgotten in the one or the other
// would have no effect.
func TestEngineOptions(t *testing.T) {
	t.Parallel()
	var o Options
	var n int64
	fill(reflect.ValueOf(&o).Elem(), &n)
	got := reflect.ValueOf(*o.engine())
	names := map[string]string{
		"MaxHandshake": "Handshake", "MaxFragments": "Fragments", "MaxSessions": "Connections", "MemoryLimit": "Memory",
	}
	for i := range got.NumField() {
		name := got.Type().Field(i).Name
		if name == "Observer" { // NewServer sets one of its own
			continue
		}
		ours := name
		if other, ok := names[name]; ok {
			ours = other
		}
		want := reflect.ValueOf(o.Limits).FieldByName(ours)
		if !want.IsValid() {
			want = reflect.ValueOf(o).FieldByName(ours)
		}
		f := got.Field(i)
		switch {
		case !want.IsValid():
			t.Errorf("engine.Options.%s: neither Options nor Limits has a field %s", name, ours)
		case f.IsZero():
			t.Errorf("engine.Options.%s is not set", name)
		case f.Kind() == reflect.Func && f.Pointer() != want.Pointer(),
			f.Kind() != reflect.Func && !reflect.DeepEqual(f.Interface(), want.Interface()):
			t.Errorf("engine.Options.%s is not %s", name, ours)
		}
	}
}
