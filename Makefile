# Everything starts here: `make` alone explains the tasks. Only make and Python 3.11+ are needed.

MAKEFLAGS += --no-print-directory --no-builtin-rules
SHELL := /bin/sh
.DEFAULT_GOAL := help

# Another interpreter: make PYTHON=/usr/local/bin/python3.12 test
PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3)
DATA ?=
PARTS ?=
PORT ?=
ISOLATED ?=
TESTS ?= tests
UPGRADE ?=

# Tests mostly wait for servers, so three at a time fit on two processors. What is chosen by name
# runs in one process, where a debugger can be attached.
SIDE_BY_SIDE := --numprocesses=3 --dist=worksteal

BIN := .venv/bin
# A stamp's name carries what it was made from, so a second call finds it and starts at once. The
# folder counts too: an environment does not survive a move.
LOCKED := .venv/.locked-$(shell { cat requirements-dev.lock; pwd; } | cksum | cut -d' ' -f1)
READY := $(LOCKED)-$(shell cksum < pyproject.toml | cut -d' ' -f1)

.PHONY: help
help: ## Explain the tasks
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' Makefile

.PHONY: venv
venv: $(READY) ## Build the environment from the lock (every task does this by itself)
	@:

# An interpreter that has gone away since leaves its stamp behind.
ifeq ($(shell test -x $(BIN)/python && echo present),)
.PHONY: $(READY)
endif
$(READY):
	@$(PYTHON) .ci/environment.py $(LOCKED) $(READY)

.PHONY: demo
demo: $(READY) ## Show the whole chain on example data and stop (DATA=folder: on your own)
	@$(BIN)/pharos demo $(if $(DATA),--data "$(DATA)")

.PHONY: run
run: $(READY) ## Run everything on one port until Ctrl-C (PORT=9000; ISOLATED=1: a process per service)
	@$(BIN)/pharos run $(if $(PORT),--port "$(PORT)") $(if $(ISOLATED),--isolated)

.PHONY: test
test: $(READY) ## Run the tests (TESTS=tests/unit/shared, or TESTS="-k invoice")
	@$(BIN)/python -m pytest $(if $(filter tests,$(TESTS)),--ignore=tests/performance $(SIDE_BY_SIDE)) $(TESTS)

.PHONY: chaos
chaos: $(READY) ## Run every scenario of faults in full: kills, wipes, restores, shuffles
	@PHAROS_CHAOS=full $(BIN)/python -m pytest \
		$(if $(filter tests,$(TESTS)),$(SIDE_BY_SIDE) tests/resilience,$(TESTS))

.PHONY: check
check: $(READY) ## Check format, lint, types, imports, dependencies, locks, migrations, house rules
	@.ci/check

.PHONY: bench
bench: $(READY) ## Measure chain, replay, growth and imports on this machine (PARTS=growth: only that)
	@$(BIN)/python -m tests.performance $(PARTS)

.PHONY: format
format: $(READY) ## Format the code and mend what can be mended by machine
	@$(BIN)/ruff check --fix-only --quiet . && $(BIN)/ruff format .

.PHONY: lock
lock: $(READY) ## Compile the lock files from pyproject.toml (UPGRADE=1: newest versions that fit)
	@.ci/lock $(if $(UPGRADE),--upgrade)

.PHONY: clean
clean: ## Remove the environment and the caches (data of a local run stays)
	@rm -rf .venv .venv.lock .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@rm -rf build dist *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
