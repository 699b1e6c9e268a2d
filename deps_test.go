// Package gosio_test guards the shape of the module: which package may import
// which, and a few rules about files that no linter knows.
package gosio_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/gosio/gosio"

// Third parties, by what they are to us.
const (
	webSocketLibrary = "github.com/coder/websocket"
	jwtLibrary       = "github.com/golang-jwt/jwt/v5"
	redisLibrary     = "github.com/redis/go-redis/v9"
	rueidisLibrary   = "github.com/redis/rueidis"
	openTelemetry    = "go.opentelemetry.io/otel"
	prometheusClient = "github.com/prometheus/client_golang/prometheus/..."
	msgpackLibrary   = "github.com/tinylib/msgp/msgp"
)

type row struct {
	pkg     string
	imports []string
}

// allowed is the table of imports: what a package may import besides the
// standard library, in code that is not a test. "x/..." is x and all below it.
// A package that no row names is a failure: decide where it belongs first.
var allowed = []row{
	// The codecs are pure: bytes in, values out.
	{"core/parser", nil},
	{"core/engine/parser", nil},
	{"core/engine/internal/clock", nil},
	{"core/engine/internal/compress", []string{"core/engine/internal/frame", "core/engine/internal/header", "core/engine/internal/outbox"}},
	{"core/engine/internal/cors", []string{"core/engine/internal/header"}},
	{"core/engine/internal/header", nil},
	{"core/engine/internal/hijack", []string{"internal/loglimit"}},
	{"core/engine/internal/link", nil},
	{"core/engine/internal/outbox", []string{"core/engine/internal/frame", "core/engine/parser"}},
	{"core/engine/internal/pressure", nil},
	{"core/engine/internal/query", nil},
	{"core/engine/internal/turns", nil},
	{"core/engine/internal/frame/...", nil},
	{"core/engine/internal/frame/autobahn", nil},
	{"core/internal/browser", nil},
	{"core/internal/apperror", []string{"internal/loglimit"}},
	{"core/internal/argument", []string{"core/internal/apperror"}},
	{"core/internal/backlog", nil},
	{"core/internal/crowd", nil},
	{"core/internal/eio3", []string{"core/engine"}},
	{"core/internal/history", nil},
	{"core/internal/inbox", []string{"core/parser"}},
	{"core/internal/listeners", nil},
	{"core/internal/model", nil}, // tests alone
	{"core/internal/past", nil},
	{"core/internal/pending", nil},
	{"core/internal/signature", nil},
	{"core/internal/strangers", nil},
	{"core/internal/roster", nil},
	{"core/internal/subscription", []string{"core/adapter", "core/internal/tasks"}},
	{"core/internal/tasks", nil},
	{"core/internal/wire", []string{"core/engine", "core/parser"}},
	{"core/internal/workers", nil},
	{"internal/loglimit", nil},
	{"core/adapter", nil}, // the contract: an adapter needs nothing of the core

	// The layers, bottom-up. The engine knows nothing of Socket.IO, and the
	// core nothing of frameworks, authentication or sessions.
	{"core/engine", []string{"core/engine/parser", "core/engine/internal/...", "core/internal/apperror", "internal/loglimit", webSocketLibrary}},
	{"core", []string{"core/adapter", "core/parser", "core/engine", "core/internal/...", "internal/loglimit", "internal/subnet", "internal/upstream"}},

	// Kits for the tests of users and of authors of adapters and mounts.
	// The client's side of WebSocket is the library's: a second implementation
	// finds the mistakes that one and the same would make on both ends.
	{"core/siotest", []string{"core", "core/parser", "internal/pipe", webSocketLibrary}},
	{"core/adapter/adaptertest", []string{"core", "core/adapter", "core/siotest"}},
	{"integrations/mounttest", []string{"core", "internal/assert", "internal/pipe", webSocketLibrary, "github.com/alexedwards/scs/v2/..."}},

	// Other forms of packets: none of them is in a build that does not ask for it.
	{"parsers/msgpack", []string{"core", "core/parser", "internal/msgjson", msgpackLibrary}},
	{"internal/clusterwire", []string{"core/parser", "internal/msgjson"}}, // of adapters and emitters
	{"internal/msgjson", []string{"core/parser", msgpackLibrary}},

	// Emitters are no servers: not even typed events need core in their process.
	{"emitter", []string{"core/parser", "internal/clusterwire"}},
	{"emitter/goredis", []string{"emitter", redisLibrary}},

	// Engines: adapters on what joins servers to a cluster.
	{"adapters/redis", []string{"core/adapter", "internal/clusterwire", rueidisLibrary}},

	// Around the core. auth and session do not know each other.
	{"internal/breaker", []string{"internal/loglimit"}},
	{"internal/lease", nil},
	{"internal/passwords", []string{"golang.org/x/crypto/bcrypt"}},
	{"internal/redact", []string{"core/adapter"}},
	{"internal/pace", nil},
	{"internal/subnet", nil},
	{"internal/failures", []string{"internal/subnet"}},
	{"internal/upstream", nil},
	{"idempotency", []string{"core", "internal/breaker", "internal/loglimit", "internal/subnet"}},
	{"idempotency/idempotencytest", []string{"idempotency"}},
	{"idempotency/redis", []string{"idempotency", redisLibrary}},
	{"ratelimit", []string{"core", "internal/breaker", "internal/loglimit", "internal/subnet"}},
	{"ratelimit/ratelimittest", []string{"ratelimit"}},
	{"ratelimit/redis", []string{"ratelimit", redisLibrary}},
	{"auth", []string{"core", "core/adapter", "core/parser", "internal/failures", "internal/lease", "internal/loglimit", jwtLibrary}},
	{"auth/redis", []string{"auth", "internal/loglimit", redisLibrary}},
	{"session", []string{"core", "core/adapter", "core/parser", "internal/lease", "internal/loglimit"}},
	{"session/sessiontest", []string{"session", "core", "core/siotest"}},
	{"session/scs", []string{"session", "github.com/alexedwards/scs/v2"}},
	{"session/gorilla", []string{"session", "github.com/gorilla/sessions", "github.com/gorilla/securecookie"}},
	{"session/fiber", []string{"session"}}, // the format, not the framework
	{"session/express", []string{"session"}},
	{"session/redis", []string{"session", "session/express", "internal/loglimit", redisLibrary}},
	{"integrations/gin", []string{"core", "integrations/mount", "github.com/gin-gonic/gin/..."}},
	{"integrations/echo", []string{"core", "integrations/mount", "github.com/labstack/echo/v4/..."}},
	{"integrations/echov5", []string{"core", "integrations/mount", "github.com/labstack/echo/v5/..."}},
	{"integrations/fiber", []string{"core", "integrations/internal/fasthttpbridge", "integrations/mount", "github.com/gofiber/fiber/v2/..."}},
	{"integrations/chi", []string{"core", "integrations/mount", "github.com/go-chi/chi/v5/..."}},
	{"integrations/mount", []string{"core", "core/engine", "internal/upstream"}},                                                         // for authors of mounts, ours and others
	{"integrations/internal/fasthttpbridge", []string{"core", "integrations/mount", "internal/pace", "github.com/valyala/fasthttp/..."}}, // of all versions of Fiber
	{"admin", []string{"core", "internal/failures", "internal/loglimit", "internal/passwords", "internal/redact"}},
	{"admin/redis", []string{"admin", redisLibrary}},
	{"inspector", []string{"core", "internal/failures", "internal/loglimit", "internal/passwords", "internal/redact"}},
	{"graceful", []string{"core", "internal/loglimit", "internal/pace"}},

	// Observers. Nothing else knows them, so that only who wants one builds it.
	{"observe/prometheus", []string{"core", "core/adapter", "core/engine", prometheusClient}},
	{"observe/otel", []string{"core", "core/adapter", openTelemetry, openTelemetry + "/attribute", openTelemetry + "/codes",
		openTelemetry + "/metric", openTelemetry + "/propagation", openTelemetry + "/trace"}}, // the API, not the SDK

	// The tests of this module.
	{"internal/assert", nil},
	{"internal/leak", nil},
	{"internal/pipe", nil},
	{"internal/redistest", nil},

	// Programs.
	{"examples/...", []string{"..."}},
	{"conformance/...", []string{"..."}},
	{"ci/mutants", []string{"ci/mutants/slice"}},
	{"ci/...", nil},
}

