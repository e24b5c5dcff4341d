# Each target does all of its own set-up in .venv. PYTHON=python3.12 chooses the interpreter (3.11 or newer).
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help setup browser demo test test-all regression style types lint tests bench clean

PYTHON ?=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
STAMP := $(VENV)/.installed
BROWSER := $(VENV)/.browser
# One more than there are processors: tests that wait, for a browser or for Ray, leave theirs to others. A worker takes
# up to 1 GB, so there are 8 at most.
JOBS ?= $(shell n=$$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN); echo $$(((n < 7 ? n : 7) + 1)))
# A file goes to one worker whole, so that what its tests share is made once; tests/conftest.py says which come first.
# Each worker reads every test module: with bytecode, which some forbid, one of them compiles it for the others. Threads
# of BLAS and OpenMP, one a processor in each worker, would wait for one another, busily.
ONCE = PYTHONDONTWRITEBYTECODE= OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1
PYTEST = $(ONCE) $(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder

NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
CANDIDATES := $(or $(PYTHON),python3 python3.13 python3.12 python3.11 python)

help: ## say what there is
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' Makefile | expand -t 16

setup: $(STAMP) $(BROWSER) ## make .venv with all that the tests need

# make compares the times of these files alone, so a second call does nothing.
$(STAMP): pyproject.toml constraints.txt
	@python=; for candidate in $(CANDIDATES); do \
	  if "$$candidate" -c '$(NEW_ENOUGH)' 2>/dev/null; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "make: no Python 3.11 or newer among: $(CANDIDATES). Name one with PYTHON=/path/to/python3." >&2; exit 1; \
	fi; \
	if ! $(BIN)/python -c '$(NEW_ENOUGH)' 2>/dev/null; then \
	  echo "making $(VENV) with $$python ($$($$python --version))"; \
	  if ! "$$python" -m venv --clear $(VENV); then \
	    rm -rf $(VENV); \
	    echo "make: $$python cannot make a virtual environment (Debian: apt-get install python3-venv)." >&2; exit 1; \
	  fi; \
	fi
	@echo "installing lpbench and what its tests need; the first time takes some minutes"
	$(PIP) install --quiet --constraint constraints.txt --editable '.[test,figures,mnist1d]'
	@touch $@

# Figures as png, svg or pdf are drawn by a chromium; html figures and everything else do without.
$(BROWSER): | $(STAMP)
	@$(MAKE) --no-print-directory browser
	@touch $@

browser: ## install Debian's chromium where it is missing and can be installed
	@if command -v chromium chromium-browser google-chrome google-chrome-stable >/dev/null 2>&1; then exit 0; fi; \
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
	  echo "no chromium: figures will be html only (to draw png and svg, install it and run 'make browser')"; exit 0; \
	fi; \
	echo "installing chromium, which draws png and svg figures"; log=$$(mktemp); \
	if { apt-get update && apt-get install --yes --no-install-recommends chromium fonts-dejavu-core; } \
	    >"$$log" 2>&1 </dev/null; then \
	  rm -f "$$log"; \
	else \
	  echo "chromium could not be installed, figures will be html only ('make browser' tries again): $$log"; \
	fi

demo: setup ## sweep six algorithms and three formats, and networks of three widths; tables and a figure
	$(BIN)/lpbench sweep +experiment=demo --name demo
	$(BIN)/lpbench show demo --figure runs/demo/noise_floor.html
	$(BIN)/lpbench sweep +experiment=networks --name networks
	@echo "the tables again: $(BIN)/lpbench show demo, $(BIN)/lpbench show networks; in Python: lpbench.load_cells('runs/demo')"
	@echo "all of it in the browser: $(BIN)/lpbench dashboard"

style: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

lint: style types

tests: setup
	$(PYTEST) $(SELECTED)

# The first tests wait for a browser: types are checked beside them.
test: style ## linters, types, and the tests
	@$(MAKE) --no-print-directory --jobs=2 types tests

test-all: style ## the same with the slow tests
	@$(MAKE) --no-print-directory --jobs=2 types tests SELECTED="-m 'slow or not slow'"

regression: setup ## has an algorithm or a format got worse since the baseline in runs/baselines/ci?
	$(BIN)/lpbench check --baseline ci

bench: setup ## speed beside peers: prints one table with the machine and versions
	$(PIP) install --quiet --constraint constraints.txt --editable '.[benchmarks]'
	$(BIN)/python -m benchmarks

clean: ## remove .venv and what builds and tests leave; results in runs/ stay
	rm -rf $(VENV) build dist lpbench.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
