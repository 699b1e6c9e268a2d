package gosio_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestReadmeBuilds builds the program of the README as a user would: in a module of its
// own that requires this one; and with each other framework, as docs/frameworks.md has
// it. conformance/browser runs them, and the one for Fiber v3, which is a module of its own.
func TestReadmeBuilds(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	frameworks, err := os.ReadFile("docs/frameworks.md")
	if err != nil {
		t.Fatal(err)
	}
	files := make(listing)
	for _, m := range wholeFile.FindAllStringSubmatch(string(page), -1) {
		files[m[1]] = m[3]
	}
	others := make(map[string]listing)
	for _, m := range wholeFile.FindAllStringSubmatch(string(frameworks), -1) {
		others[m[2]] = maps.Clone(files)
		others[m[2]]["main.go"] = m[3]
	}
	if len(files) != 3 || len(others) != 6 {
		t.Fatalf("the README has the files %q, and docs/frameworks.md main.go for %q", slices.Sorted(maps.Keys(files)), slices.Sorted(maps.Keys(others)))
	}
	dir := scratchModule(t)
	files.write(t, filepath.Join(dir, "gin"))
	others["gin"] = files
	for name, with := range map[string]func(*testing.T, listing) listing{"cluster": onRedis, "logout": withLogout} {
		for framework, files := range others {
			if framework != "fiberv3" {
				with(t, files).write(t, filepath.Join(dir, name+"-"+framework))
			}
		}
	}
	asNode(t, others["gin"]).write(t, filepath.Join(dir, "node-gin"))
	for name, files := range others {
		if name != "fiberv3" {
			files.write(t, filepath.Join(dir, name))
		}
	}
	vetScratch(t, dir)
}

// onRedis is the program with the changes of docs/cluster.md, "Two servers on your machine".
func onRedis(t *testing.T, files listing) listing {
	t.Helper()
	files = maps.Clone(files)
	page, err := os.ReadFile("docs/cluster.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile("(?s)<!-- code: local -->\n```go\n(.*?)```").FindSubmatch(page)
	if lines == nil {
		t.Fatal("docs/cluster.md does not say how to run two servers")
	}
	account, main := files["account.go"], files["main.go"]
	account = replaced(t, account, "\tsrv := socketio.NewServer(nil)\n", string(lines[1]))
	files["account.go"] = replaced(t, account, "import (\n", "import (\n\tsioredis \"github.com/gosio/gosio/adapters/redis\"\n")
	main = replaced(t, main, "import (\n", "import (\n\t\"os\"\n")
	files["main.go"] = replaced(t, main, `":3000"`, `":"+os.Getenv("PORT")`)
	return files
}

// withLogout is the program with the changes of docs/securing.md for frameworks but Gin.
func withLogout(t *testing.T, files listing) listing {
	t.Helper()
	files = maps.Clone(files)
	page, err := os.ReadFile("docs/securing.md")
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile("(?s)```go\n(var \\(\n\trevocations .*?)```").FindSubmatch(page)
	if code == nil {
		t.Fatal("docs/securing.md has no logout")
	}
	account := regexp.MustCompile(`(?s)account\.Use\(auth\.JWT\(.*?\n\t\}\)\)`).ReplaceAllLiteralString(files["account.go"], "account.Use(guard)")
	account = replaced(t, account, "import (\n", "import (\n\t\"strings\"\n")
	account = replaced(t, account, "jwt.RegisteredClaims{\n\t\tSubject:", "jwt.RegisteredClaims{\n\t\tID: rand.Text(),\n\t\tSubject:")
	files["account.go"] = account + "\n" + string(code[1])
	line := regexp.MustCompile(`(?m)^.*login.*$`).FindString(files["main.go"])
	added := strings.ReplaceAll(line, "login", "logout")
	if !strings.Contains(string(page), strings.TrimSpace(added)) && !strings.Contains(line, "gin.WrapF") {
		t.Errorf("docs/securing.md does not have the line %s", added)
	}
	files["main.go"] = replaced(t, files["main.go"], line, line+"\n"+added)
	return files
}

// asNode is the program with the changes of docs/cluster.md, "Readiness, gaps and metrics".
func asNode(t *testing.T, files listing) listing {
	t.Helper()
	files = onRedis(t, files)
	page, err := os.ReadFile("docs/cluster.md")
	if err != nil {
		t.Fatal(err)
	}
	block := func(pattern string) string {
		m := regexp.MustCompile("(?s)<!-- " + pattern + " -->\n```go\n(.*?)```").FindSubmatch(page)
		if m == nil {
			t.Fatalf("docs/cluster.md has no block %s", pattern)
		}
		return string(m[1])
	}
	account := replaced(t, files["account.go"], block("code: local"), block("code: nodeServer"))
	account = replaced(t, account, "import (\n", "import (\n\t\"github.com/gosio/gosio/core/adapter\"\n\tsioprometheus \"github.com/gosio/gosio/observe/prometheus\"\n")
	account = replaced(t, account, "// newServer makes", block("code: node")+"\n// newServer makes")
	files["account.go"] = replaced(t, account, "\taccount := srv.Of(\"/account\")\n", "\taccount := srv.Of(\"/account\")\n\taccount.OnGap(reload)\n")
	files["main.go"] = block("file: main.go of a node")
	return files
}

func replaced(t *testing.T, text, from, to string) string {
	t.Helper()
	if strings.Count(text, from) != 1 {
		t.Fatalf("%q is there %d times, not once", from, strings.Count(text, from))
	}
	return strings.Replace(text, from, to, 1)
}

// TestReadmeMounts: the table of the README has, for each framework, the import and the line
// of the program that is built.
func TestReadmeMounts(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	frameworks, err := os.ReadFile("docs/frameworks.md")
	if err != nil {
		t.Fatal(err)
	}
	programs := wholeFile.FindAllStringSubmatch(string(page)+string(frameworks), -1)
	rows := regexp.MustCompile("(?m)^\\| ([\\w/ ]+) \\| (?:`(.*?)`|none)(?:, [^|]*)? \\| `(.*)` \\|$").FindAllStringSubmatch(string(page), -1)
	if len(rows) != 7 {
		t.Fatalf("the table has %d rows", len(rows))
	}
	for _, row := range rows {
		line := "\t" + strings.TrimSuffix(row[3], "srv)") + "newServer())"
		if !slices.ContainsFunc(programs, func(m []string) bool { return strings.Contains(m[3], row[2]) && strings.Contains(m[3], line) }) {
			t.Errorf("%s: no program has the import %s and the line %s", row[1], row[2], line)
		}
	}
}

// vetScratch compiles a scratch module, as a user has it, whatever workspace this is in.
func vetScratch(t *testing.T, dir string) {
	t.Helper()
	cmd := exec.Command("go", "vet", "-mod=mod", "./...")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("go vet: %v\n%s", err, out)
	}
}

// scratchModule is a module of somebody who uses this one. It requires what
// this one does, so that nothing has to be looked up.
func scratchModule(t *testing.T) string {
	t.Helper()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	sum, err := os.ReadFile("go.sum")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(mod), "module github.com/gosio/gosio", "module example.com/app", 1)
	text += "\nrequire github.com/gosio/gosio v0.0.0\n\nreplace github.com/gosio/gosio => " + root + "\n"
	dir := t.TempDir()
	for name, content := range map[string]string{"go.mod": text, "go.sum": string(sum)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