// A source is one Go file of the module, as far as this test looks.
type source struct {
	path    string // slash-separated, from the root of the module
	pkg     string // its folder; "." is the root
	name    string // of the package clause
	test    bool
	imports []string
	lines   int
}

func TestImports(t *testing.T) {
	t.Parallel()
	for _, src := range sources(t) {
		if src.test || src.pkg == "." {
			continue // tests may build on anything in the module
		}
		row := slices.IndexFunc(allowed, func(r row) bool { return matches(r.pkg, src.pkg) })
		if row < 0 {
			t.Errorf("%s: package %s is in no row of the table", src.path, src.pkg)
			continue
		}
		for _, imp := range src.imports {
			if !standard(imp) && !slices.ContainsFunc(allowed[row].imports, func(pattern string) bool {
				return matches(pattern, imp) || matches(module+"/"+pattern, imp)
			}) {
				t.Errorf("%s: %s may not import %s", src.path, src.pkg, imp)
			}
		}
	}
}

// TestDefaultBuild: what few want is in nobody else's program, whatever go.mod
// lists. It asks the go command, which needs no network for what it has built.
func TestDefaultBuild(t *testing.T) {
	t.Parallel()
	list := func(pkg string) string {
		out, err := exec.Command("go", "list", "-deps", pkg).Output()
		if err != nil {
			t.Fatalf("go list -deps %s: %v", pkg, err)
		}
		return string(out)
	}
	optional := []string{"prometheus", "opentelemetry", "msgpack", "quic-go", "go-redis", "rueidis", "gosio/emitter"}
	for _, pkg := range []string{"./core", "./examples/nethttp"} {
		for _, word := range optional {
			if deps := list(pkg); strings.Contains(deps, word) {
				t.Errorf("%s builds %s", pkg, word)
			}
		}
	}
	gin := list("./examples/gin") // which brings QUIC along
	for _, word := range []string{"prometheus", "opentelemetry", "msgpack", "go-redis", "rueidis", module + "/observe"} {
		if strings.Contains(gin, word) {
			t.Errorf("./examples/gin builds %s", word)
		}
	}
	if !strings.Contains(list("./observe/prometheus"), "prometheus/client_golang") {
		t.Error("the go command lists no dependencies: this test sees nothing")
	}
}

