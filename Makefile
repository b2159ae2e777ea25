# tilegate. `make demo` shows the main job, `make test` proves it; both install
# what they need on a Debian machine that has Go and gcc. `make help` lists all.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

VERSION ?= $(shell sed -n 's/^## \([0-9][^ ]*\).*/\1/p' CHANGELOG.md 2>/dev/null | head -n1)
BUILD   := build

# The SQLite that is built is part of the product: a test asserts these.
export CGO_ENABLED := 1
export CGO_CFLAGS  := -O2 -g -DSQLITE_DQS=0 -DSQLITE_DEFAULT_FOREIGN_KEYS=1 -DSQLITE_TRUSTED_SCHEMA=0 -DSQLITE_DEFAULT_MEMSTATUS=0 -DSQLITE_OMIT_SHARED_CACHE -DHAVE_FDATASYNC=1
TAGS    := sqlite_omit_load_extension netgo osusergo
GOFLAGS_ALL := -trimpath -tags '$(TAGS)'
# The daemon's clock is never before it was made.
LDFLAGS  = -s -w -X main.version=$(VERSION) -X main.buildTime=$(shell date -u -d @$(EPOCH) +%Y-%m-%dT%H:%M:%SZ)

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

.PHONY: build
build: ## build the three programs into build/
	go build $(GOFLAGS_ALL) -ldflags '$(LDFLAGS)' -o $(BUILD)/ ./cmd/...

.PHONY: setup
setup: ## check for Go and gcc, and fetch the modules
	@command -v go >/dev/null || { echo "Go 1.26 or newer is needed: https://go.dev/dl"; exit 1; }
	@command -v gcc >/dev/null || { echo "a C compiler is needed: apt-get install gcc libc6-dev"; exit 1; }
	@go mod download

# ---- the main job -----------------------------------------------------------

.PHONY: demo
demo: setup build ## a morning in a building with four doors; SERVE=1 leaves it up to play with
	$(BUILD)/tilesim demo $(if $(SERVE),--serve)

# ---- proof ------------------------------------------------------------------

TEST := go test $(GOFLAGS_ALL)

.PHONY: check
check: setup ## the inner loop: vet and quick tests, without the race detector
	go vet -tags '$(TAGS)' ./...
	$(TEST) -short -parallel 8 ./...

.PHONY: test
test: setup build ## everything that a clean machine can run, with the race detector
	go vet -tags '$(TAGS)' ./...
	@# Results appear as they come; the whole output is kept for what failed.
	@{ go test -race -v -parallel 8 -tags '$(TAGS)' -timeout 15m ./... && $(EXHAUSTIVE); } 2>&1 | tee $(BUILD)/test.log \
		| grep --line-buffered -E '^(ok|FAIL|panic|without the race detector)|^ *--- FAIL' \
		|| { grep -E -A25 '^ *--- FAIL|^panic|DATA RACE' $(BUILD)/test.log | tail -n 150; exit 1; }
	@.ci/skips $(BUILD)/test.log

# What tries every bit is a pass of its own, since it would take hours under the
# race detector: the tests of all files that are built only without it.
EXHAUSTIVE = for file in $$(grep -rl '^//go:build !race' --include='*_test.go' .); do \
	tests=$$(sed -n 's/^func \(Test[A-Za-z0-9_]*\)(.*/\1/p' $$file | paste -sd '|'); \
	[ -n "$$tests" ] || continue; \
	echo "without the race detector: $$file"; \
	go test -v -tags '$(TAGS)' -timeout 15m -run "^($$tests)$$" $$(dirname $$file) || exit 1; \
	done

TOOLS := -modfile=packaging/tools/go.mod

.PHONY: lint
lint: setup ## the linters
	go build $(TOOLS) -o $(BUILD)/tools/golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	$(BUILD)/tools/golangci-lint run ./...

.PHONY: test-long
test-long: setup ## the big numbers: random sites, instants and crashes, far more of them
	@# Each check of the first is six sites with a hundred taps: 1,200,000 decisions.
	$(TEST) -v -timeout 60m -run 'TestDecideAgreesWithBruteForce' ./daemon/access -rapid.checks=2000
	$(TEST) -timeout 60m -run 'BruteForce' -skip 'TestDecideAgreesWithBruteForce' ./daemon/access -rapid.checks=50000
	$(TEST) -timeout 60m -run 'Guard|Fault|Empt' ./cloud -rapid.checks=20000
	$(MAKE) fuzz FUZZTIME=2m

FUZZTIME ?= 20s

