# Two commands do everything, set-up included:  make demo   make test

# Built once, outside the checkout, so that a fresh clone is warm on a machine that built before.
HEADWATER_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/headwater
export HEADWATER_CACHE
export CARGO_TARGET_DIR ?= $(HEADWATER_CACHE)/target

.PHONY: help demo test bench lint setup

help:
	@echo "make demo   start a server of each kind, load example data, join it where it lies"
	@echo "make test   run every test against real servers"
	@echo "make bench  measure against DuckDB and others, write BENCHMARKS.md; BENCH=\"a d --rounds 3\" measures some of it"
	@echo "make lint   formatting, clippy, rustdoc"

setup:
	@scripts/install-services

# All of the workspace, as the tests build it: another selection of packages would build the dependencies twice.
demo: setup
	@cargo build --quiet --locked --workspace
	@"$(CARGO_TARGET_DIR)/debug/headwater-demo"

test: setup
	cargo fmt --all --check
	cargo test --locked --workspace

# Which cases to measure and how often; everything, five times, and into BENCHMARKS.md, if not given.
BENCH ?=

bench: setup
	@scripts/install-peers
	cargo build --release --locked --workspace
	@"$(CARGO_TARGET_DIR)/release/headwater-benches" $(BENCH)

lint: setup
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps
