# `make` is what to run before a commit; CI runs the same targets.
# Needs Go and a POSIX shell; `make e2e` and `make suites` need Node 20, too.

# Tools are pinned here and built by the go command: nothing to install.
GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.5.0

# The race detector needs cgo and a C compiler. Where both are there it is on.
CC_PATH := $(shell test "$$(go env CGO_ENABLED)" = 1 && command -v "$$(go env CC | cut -d' ' -f1)")
RACE    := $(if $(CC_PATH),-race)

.PHONY: all fmt lint test stress fuzz hostile hostile-redis proof-cluster e2e clients suites autobahn site bench bench-cluster storm slow model soak proof cover mutants help

all: fmt lint test ## format, lint and test (the default)

fmt: ## format every Go file
	gofmt -w $$(git ls-files --cached --others --exclude-standard '*.go')

lint: ## go vet and golangci-lint, as .golangci.yml argues
	go vet ./...
	go run $(GOLANGCI_LINT) run ./...

test: ## every test that needs Go alone, with -race where a C compiler exists
	@echo "go test: $(if $(RACE),race detector on ($(CC_PATH)),race detector off: no cgo or no C compiler)"
	go test $(RACE) -timeout 10m ./...

stress: ## tests, many times, paused and beside busy loops: takes hours (PACKAGES=./core/engine; ci/stress tells the rest)
	BUSY=$${BUSY:-2} TIMES=$${TIMES:-30} ci/stress $(or $(PACKAGES),./...)

fuzz: ## every fuzz target for FUZZTIME (default 10s) each
	ci/fuzz

hostile: ## attacks on whole servers: all of them, and a million generated inputs (HOSTILE_INPUTS, HOSTILE_TIME for each framework, HOSTILE_SEED); takes long
	conformance/hostile/run

hostile-redis: ## a million mutated messages of Node and Go to servers on Redis, in each mode (MESSAGES=…)
	ci/packages redis-server
	MESSAGES=$${MESSAGES:-1000000} go test -tags e2e -count=1 -timeout 60m -run '^TestMutated$$' ./adapters/redis

proof-cluster: ## servers in one cluster with Node's: 1,000 random operations in each mode, and servers that are stopped for 30 s (OPERATIONS, STOP, SEED); CI runs 400 and 12 s
	ci/packages redis-server
	OPERATIONS=$${OPERATIONS:-1000} STOP=$${STOP:-30} conformance/redis/run

model: ## random operations of clients and servers against what the docs guarantee (SEEDS=20000, FIRST=0)
	go test $(RACE) -timeout 0 -run '^TestModel' ./core/internal/model -seeds $(or $(SEEDS),20000) -first $(or $(FIRST),0)

soak: ## servers that are killed and stopped each minute, under clients that come and go, for DURATION (1h); REDIS=1: two of them on Redis, which is killed, too; figures in bench/soak.csv
	[ -d conformance/client/node_modules ] || npm ci --prefix conformance/client --no-audit --no-fund
	$(if $(REDIS),ci/packages redis-server)
	cd bench && go run ./soak -duration $(or $(DURATION),1h) -clients $(or $(CLIENTS),300) -official $(or $(OFFICIAL),30) -every $(or $(EVERY),1m) $(if $(REDIS),-redis)

proof: ## the figures of docs/reliability.md that take long: memory, ends, cuts, storms; an hour
	go test -tags e2e -count=1 -timeout 60m -v -run '^(TestMemoryFlood|TestEnds)$$' ./conformance/hostile
	for folder in conformance conformance/client; do [ -d $$folder/node_modules ] || npm ci --prefix $$folder --no-audit --no-fund || exit; done
	CUTS=10000 conformance/recovery/run
	bench/storm
	bench/storm -polling -clients 9000 # two connections each: more would need more than 20,000 file descriptors
	bench/storm -recovery
	bench/storm -fiber
	bench/storm -deploy -clients 5000

e2e: ## real clients: Node, browser, the protocol suites (installs what they need)
	ci/e2e

clients: ## clients of other languages, which ci/clients lists (installs what they need)
	ci/packages python3-venv default-jdk-headless maven libssl-dev pkg-config
	ci/clients

suites: ## the official suites, protocols' and clients', unpacked in DIR=…, against our servers
	conformance/suites/originals "$(DIR)"

autobahn: ## the Autobahn suite against our WebSockets: AUTOBAHN=… is its command, wstest (SHORT=1: no compressed messages over 8 KB); half an hour
	AUTOBAHN="$(AUTOBAHN)" AUTOBAHN_SHORT="$(SHORT)" go test -tags autobahn -count=1 -timeout 4h -v -run '^TestSuite$$' ./core/engine

site: ## docs/ as a site in site/dist, its links checked (SITE_BASE=/folder/ of the host); needs Node 20
	@[ site/node_modules/.package-lock.json -nt site/package-lock.json ] || npm ci --prefix site --no-audit --no-fund
	npm run build --prefix site

bench: ## side-by-side benchmarks; BENCH_QUICK=1 for a short run
	bench/run

bench-cluster: ## servers on Redis beside Node's and the client library alone (ONLY=latency for a part, SHORT=1)
	bench/cluster/run $(if $(ONLY),-only $(ONLY)) $(if $(SHORT),-short)

storm: ## what those who are connected notice while 10,000 clients come back at once
	bench/storm

slow: ## what those who read notice of 200 in their room who do not (MOST=1.2: fails over that)
	cd bench && go run ./slow -most $(or $(MOST),0)

cover: ## coverage of core by its own tests, without -race; fails under 90%
	ci/cover

mutants: ## break the code in every way ci/mutants/mutants.txt lists; a test must notice (MUTANTS="-share 4": a quarter)
	go run ./ci/mutants $(MUTANTS) ci/mutants/mutants.txt

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
