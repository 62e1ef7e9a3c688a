# Everything a developer types. Needs python3 (3.11 or newer, with venv) and make; `make` alone lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --editable

.DEFAULT_GOAL := help
.PHONY: help venv run test check fmt bench chaos prove clean

help: ## list these targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

venv: $(VENV)/.base ## make .venv and install the product into it

run: venv ## start everything on this machine and print where it answers
	@$(BIN)/sendigopro up

test: $(VENV)/.test ## install what the tests need, then run them all
	@$(BIN)/python tests/peers/install.py
	@$(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=worksteal

check: $(VENV)/.check ## format, lint, types, import rules
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

fmt: $(VENV)/.check ## put the code in form
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(VENV)/.test ## measure us beside the peers, into bench/RESULTS.md
	@$(BIN)/python tests/peers/install.py
	@$(BIN)/python bench/run.py

chaos: $(VENV)/.test ## the long run of kills and faults
	@$(BIN)/python tests/chaos/run.py --kills 500

prove: $(VENV)/.test ## run the tests behind every promise of the privacy notice
	@$(BIN)/python tests/peers/install.py
	@$(BIN)/sendigopro prove
	@$(BIN)/python tests/attack/run.py
	@$(BIN)/python tests/canary/run.py

clean: ## remove what was made, not written
	@rm -rf $(VENV) .peers .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/.base: pyproject.toml
	@echo "Installing into $(VENV): once, about a minute."
	@$(PYTHON) -m venv $(VENV) || { echo "This needs Python 3.11 or newer with venv (Debian: apt install python3-venv)."; exit 1; }
	@$(PIP) .
	@touch $@

$(VENV)/.test: $(VENV)/.base
	@$(PIP) '.[test]'
	@touch $@

$(VENV)/.check: $(VENV)/.test
	@$(PIP) '.[test,check]'
	@touch $@
