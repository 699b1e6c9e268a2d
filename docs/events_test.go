package docs_test

import (
	"go/constant"
	"go/types"
	"regexp"
	"slices"
	"strings"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/parser"
	"github.com/gosio/gosio/internal/assert"
)

// TestHooks: the page has each function that registers something, and no other.
func TestHooks(t *testing.T) {
	t.Parallel()
	pkg := declarations(t, "../core")
	register := regexp.MustCompile(`^(On[A-Z]?|Once$|Use)`)
	var want []string
	for _, name := range []string{"Namespace", "Server"} {
		typ := pkg.Scope().Lookup(name).Type().(*types.Named)
		for m := range typ.Methods() {
			if m.Exported() && register.MatchString(m.Name()) {
				want = append(want, name+"."+m.Name())
			}
		}
	}
	var got []string
	for _, row := range section(t, "events.md", "On the server: hooks") {
		got = append(got, strings.Trim(row[0], "`"))
	}
	slices.Sort(want)
	slices.Sort(got)
	assert.Equal(t, "hooks", strings.Join(got, " "), strings.Join(want, " "))
}

// TestReservedNames: each name of the page is refused, and no other that looks like one.
func TestReservedNames(t *testing.T) {
	t.Parallel()
	srv := start(t, nil)
	var names []string
	for _, row := range section(t, "events.md", "Reserved names") {
		name := strings.Trim(row[0], "`")
		names = append(names, name)
		if err := srv.Emit(name); err == nil || !parser.IsReserved(name) {
			t.Errorf("%s is not reserved", name)
		}
	}
	for _, name := range []string{"connect", "connect_error", "connection", "disconnect", "disconnecting", "error", "newListener",
		"removeListener", "reconnect", "reconnect_attempt", "reconnect_error", "reconnect_failed", "ping", "pong", "message", "open", "close"} {
		assert.Equal(t, name, parser.IsReserved(name), slices.Contains(names, name))
	}
	defer func() {
		if recover() == nil {
			t.Error("On takes connection")
		}
	}()
	srv.On("connection", func(*socketio.Socket) {})
}

// TestReasons: the table has each reason, with its text.
func TestReasons(t *testing.T) {
	t.Parallel()
	want := constants(t, "../core", "Reason")
	got := make(map[string]string)
	for _, row := range section(t, "disconnection.md", "Reasons") {
		got[strings.Trim(row[0], "`")] = strings.Trim(row[1], "`")
	}
	for name, text := range want {
		if text == "" { // that of the engine, by the same name
			text = constants(t, "../core/engine", "Reason")[name]
		}
		assert.Equal(t, name, got[name], text)
	}
	assert.Equal(t, "reasons", len(got), len(want))
}

// constants returns the constants of a string type, and their texts; a text that another
// package defines is empty.
func constants(t *testing.T, folder, typ string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	scope := declarations(t, folder).Scope()
	for _, name := range scope.Names() {
		c, ok := scope.Lookup(name).(*types.Const)
		if !ok || !strings.HasPrefix(name, typ) || !c.Exported() {
			continue
		}
		if named, ok := c.Type().(*types.Named); !ok || named.Obj().Name() != typ {
			continue
		}
		all[name] = ""
		if c.Val().Kind() == constant.String {
			all[name] = constant.StringVal(c.Val())
		}
	}
	if len(all) == 0 {
		t.Fatalf("%s has no constant of type %s", folder, typ)
	}
	return all
}

// section returns the rows of the first table below a heading.
func section(t *testing.T, page, heading string) (rows [][]string) {
	t.Helper()
	_, text, ok := strings.Cut(read(t, page), "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("%s has no heading %q", page, heading)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	return tableOf(text)
}
