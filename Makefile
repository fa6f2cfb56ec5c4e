# Two commands for people: `make demo` and `make test`. Each sets up .venv itself; they need Python 3.11+ and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
WORKERS ?= 2

.PHONY: demo test lint types unit docs prove bench wheel clean

demo: $(VENV)/.installed-core
	$(BIN)/labelwright demo

test: lint types unit

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check src tests proofs benchmarks examples
	$(BIN)/ruff format --check src tests proofs benchmarks examples

types: $(VENV)/.installed-dev
	$(BIN)/mypy

unit: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n $(WORKERS)

docs: $(VENV)/.installed-docs
	$(BIN)/mkdocs build --strict

prove: $(VENV)/.installed-dev
	$(BIN)/labelwright prove --all

bench: $(VENV)/.installed-peers
	$(BIN)/python -m benchmarks

wheel: $(VENV)/.installed-dev
	$(BIN)/python -m build --wheel --no-isolation

clean:
	rm -rf $(VENV) dist site

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "labelwright needs Python 3.11 or newer, this is " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed-core: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) install -c constraints.txt -e .
	touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) install -c constraints.txt -e '.[dev,torch,image,studio,postgres]'
	touch $@ $(VENV)/.installed-core

$(VENV)/.installed-docs: $(VENV)/.installed-dev
	$(PIP) install -c constraints.txt -e '.[docs]'
	touch $@

$(VENV)/.installed-peers: $(VENV)/.installed-dev
	$(PIP) install -c constraints.txt -e '.[peers]'
	touch $@
