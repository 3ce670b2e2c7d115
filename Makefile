PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check
PYTEST := $(BIN)/python -m pytest
APT_INSTALL := apt-get update -qq >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends
LINT_SQL := sqlfluff lint --disable-progress-bar

# Containers often forbid byte code: then each of some thousand programs compiles what it imports.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup system demo sync test recipes cover soak test-lake lint format dagster docs pictures bench bench-growth clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  $(BIN)/p4books --help lists the commands and the endpoints."

setup: .venv/.done ## Create .venv and install the pinned packages

.venv/.done: requirements.lock pyproject.toml # pip has settings, of a mirror, that uv does not read
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "p4books needs Python 3.11 or newer: make PYTHON=python3.11 setup")'
	$(PYTHON) -m venv .venv
	$(PIP) "$$(grep ^uv== requirements.lock)" \
		&& $(BIN)/uv pip install --quiet --python $(BIN)/python --requirement requirements.lock \
		|| $(PIP) --no-compile --requirement requirements.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

system: ## Install the browser, Postgres and other programs that tests use; on Debian, as root
	@missing="$$(command -v chromium >/dev/null || echo chromium fonts-liberation) \
		$$(command -v soffice >/dev/null || echo libreoffice-calc-nogui) \
		$$(command -v systemd-analyze >/dev/null || echo systemd) \
		$$(ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || echo postgresql)"; \
	if [ -n "$$(echo $$missing)" ]; then $(APT_INSTALL) $$missing >/dev/null; fi

demo: setup ## Sync a sandbox twice and show three figures; needs no key
	$(BIN)/p4books demo

sync: setup ## Bring your books up to date; needs .env
	$(BIN)/p4books sync

test: setup ## Run every test
	$(PYTEST) -n auto --dist worksteal

recipes: .recipes/.done ## Install the tools of "Open it with …", for their tests

.recipes/.done: tests/recipes/requirements.lock
	@test -x $(BIN)/uv || $(MAKE) setup
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .recipes
	$(BIN)/uv pip sync --quiet --python .recipes $<
	@touch $@

cover: setup ## Run every test and show what they cover; takes a fifth longer
	$(PYTEST) -n auto --dist worksteal --cov --cov-report=term:skip-covered

soak: setup ## Run what proves by volume: moving rows, random books, killed pushes; about an hour
	printf '%s\n' rising falling date none | P4BOOKS_EXAMPLES=5000 xargs -P 2 -I {} \
		$(PYTEST) -qs --timeout=0 tests/scenarios/test_moving_rows.py -k {}
	P4BOOKS_EXAMPLES=1000 $(PYTEST) -qs --timeout=0 tests/sql/test_sums.py \
		tests/scenarios/test_push_duplicates.py tests/scenarios/test_push_kill.py \
		tests/scenarios/test_sync_kill.py tests/scenarios/test_reuse.py \
		tests/scenarios/test_backup_kill.py
	P4BOOKS_EXAMPLES=1000 $(PYTEST) -q --timeout=0 tests/p4books/extract

test-lake: setup ## Run what proves by volume: several machines that are killed, and their servers
	P4BOOKS_EXAMPLES=1000 $(PYTEST) -q --timeout=0 -m "lake_proof or not lake_proof" tests/lake

lint: setup ## Check style, types, layers and SQL
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo
	printf '%s\n' mypy '$(LINT_SQL) sql/reporting sql/macros.sql' '$(LINT_SQL) sql/alerts sql/checks sql/core sql/staging' | xargs -P 2 -I {} sh -c '$(BIN)/{}'

format: setup ## Format code and SQL
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/sqlfluff fix --disable-progress-bar sql

dagster: setup ## Serve the example of Dagster with two sandboxes, on 127.0.0.1:3000
	$(BIN)/python -m p4books.dagster.example

docs: setup ## Write the list of models in sql/README.md from the SQL files
	$(BIN)/python -m p4books.publish.model_docs

pictures: setup ## Take the pictures of the README files
	$(BIN)/python -m tests.pictures

bench: setup ## Measure speed against a floor and plain dlt; about 40 minutes
	$(BIN)/python -m tests.benchmarks

bench-growth: setup ## Measure how cost grows, up to 500,000 invoices; about 20 minutes
	$(BIN)/python -m tests.benchmarks.growth

clean: ## Remove what was built; your data and settings stay
	rm -rf .venv .recipes .recipes.lock build dist .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis \
		.import_linter_cache
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
