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
LDFLAGS := -s -w -X main.version=$(VERSION)

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

.PHONY: build
build: ## build the three programs into build/
	go build $(GOFLAGS_ALL) -ldflags '$(LDFLAGS)' -o $(BUILD)/ ./cmd/...
