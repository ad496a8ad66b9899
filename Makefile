# make run | test | check | bench | setup | lock | help. ARGS="..." passes options on.
# Needs python3 >= 3.11 with venv, or uv; nothing else.

PYTHON ?= python3
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
UV := $(shell command -v uv 2>/dev/null)
CODE := config predictors streams actuators dashboards pileus tests

.DEFAULT_GOAL := help
.PHONY: setup run test check bench lock help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP) ## make .venv from the lock; nothing to do when nothing changed

run: $(STAMP) ## start the whole stack under a changing load; Ctrl-C ends it (ARGS="--duration 60")
	@exec $(BIN)/pileus run $(ARGS)

test: $(STAMP) ## run the tests (ARGS="tests/unit -q")
	@exec $(BIN)/python -m pytest $(ARGS)

check: $(STAMP) ## format, lint, types, import rules; then the sizes, for information
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(BIN)/python -m tests.architecture.sizes

bench: $(STAMP) ## run the benchmarks, 25 to 30 minutes (ARGS="-k window"; ARGS=--long: more rounds, hours)
	@exec $(BIN)/python -m pytest tests/benchmarks --benchmark-enable --benchmark-only --benchmark-columns=median,iqr,ops,rounds $(ARGS)

lock: ## resolve the dependencies anew into requirements.lock (needs uv)
	@test -n "$(UV)" || { echo "make lock: uv is not on PATH; install it with 'pip install uv'" >&2; exit 1; }
	$(UV) pip compile pyproject.toml --group dev --universal --python-version 3.11 --upgrade --quiet \
	  --generate-hashes --no-emit-index-url --no-header --no-annotate --output-file requirements.lock

# When the stamp is older than the lock or the project file, install. It is written last, so an interrupted run starts again.
$(STAMP): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "make: no $(PYTHON); Pileus needs Python >= 3.11 (PYTHON=/path/to/python3 names another)" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit("make: $(PYTHON) is %d.%d; Pileus needs Python >= 3.11 (PYTHON=/path/to/python3 names another)" % v[:2])'
	@echo "make: installing into $(VENV) what requirements.lock names (about a minute the first time)"
ifneq ($(UV),)
	@test -x $(BIN)/python || $(UV) venv --quiet --allow-existing --no-python-downloads --python "$$(command -v $(PYTHON))" $(VENV)
	@VIRTUAL_ENV=$(VENV) $(UV) pip install --quiet --require-hashes -r requirements.lock
	@VIRTUAL_ENV=$(VENV) $(UV) pip install --quiet --no-deps --no-build-isolation --editable .
else
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "make: $(PYTHON) has no venv; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
endif
	@touch $@
