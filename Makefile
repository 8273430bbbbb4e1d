# demo: install and see the whole path. test: install the rest and pass the tests. check: what CI does. docs: the site, into site/.
# test-extras: the tests of agents of other frameworks, tuned prompts, the injection classifier, DocILE's metric, BFCL's checker.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: demo test test-extras lint types docs check lock clean

demo: $(VENV)/compile
	$(BIN)/ingot demo

test: $(VENV)/dev
	$(BIN)/python -m pytest -n 2

# nothing is skipped here: a test that lacks its package fails the run
test-extras: $(VENV)-extras/ready
	$(VENV)-extras/bin/python -m pytest -n 2 --no-skips $(EXTRAS_TESTS)

lint: $(VENV)/dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/dev
	$(BIN)/mypy

docs: $(VENV)/dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

check: lint types docs test test-extras demo

$(VENV)/compile: locks/compile.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r locks/compile.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	touch $@

$(VENV)/dev: $(VENV)/compile locks/dev.lock
	$(BIN)/python -m pip install --quiet --require-hashes -r locks/dev.lock
	touch $@

# An environment of its own: the dev lock has a later Pillow than DocILE's package takes and a later protobuf than AutoGen's,
# and with a gigabyte more `make test` would be slower. All five extras stand beside each other in it, and what `make demo`
# installs has the same versions. BFCL's package comes without what it depends on: only its data and its checker are used.
$(VENV)-extras/ready: locks/extras.lock locks/bfcl.lock pyproject.toml
	test -x $(VENV)-extras/bin/python || $(PYTHON) -m venv $(VENV)-extras
	$(VENV)-extras/bin/python -m pip install --quiet --require-hashes -r locks/extras.lock
	$(VENV)-extras/bin/python -m pip install --quiet --require-hashes --no-deps -r locks/bfcl.lock
	$(VENV)-extras/bin/python -m pip install --quiet --no-deps --editable .
	touch $@

EXTRAS_TESTS = tests/evals/test_agent_solvers.py tests/compile/test_tuning.py tests/evals/test_docile.py \
  tests/evals/suites/test_bfcl.py tests/cli/test_bench_bfcl.py tests/gates/test_scan.py

LOCK = uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --custom-compile-command "make lock"

EXTRAS = $(addprefix --extra ,compile providers modules store parquet serve mcp traces durable temporal bench)
FRAMEWORKS = $(addprefix --extra ,docile langchain autogen dspy classifier)
BFCL = $(shell sed -n 's/^VERSION = "\(.*\)"/\1/p' src/ingot/evals/suites/bfcl_package.py)

lock:
	$(LOCK) pyproject.toml --extra compile --output-file locks/compile.lock
	$(LOCK) pyproject.toml $(EXTRAS) --group dev --output-file locks/dev.lock
	$(LOCK) pyproject.toml $(FRAMEWORKS) --group test --constraint locks/compile.lock --output-file locks/extras.lock
	echo bfcl-eval==$(BFCL) | $(LOCK) - --no-deps --output-file locks/bfcl.lock

clean:
	rm -rf $(VENV) $(VENV)-extras artifacts site
