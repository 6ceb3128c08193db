# Every task of this repository. `make` alone lists them.

CONFIG ?= config.toml
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
CARGO ?= cargo
KILLS ?= 300
REQUESTS ?= 100000
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run build setup-test test lint test-rust test-network test-python test-js test-binary licences advisories openapi fuzz-api bench bench-queries bench-alerts bench-micro crash full-disk clean canary

help: ## List what can be done
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F '|' '{ printf "%-18s %s\n", $$1, $$2 }'

run: build ## Build, then start the server (CONFIG=config.toml); Ctrl-C stops it
	@exec "$(TARGET_DIR)/release/telemetryflow" serve --config "$(CONFIG)"

build: ## Check the tools, fetch ClickHouse's library once, build the release binary
	@scripts/check-tools
	@scripts/fetch-libchdb
	@$(CARGO) build --release --locked

# TMPDIR=/tmp puts the folders of tests elsewhere.
test test-rust test-network test-python test-js: export TMPDIR := $(or $(TMPDIR),$(shell scripts/test-folder))

setup-test: ## Fetch everything that the tests need; the second time nothing is fetched
	@scripts/check-tools test
	@scripts/fetch-libchdb
	@$(CARGO) fetch --locked --target "$$(rustc -vV | sed -n 's/^host: //p')"
	@scripts/setup-venv
	@scripts/setup-node-modules

test: setup-test ## Everything that has to hold: format, lints, Rust tests, licences, Python and JavaScript clients
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory test-rust
	@$(MAKE) --no-print-directory licences
	@$(MAKE) --no-print-directory test-python
	@$(MAKE) --no-print-directory test-js

lint: ## Format and clippy, warnings are errors
	@$(CARGO) fmt --check
	@$(CARGO) clippy --all-targets --locked -- -D warnings

# cargo-nextest is faster where it is installed, but leaves doc tests out.
test-rust: ## The Rust tests alone
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
		$(CARGO) nextest run --locked --no-tests=pass && $(CARGO) test --doc --locked --quiet; \
	else \
		$(CARGO) test --locked; \
	fi

# The debug binary as the Rust tests have built it. `cargo build` would build another one, and some of its dependencies anew,
# since what the tests depend on turns on features that it leaves off.
test-binary:
	@$(CARGO) test --locked --quiet --no-run --test service

# Not part of `make test`, which has tests/network_store.rs: it runs nearly all Rust tests a second time.
test-network: ## The Rust tests with the store in another process (or at TELEMETRYFLOW_TEST_CLICKHOUSE_URL)
	@scripts/fetch-libchdb
	@scripts/test-network $(ARGS)

test-python: test-binary ## The official Python SDK against a debug build (after setup-test)
	@.venv/bin/python -m pytest -q tests/python

test-js: test-binary ## The official JavaScript SDK against a debug build (after setup-test)
	@node --test --test-reporter spec tests/js/*.test.mjs

openapi: test-binary ## Write schemas/openapi.json anew, from the routes and their types
	@"$(TARGET_DIR)/debug/telemetryflow" openapi > "$(TARGET_DIR)/openapi.json"
	@cp "$(TARGET_DIR)/openapi.json" schemas/openapi.json

# Not part of `make test`: it takes minutes, and what it asks is drawn anew each time.
fuzz-api: test-binary ## Ask a debug server what schemas/openapi.json allows, and what not (EXAMPLES=100 per operation, SEED=...)
	@scripts/fetch-libchdb
	@scripts/setup-venv "$(TARGET_DIR)/venv-fuzz-api" tests/fuzz_api/requirements.txt
	@"$(TARGET_DIR)/venv-fuzz-api/bin/python" tests/fuzz_api/run.py

# Only where cargo-deny is installed. What needs no network is part of `make test`; advisories change by the day.
licences: ## Licences and sources of the dependencies (needs cargo-deny, else skipped)
	@if $(CARGO) deny --version >/dev/null 2>&1; then \
		$(CARGO) deny --locked --offline --log-level error check bans licenses sources; \
	fi

advisories: ## Known weaknesses of the dependencies (needs cargo-deny and a network)
	@$(CARGO) deny --locked check advisories

# It builds by itself, with the load generator: `build` would build the program once more, without what tests turn on.
bench: ## Measure the write path against targets; writes load-tests/RESULTS.md (ARGS=--quick: 3 minutes, prints only)
	@scripts/check-tools
	@scripts/fetch-libchdb
	@load-tests/run $(ARGS)

bench-alerts: ## Measure alerting under load against targets; writes load-tests/ALERTS.md
	@scripts/check-tools
	@scripts/fetch-libchdb
	@scripts/setup-venv
	@.venv/bin/python load-tests/run-alerts $(ARGS)

bench-queries: ## Measure the read path against targets; writes load-tests/QUERIES.md (ARGS=--quick: some minutes, prints only)
	@scripts/check-tools
	@scripts/fetch-libchdb
	@scripts/setup-venv
	@.venv/bin/python load-tests/run-queries $(ARGS)

bench-micro: ## The micro-benchmarks, by stage
	@$(CARGO) bench --locked

# One summary line for each of the tests, with the seed that repeats what was drawn.
crash: ## Kill servers under load, many times (KILLS=300), and compare what was acknowledged with what is stored
	@$(CARGO) build --locked --quiet --example faulty
	@TELEMETRYFLOW_KILLS=$(KILLS) $(CARGO) test --locked --quiet --test crash -- --nocapture --test-threads 2

# A line for each route: how often it was asked, answered, and told the asker's own.
canary: build ## Ask every query route of a release build for two tenants (REQUESTS=100000) and look for anything of the other one
	@TELEMETRYFLOW_BIN="$(abspath $(TARGET_DIR))/release/telemetryflow" TELEMETRYFLOW_CANARY_REQUESTS=$(REQUESTS) $(CARGO) test --locked --quiet --test canary -- --nocapture

full-disk: build ## Fill a small disk under a release build at work, free it, and compare what was acknowledged with what is stored
	@TELEMETRYFLOW_BIN="$(TARGET_DIR)/release/telemetryflow" load-tests/full-disk --settings 'body_bytes_max = "1MiB"'

clean: ## Remove what was built (vendor/ and data/ stay)
	@$(CARGO) clean --quiet
	@rm -rf .venv tests/js/node_modules
