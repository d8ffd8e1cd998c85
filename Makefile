# Every target sets up .venv by itself. PYTHON may name another interpreter (>= 3.11).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SETUP := $(VENV)/.setup
CORE := $(VENV)/.core
RUST := $(shell find rust/src -name '*.rs') rust/Cargo.toml Cargo.toml Cargo.lock

export CARGO_TERM_COLOR ?= auto
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test lint format bench bench-stats bench-paper bench-posting wheel docs clean

demo: $(CORE) ## Build, and run the main job on a synthetic market
	$(BIN)/sor demo

test: $(CORE) ## Build, and run everything: Rust and Python tests
	cargo test --workspace --quiet
	$(BIN)/python -m pytest -q

lint: $(SETUP) ## Formatting, ruff, clippy, mypy, stubtest: what is quick first
	cargo fmt --all --check
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
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

bench: $(CORE) ## Measure, in release
	cargo bench --workspace
	$(BIN)/python -m bench

bench-stats: $(CORE) ## Check intervals and tests against known truths, 1,000 trials each
	$(BIN)/python bench/bench_stats.py

bench-paper: $(CORE) ## Cont & Kukanov's Table 1 anew, and the solver beside HiGHS
	$(BIN)/python -m pip install --quiet highspy scipy
	$(BIN)/python bench/bench_paper.py

bench-posting: $(CORE) ## The recorded day under the paper's router, beside everything else
	$(BIN)/python bench/bench_posting.py

docs: $(CORE) ## The documentation site in out/docs, and the core's own pages in target/doc
	$(BIN)/python -m pip install --quiet --group docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	RUSTDOCFLAGS="-D warnings" cargo doc --package sor-core --no-deps --quiet

wheel: $(SETUP) ## Build the abi3 manylinux wheel into dist/
	rm -rf dist
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/maturin build --release --locked --zig --compatibility manylinux2014 --out dist

clean:
	rm -rf $(VENV) target dist out

$(SETUP): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --group dev
	touch $@

# The package in editable form: Python sources are used as they are, the core is built in release.
$(CORE): $(SETUP) $(RUST) python/sor/py.typed README.md LICENSE
	$(BIN)/python -m pip install --quiet --editable ".[report]"
	touch $@
