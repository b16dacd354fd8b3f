# make sheets: the answer sheets of every assignment and every gallery network, in output/
# make test:   the whole test suite
PYTHON ?= python3
BIN := .venv/bin
ASSIGNMENTS := $(wildcard assignments/*.toml)

.PHONY: sheets test check bench clean

sheets: .venv/installed
	$(BIN)/python -m derive sheet $(ASSIGNMENTS) -o output --format tex,html,pdf
	$(BIN)/python -m derive solve $$($(BIN)/python -m derive list --names) -o output --format tex,html,pdf

test: .venv/tested check
	$(BIN)/python -m pytest

check: .venv/tested
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: .venv/benched
	$(BIN)/python -m benchmarks

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

.venv/tested: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@ .venv/installed

.venv/benched: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	touch $@

clean:
	rm -rf .venv build dist
