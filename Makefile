# Everything runs through uv and the locked environment. Python is all that has to be there: when
# uv is not on the PATH, a pinned one is installed into .uv/ first.
UV_VERSION := 0.13.9
PYTHON ?= python3
UV := $(or $(shell command -v uv 2>/dev/null),.uv/bin/uv)
RUN := $(UV) run --frozen
ARGS ?=
# Tests wait for servers a fifth of their time: with three at once two cores rest an eighth of it.
WORKERS ?= 4
VERSION ?=
DRY ?= 1

.DEFAULT_GOAL := help
.PHONY: help demo start stop status test coverage test-unit test-faults bench docs format lint release clean-file

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: | $(UV) ## Train a model, register it, see it announced and fetch it back
	@$(RUN) python -m local start
	@eval "$$($(RUN) python -m local env)" && \
	  $(RUN) python -m examples.demo "http://localhost:$${REGISTRY_PORT:-8000}" $(ARGS)

start: | $(UV) ## Start servers and services; leaves alone what runs
	@$(RUN) python -m local start $(ARGS)

stop: | $(UV) ## Stop servers and services; data stays
	@$(RUN) python -m local stop

status: | $(UV) ## Show each server and service
	@$(RUN) python -m local status

test: | $(UV) ## Run all tests; ARGS goes to pytest
	$(RUN) python -m pytest $(ARGS) -n $(WORKERS) --dist worksteal

coverage: | $(UV) ## Run all tests with coverage, also of the services' processes; ARGS goes to pytest
	$(RUN) python -m pytest $(ARGS) -n $(WORKERS) --dist worksteal --cov

test-unit: | $(UV) ## Run the tests that need no server; ARGS goes to pytest
	$(RUN) python -m pytest tests/unit $(ARGS)

test-faults: | $(UV) ## Kill and freeze everything, in the long form; ARGS goes to pytest
	$(RUN) python -m pytest tests/faults --faults=long $(ARGS)

bench: | $(UV) ## Measure; ARGS goes to the benchmark
	@$(RUN) python -m bench $(ARGS)

format: | $(UV) ## Rewrite the code in the project's format
	$(RUN) ruff format .
	$(RUN) ruff check --fix .

docs: | $(UV) ## Write docs/api and the table in docs/security.md anew from the code, and build site/
	@$(RUN) python -m tools.api_documents
	@$(RUN) python -m tools.command_schemas
	@$(RUN) python -m tools.access_matrix
	@NO_MKDOCS_2_WARNING=1 $(RUN) python -m mkdocs build --strict # with --quiet it counts no warnings

lint: | $(UV) ## Check format, rules, types and imports; rewrites nothing
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) pyright
	$(RUN) lint-imports

release: | $(UV) ## Tell what VERSION=x.y.z would release; DRY=0 makes the release
	@$(RUN) python -m tools.release $(VERSION) $(if $(filter 0,$(DRY)),--no-dry-run)

clean-file: ## Delete the files that Python and its tools leave behind
	rm -rf .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage .coverage.* htmlcov
	find . -type d -name __pycache__ -not -path './.venv/*' -not -path './.uv/*' -prune -exec rm -rf {} +

.uv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "Python 3.11 or newer is needed as '$(PYTHON)'; name another one: make PYTHON=..."; exit 1; }
	@echo "uv is not on the PATH: installing uv $(UV_VERSION) into .uv/"
	@$(PYTHON) -m venv .uv
	@.uv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
