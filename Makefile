# The one door: `make` says what can be done here. What CI runs is .ci/run, and nothing else.

CARGO ?= cargo
BATON_SERVER ?= redis-server
URL ?= redis://127.0.0.1:6379
FORM ?= mermaid
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup demo graph test test-engine test-server check lint docs build run bench \
    bench-engine ratchet ratchet-write clean
export BATON_SERVER URL QUEUE WORKFLOW FORM

help: ## list what can be done
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what is missing to build and test (quiet when nothing is)
	@scripts/setup.sh

demo: setup ## a fleet is killed, replaced and killed again: watch nothing get lost
	@$(CARGO) build --locked --example demo
	@$(CARGO) run --locked --quiet --example demo

graph: ## draw a workflow: make graph QUEUE=jobs WORKFLOW=id [URL=redis://...] [FORM=dot]
	@: "$${QUEUE:?which? make graph QUEUE=jobs WORKFLOW=id}" "$${WORKFLOW:?the id that WF.SUBMIT replied}"
	@$(CARGO) run --locked --quiet --example graph -- "$$URL" "$$QUEUE" "$$WORKFLOW" "$$FORM"

test: test-engine test-server ## all tests

test-engine: setup ## the engine's tests alone: no Redis, no libclang
	$(CARGO) test --locked --no-default-features --lib

test-server: setup ## the tests against real servers, and the rest
	$(CARGO) test --locked

check: lint test ## what has to pass before a change goes in: format, lints, licences, tests

lint: setup
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(CARGO) clippy --locked --all-targets --no-default-features -- -D warnings
	@if command -v cargo-deny >/dev/null; then \
	    $(CARGO) deny --locked --log-level error check -D warnings licenses bans sources; \
	else \
	    echo "cargo-deny is not installed: licences and sources are not checked"; \
	fi

docs: setup ## write docs/commands.md and the README's table anew, from the code
	BATON_WRITE_DOCS=1 $(CARGO) test --locked --quiet --no-default-features --lib reference

build: setup ## the module as it is used: target/release/libbaton.so
	$(CARGO) build --locked --release --lib

run: build ## a server with the module, in the foreground (redis.conf says how)
	@mkdir -p "$${CARGO_TARGET_DIR:-target}/run"
	@server=$$(realpath "$$(command -v "$(BATON_SERVER)")"); \
	    cd "$${CARGO_TARGET_DIR:-target}/run" && exec "$$server" "$(CURDIR)/redis.conf"

bench: build ## compare with what Redis has without Baton
	$(CARGO) bench --locked --bench compare

bench-engine: setup ## what the commands cost without Redis, for profiling
	$(CARGO) bench --locked --no-default-features --bench engine

ratchet: setup ## count the engine's instructions (valgrind), and fail if they grew by over 5 %
	$(CARGO) bench --locked --quiet --no-default-features --bench engine -- instructions

ratchet-write: setup ## write down how many instructions the engine may take
	$(CARGO) bench --locked --quiet --no-default-features --bench engine -- instructions write

clean: ## remove what was built
	$(CARGO) clean
