# The verbs of this project; `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help install demo up test check bench install-browser clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

help: ## list the verbs
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 26

install: $(STAMP) ## the virtual environment, with everything that demo, up and test need

$(STAMP): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q libs services gateway infra
	@touch $(STAMP)

demo: install ## the whole story on the sample municipality: from hours files to the bank and back
	$(BIN)/stadsbeurs demo

up: install ## start the house and stay; Ctrl-C stops all of it
	$(BIN)/stadsbeurs up

test: install ## the whole test suite, on a PostgreSQL and a Valkey that it starts itself
	PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n $${TEST_WORKERS:-2} --dist worksteal -m "not benchmark"

check: install ## format, lint, types and import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: install ## speed and memory as ratios beside floors of the same run; writes docs/benchmarks.md
	$(BIN)/pytest -q -s -m benchmark tests/benchmark --timeout=3600 --benchmark-report docs/benchmarks.md

install-browser: ## Debian's Chromium, for the tests that look at pages
	@command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y -qq chromium; }

clean: ## take away everything that was made here, the data of local installations too
	@if [ -x $(BIN)/stadsbeurs ]; then $(BIN)/stadsbeurs down >/dev/null 2>&1 || true; fi
	rm -rf $(VENV) .stadsbeurs build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