.PHONY: fuzz
fuzz: setup ## run every fuzz target for FUZZTIME
	@# The compiled tests say themselves which targets they have.
	@targets=$$(go test -tags '$(TAGS)' -list '^Fuzz' ./... \
		| awk '/^Fuzz/ { found[++n] = $$1 } $$1 == "ok" { while (n > 0) print $$2, found[n--] }'); \
	[ -n "$$targets" ] || { echo "there is no fuzz target"; exit 1; }; \
	while read -r pkg target; do \
		echo "$$pkg $$target"; go test -tags '$(TAGS)' -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) "$$pkg" </dev/null; \
	done <<<"$$targets"

# The medians of five for what is quick, one whole run of what is a site.
BENCHQUICK := -run '^$$' -benchtime 200ms -count 5

.PHONY: bench
bench: ## the figures, one line each: name value unit; progress goes to standard error
	@$(MAKE) --no-print-directory setup build >&2
	@go test -c $(GOFLAGS_ALL) -o $(BUILD)/tilesim.test ./cmd/tilesim >&2
	@{ $(TEST) $(BENCHQUICK) -bench 'Decide|Build|With' ./daemon/access; \
	   $(TEST) -run '^$$' -bench 'SnapshotMemory' -benchtime 1x ./daemon/access; \
	   $(TEST) $(BENCHQUICK) -bench 'RoundTrip' ./hw/serial; \
	   $(TEST) $(BENCHQUICK) -bench 'Poll|Handshake|Verify' ./hw/osdp ./hw/pkoc ./daemon/pass; \
	   $(TEST) $(BENCHQUICK) -bench 'PollOf' ./hw; \
	   $(TEST) -run '^$$' -bench 'SecureReader|LineOf' -benchtime 1x -timeout 8m ./hw; \
	   $(TEST) $(BENCHQUICK) -bench 'AppendDurable|Load|InstallSame|OpenJournal' ./daemon/store; \
	   $(TEST) $(BENCHQUICK) -bench 'Apply' ./daemon; \
	   cd cmd/tilesim; $(abspath $(BUILD))/tilesim.test -test.run '^$$' -test.bench . -test.benchtime 1x -test.timeout 20m; \
	} | awk -f $(CURDIR)/cmd/tilesim/bench.awk

# ---- what is installed --------------------------------------------------------

.PHONY: docs
docs: setup ## manual pages and shell completion, made from the commands themselves
	@mkdir -p $(BUILD)/man $(BUILD)/completion
	go build $(GOFLAGS_ALL) -ldflags '$(LDFLAGS)' -o $(BUILD)/ ./cmd/tilegate
	SOURCE_DATE_EPOCH=$(EPOCH) go run -tags 'docs $(TAGS)' ./cmd/tilegate man $(BUILD)/man
	$(BUILD)/tilegate completion bash > $(BUILD)/completion/tilegate.bash
	$(BUILD)/tilegate completion zsh > $(BUILD)/completion/_tilegate
	$(BUILD)/tilegate completion fish > $(BUILD)/completion/tilegate.fish

# The same sources give the same package: times come from the last commit.
EPOCH    = $(shell git log -1 --format=%ct 2>/dev/null || echo 1)
DEB_ARCH ?= $(shell dpkg --print-architecture)

# $(call apt,command,package) installs a tool that is missing, where we may.
apt = @command -v $(1) >/dev/null || { echo "installing $(2)"; apt-get -qq update && apt-get -qq -y install --no-install-recommends $(2) >/dev/null; }

.PHONY: deb
deb: docs ## the package for this machine's architecture, in dist/
	$(call apt,lintian,lintian)
	go build -buildmode=pie $(GOFLAGS_ALL) -ldflags '$(LDFLAGS) -extldflags=-Wl,-z,relro,-z,now' -o $(BUILD)/ ./cmd/tilegate ./cmd/tilegated
	SOURCE_DATE_EPOCH=$(EPOCH) packaging/deb/build.sh $(DEB_ARCH) $(VERSION)
	lintian --allow-root --fail-on error,warning dist/*.deb
	systemd-analyze security --offline=true --no-pager --threshold=15 systemd/tilegated.service >/dev/null

.PHONY: test-system
test-system: ## install, break, upgrade and remove the package on a Debian booted for it; needs root
	@packaging/system-test/run --can # before the package is made for nothing
	$(MAKE) deb
	go build $(GOFLAGS_ALL) -o $(BUILD)/ ./cmd/tilesim
	packaging/system-test/run dist/tilegate_$(VERSION)_$(DEB_ARCH).deb $(BUILD)/tilesim

.PHONY: clean
clean: ## remove what was built
	rm -rf $(BUILD) dist
