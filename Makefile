# demo: install and see the whole path. test: install the rest and pass the tests. check: what CI does. docs: the site, into site/.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: demo test lint types docs check lock clean

demo: $(VENV)/compile
	$(BIN)/ingot demo

test: $(VENV)/dev
	$(BIN)/python -m pytest -n 2

lint: $(VENV)/dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/dev
	$(BIN)/mypy

docs: $(VENV)/dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

check: lint types docs test demo

$(VENV)/compile: locks/compile.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r locks/compile.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	touch $@

$(VENV)/dev: $(VENV)/compile locks/dev.lock
	$(BIN)/python -m pip install --quiet --require-hashes -r locks/dev.lock
	touch $@

LOCK = uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-annotate --custom-compile-command "make lock"

EXTRAS = $(addprefix --extra ,compile providers modules store parquet serve mcp traces durable temporal bench)

lock:
	$(LOCK) --extra compile --output-file locks/compile.lock
	$(LOCK) $(EXTRAS) --group dev --output-file locks/dev.lock

clean:
	rm -rf $(VENV) artifacts site
