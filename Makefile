# Every command of this repository. `make dev` and `make test` are the two to know; both install what is missing.
#
#   make dev       serve on http://localhost:8787 (PORT, HOST, STATE, ROOT_TOKEN, CREDENTIALS_KEY, HOST_FEEDS,
#                  ALLOW_PRIVATE_UPSTREAMS, LOG=all)
#   make test      everything below, with one count at the end; each part is a target of its own
#   make bench     the benchmarks
#   make deploy    put it on Cloudflare
#   make clean     forget what was built (`.edgefeed/` stays)

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help setup build build-compliance dev test lint fmt-check clippy clippy-wasm doc unit e2e wrangler bench deploy clean

# The pinned Node; `setup` alone runs on the machine's.
NODE := ./node_modules/.bin/node
WASM := --target wasm32-unknown-unknown
E2E  ?= tests/upstream/*.test.mjs tests/e2e/*.test.mjs

help:
	@sed -n 's/^#   make/make/p' Makefile

setup:
	@node tools/setup.mjs

build: setup
	@$(NODE) tools/build.mjs

dev: build
	@exec $(NODE) tools/dev.mjs

test: setup
	@$(NODE) tools/test.mjs

lint: fmt-check clippy clippy-wasm doc

fmt-check:
	cargo fmt --check

clippy:
	cargo clippy --locked --all-targets -- -D warnings

clippy-wasm: setup
	cargo clippy --locked --lib $(WASM) -- -D warnings

doc:
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items

unit:
	cargo test --locked

build-compliance: build
	@$(NODE) tools/build.mjs compliance

e2e: build-compliance
	$(NODE) --test --test-reporter=spec --test-timeout=1200000 $(E2E)

wrangler: build
	$(NODE) --test --test-reporter=spec tests/e2e/wrangler.test.mjs

bench: build
	@$(NODE) bench/run.mjs

deploy: build
	./node_modules/.bin/wrangler deploy
	@echo "First time? Give it its secret: npx wrangler secret put ROOT_TOKEN"

clean:
	rm -rf build target .wrangler