// TestTableIsWhole fails for a row that matches nothing: a table that names
// packages which are gone would silently stop guarding their successors.
func TestTableIsWhole(t *testing.T) {
	t.Parallel()
	all := sources(t)
	exists := func(pattern string) bool {
		return slices.ContainsFunc(all, func(s source) bool { return matches(pattern, s.pkg) })
	}
	for _, row := range allowed {
		if !exists(row.pkg) {
			t.Errorf("the table has a row for %s, which does not exist", row.pkg)
		}
	}
}

// TestLayersDoNotLeak: the one reader of Socket.IO packets and the one reader
// of Engine.IO packets are different layers, and the WebSocket library stays
// behind its seam.
func TestLayersDoNotLeak(t *testing.T) {
	t.Parallel()
	var seam []string
	for _, src := range sources(t) {
		if slices.Contains(src.imports, module+"/core/parser") && slices.Contains(src.imports, module+"/core/engine/parser") {
			t.Errorf("%s imports both parsers", src.path)
		}
		if !src.test && src.pkg == "core/engine" && slices.Contains(src.imports, webSocketLibrary) {
			seam = append(seam, src.path)
		}
	}
	if len(seam) > 1 {
		t.Errorf("more than one file of core/engine imports %s: %q", webSocketLibrary, seam)
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	meaningless := []string{"utils", "util", "common", "helpers", "helper", "types", "manager", "misc", "base", "shared"}
	for _, src := range sources(t) {
		if src.lines > 500 {
			t.Errorf("%s has %d lines: 500 is the most; is there a seam to cut at?", src.path, src.lines)
		}
		if name := strings.TrimSuffix(src.name, "_test"); slices.Contains(meaningless, name) {
			t.Errorf("%s: package %s says nothing about what is in it", src.path, name)
		}
	}
}

// scattered are the types that have methods in more than five files still. Numbers
// only fall here.
var scattered = map[string]int{"core.recovery": 7, "adapters/redis.node": 6}

// TestTypesAreTogether fails for a type whose methods are in more than five files:
// whoever reads one of them has to know the others.
func TestTypesAreTogether(t *testing.T) {
	t.Parallel()
	places := map[string]map[string]bool{} // of the methods of a type, by package and name
	for _, src := range sources(t) {
		if src.test {
			continue
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), src.path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range syntax.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv != nil {
				name := src.pkg + "." + receiver(f.Recv.List[0].Type)
				if places[name] == nil {
					places[name] = map[string]bool{}
				}
				places[name][src.path] = true
			}
		}
	}
	for name, files := range places {
		if most := max(5, scattered[name]); len(files) > most {
			t.Errorf("%s has methods in %d files, %d is the most: %q", name, len(files), most, slices.Sorted(maps.Keys(files)))
		}
	}
}

// receiver is the name of a method's type.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return "?"
}

// sources returns every Go file of this module, nested modules left out.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if file != "." && foreign(file, d.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(file) == ".go" {
			all = append(all, read(t, file))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("no Go files found: is this the root of the module?")
	}
	return all
}

// foreign reports whether the go command, too, leaves a folder out of ./... .
func foreign(folder, name string) bool {
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "node_modules" {
		return true
	}
	_, err := os.Stat(filepath.Join(folder, "go.mod"))
	return err == nil
}

func read(t *testing.T, file string) source {
	t.Helper()
	fset := token.NewFileSet()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	syntax, err := parser.ParseFile(fset, file, content, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	slash := filepath.ToSlash(file)
	src := source{
		path:  slash,
		pkg:   path.Dir(slash),
		name:  syntax.Name.Name,
		test:  strings.HasSuffix(slash, "_test.go"),
		lines: strings.Count(string(content), "\n"),
	}
	for _, spec := range syntax.Imports {
		src.imports = append(src.imports, strings.Trim(spec.Path.Value, `"`))
	}
	return src
}

// matches reports whether a package's path is what pattern names.
func matches(pattern, pkg string) bool {
	root, tree := strings.CutSuffix(pattern, "...")
	root = strings.TrimSuffix(root, "/")
	return pkg == root || tree && (root == "" || strings.HasPrefix(pkg, root+"/"))
}

// standard reports whether a path is in the standard library: those alone have
// no dot in their first element.
func standard(imp string) bool {
	first, _, _ := strings.Cut(imp, "/")
	return !strings.Contains(first, ".")
}
