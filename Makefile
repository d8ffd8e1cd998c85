# Every target sets up .venv by itself. PYTHON may name another interpreter (>= 3.11). `make help` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SETUP := $(VENV)/.setup
CORE := $(VENV)/.core
EXTRAS := $(VENV)/.extras
LOWEST := $(VENV)/lowest
RUST := $(shell find rust/src -name '*.rs') rust/Cargo.toml Cargo.toml Cargo.lock

export CARGO_TERM_COLOR ?= auto
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo test test-all test-peers test-rest lowest golden mutants fuzz extremes lint format bench bench-allocate bench-instructions bench-stats bench-paper \
	bench-policies bench-posting bench-universe bench-waiting bench-interrupt wheel notebooks docs clean

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | while IFS="$$(printf '\t')" read -r name text; do \
		printf '  make %-16s %s\n' "$$name" "$$text"; done

demo: $(CORE) ## Build, and run the main job on a synthetic market
	$(BIN)/sor demo

test: $(CORE) ## The everyday suite, Rust and Python: about two minutes once built
	cargo test --workspace --quiet
	$(BIN)/python -m pytest -q

test-all: $(CORE) $(EXTRAS) ## Every test in full, and those of the wheel, the browser and other packages
	SOR_TESTS=all cargo test --workspace --quiet
	SOR_TESTS=all $(BIN)/python -m pytest -q -m ""

test-rest: $(CORE) $(EXTRAS) ## What `make test` leaves out: the slow, those of the wheel, the browser and other packages
	SOR_TESTS=ci $(BIN)/python -m pytest -q -m "slow or wheel or browser or peers"

test-peers: $(CORE) $(EXTRAS) ## Beside other packages: a taker's fills, trajectories, the paper's problem, the static allocator, sums, statistics
	SOR_TESTS=all $(BIN)/python -m pytest -q -m peers

fuzz: $(CORE) ## Damaged files, hostile arguments and random replays for SECONDS (60); SEED begins elsewhere
	RUST_BACKTRACE=0 $(BIN)/python tests/support/fuzz.py --seconds $(or $(SECONDS),60) --seed $(or $(SEED),1)

extremes: $(CORE) ## The ends of every range, in a core whose arithmetic is checked
	rm -rf target/checked-package && mkdir -p target/checked-package/wheel
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/maturin build --profile checked --out target/checked-package/wheel
	$(BIN)/python -m pip install --quiet --no-deps --target target/checked-package target/checked-package/wheel/*.whl
	PYTHONPATH=target/checked-package SOR_TESTS=all RUST_BACKTRACE=0 $(BIN)/python -m pytest -q \
		tests/test_extremes.py tests/test_any_value.py tests/test_posting_extremes.py tests/test_hostile_arguments.py

lowest: $(CORE) ## The everyday Python suite with the lowest versions that pyproject.toml declares
	test -x $(LOWEST)/bin/python || $(PYTHON) -m venv $(LOWEST)
	$(BIN)/python tests/support/lowest.py > $(LOWEST)/versions.txt
	$(LOWEST)/bin/python -m pip install --quiet -r $(LOWEST)/versions.txt
	PYTHONPATH=$(CURDIR)/python $(LOWEST)/bin/python -m pytest -q -W ignore::DeprecationWarning # of old beside new

golden: $(CORE) ## Write again what the reference says in tests/golden, after a change of the model
	$(BIN)/python tests/support/make_golden.py

mutants: ## How many of the core's hand-made mutants `cargo test` catches; takes an hour
	$(PYTHON) tests/support/mutants.py

lint: $(SETUP) ## Formatting, ruff, clippy, mypy, stubtest: what is quick first
	cargo fmt --all --check
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	PYTHONPATH=python $(BIN)/lint-imports
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.citation-file-format CITATION.cff
	cargo clippy --workspace --all-targets --quiet -- -D warnings
	cargo clippy --workspace --all-targets --all-features --quiet -- -D warnings
	$(MAKE) --no-print-directory $(CORE)
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest sor._core --ignore-disjoint-bases

format: $(SETUP) ## Format everything
	cargo fmt --all
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(CORE) ## Measure, in release, beside a numba loop
	cargo bench --workspace
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/python -m bench

bench-instructions: $(SETUP) ## Instructions of the hot loop (valgrind) beside those that are kept; fails above +3%
	$(BIN)/python -m bench.bench_instructions

bench-allocate: $(CORE) ## Arrays of books beside a numba loop
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/python -m bench.bench_allocate_many

bench-stats: $(CORE) ## Check intervals and tests against known truths, 1,000 trials each
	$(BIN)/python -m bench.bench_stats
	$(BIN)/python -m bench.bench_objectives

bench-paper: $(CORE) ## Cont & Kukanov's Table 1 anew, and the solver beside HiGHS
	$(BIN)/python -m pip install --quiet highspy scipy
	$(BIN)/python -m bench.bench_paper

bench-policies: $(CORE) ## Policies of one's own beside the built-in ones
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/python -m bench.bench_policies

bench-posting: $(CORE) ## The recorded day under the paper's router, beside everything else
	$(BIN)/python -m bench.bench_posting

bench-universe: $(CORE) ## Many symbol-days: memory, dispatch, rate, a file of 100 M records, intervals against truth
	$(BIN)/python -m pip install --quiet "sor[distributed]" pyarrow
	$(BIN)/python -m bench.bench_universe

bench-waiting: $(CORE) ## How far the bar of a day's report is from the time
	$(BIN)/python -m bench.bench_waiting

bench-interrupt: $(CORE) ## How soon long calls stop after Ctrl-C
	$(BIN)/python -m bench.bench_interrupt

notebooks: $(CORE) $(EXTRAS) ## Run the notebooks of docs/ again and keep what they show
	$(BIN)/python docs/notebooks.py

docs: $(CORE) ## The documentation site in out/docs, and the core's own pages in target/doc
	$(BIN)/python -m pip install --quiet --group docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	RUSTDOCFLAGS="-D warnings" cargo doc --package sor-core --no-deps --quiet

wheel: $(SETUP) ## Build the abi3 manylinux wheel into dist/
	rm -rf dist
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/maturin build --release --locked --zig --compatibility manylinux2014 --out dist

clean: ## Remove everything that is built
	rm -rf $(VENV) target dist out

# Whoever builds for the first time is told what is going on; the times are those of a laptop with two cores.
$(SETUP): pyproject.toml
	@echo "sor: setting up $(VENV) with the tools of pyproject.toml (about a minute, once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	@$(BIN)/python -m pip install --quiet --group dev
	@touch $@

# The package in editable form: Python sources are used as they are, the core is built in release.
$(CORE): $(SETUP) $(RUST) python/sor/py.typed README.md LICENSE
	@echo "sor: building the Rust core in release (three minutes the first time; cargo says what it compiles)"
	@begun=$$(date +%s); \
	VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/maturin develop --release --extras report && \
	echo "sor: built in $$(($$(date +%s) - begun)) s"
	@touch $@

# What the tests of the extras need; the browser itself is the system's.
$(EXTRAS): $(CORE)
	$(BIN)/python -m pip install --quiet "sor[calendars,databento,distributed,excel,optuna,report]" \
		arch duckdb numba slippage-tca pandas_market_calendars pyarrow playwright
	# Without what it draws with, and without its bound on NumPy: a replay needs numba only.
	$(BIN)/python -m pip install --quiet --no-deps hftbacktest
	@touch $@
