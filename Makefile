# The two commands: `make demo` and `make test`. Everything goes into .venv (and .uv, where there is no uv).

PYTHON ?= python3
# Tests wait about as long as they work: three keep two cores busy.
WORKERS := 3
VENV := .venv
BIN := $(VENV)/bin
# Not `abspath`, which takes a space in a folder's name for the end of it.
export UV_PROJECT_ENVIRONMENT := $(CURDIR)/$(VENV)
# A uv that is on the PATH is used; else one is put into the project's own folder.
UV := $(or $(shell command -v uv 2>/dev/null),.uv/bin/uv)

# Bytecode is kept, whatever the machine says: a process of ours starts in two thirds of the time, and the tests start
# hundreds of them.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test faults acceptance browser matrix django-suite lint unit conformance soak bench clean

help: ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.ready ## install everything into .venv (quick when nothing changed)

$(VENV)/.ready: pyproject.toml uv.lock Makefile | $(UV)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is older than Python 3.11; choose another one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/python || $(UV) venv --quiet --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $(VENV)
	$(UV) sync --locked --all-extras --compile-bytecode --quiet
	@touch $@

.uv/bin/uv:
	@echo "uv is not on the PATH; installing it into .uv"
	@$(PYTHON) -m venv .uv || { echo "Python's venv module is needed (apt install python3-venv)"; rm -rf .uv; exit 1; }
	@.uv/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'

demo: setup ## the main job: platform, project, replica, the example site (ARGS="--once" checks it and stops)
	@$(BIN)/dormouse demo $(ARGS)

test: lint ## lint, then the tests of the parts, alone and together (ARGS="tests/unit -x" for some of them)
	$(BIN)/python -m pytest -n $(WORKERS) --durations=25 $(or $(ARGS),-m "not faults" tests/unit tests/integration tests/contract)

faults: setup ## kill -9 after every step, full disks, lost files, a clock that is set back: what the next start makes of it
	$(BIN)/python -m pytest -n $(WORKERS) --durations=10 -m faults $(or $(ARGS),tests/integration)

acceptance: setup ## users' stories: the demo, the guides, the site, the hunt for stale reads; and a quick look at the soak
	$(BIN)/python -m pytest -n 2 --durations=10 $(or $(ARGS),tests/acceptance tests/soak)

# The newest Django needs Python 3.12; the interpreters that this machine has are used, and none is downloaded.
OTHERS := 3.12 3.13

matrix: setup ## the Django half on Python 3.12 and 3.13, and so on the newest Django, where the machine has them
	@for version in $(OTHERS); do \
	  python=$$($(UV) python find --no-python-downloads $$version 2>/dev/null \
	    || ls "$$HOME"/.pyenv/versions/$$version.*/bin/python$$version 2>/dev/null | tail -1); \
	  test -n "$$python" || { echo "no Python $$version here"; continue; }; \
	  export UV_PROJECT_ENVIRONMENT="$(CURDIR)/.venv-$$version"; \
	  $(UV) sync --locked --all-extras --quiet --python $$python || exit 1; \
	  .venv-$$version/bin/python -c 'import django, sys; print("Python", sys.version.split()[0], "Django", django.__version__)'; \
	  .venv-$$version/bin/python -m pytest -q -n 2 tests/unit/django_dormouse tests/integration/django_dormouse || exit 1; \
	done

django-suite: setup ## Django's own tests on its backend and on ours, test by test (ARGS="--quick --way pool"; an hour for all)
	@UV="$(UV)" $(BIN)/python tests/django_suite/run.py $(ARGS)

browser: setup ## the site and the console in Chromium; in a process of its own, since Playwright keeps an event loop in it
	$(BIN)/python -m pytest tests/browser $(ARGS)

lint: setup ## ruff, types, and which module may import which
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/unit/test_arrows.py

unit: setup ## the tests without processes and sockets, in some seconds
	$(BIN)/python -m pytest -q tests/unit $(ARGS)

conformance: setup ## the API, judged by Neon's own clients and specification; they come into .conformance once (Node)
	@$(BIN)/python tests/contract/clients/install.py
	$(BIN)/python -m pytest -n 2 --dist loadfile --conformance $(or $(ARGS),tests/contract)

soak: setup ## clients let loose, branches, moments, kills, a ledger, a million openings: half an hour (ARGS="--soak 600 --seed 8")
	TMPDIR=$${TMPDIR:-/tmp} $(BIN)/python -m pytest tests/soak -s --soak 60 $(ARGS)

bench: setup ## what things cost, beside their peers (minutes; wants a quiet machine, pgbench and pgbouncer)
	$(BIN)/python bench/lifecycle.py
	$(BIN)/python bench/proxy.py
	$(BIN)/python bench/api.py
	$(BIN)/python bench/console.py
	$(BIN)/python bench/branches.py
	$(BIN)/python bench/django.py
	$(BIN)/python bench/replicas.py

clean: ## remove what was installed here; homes and their data stay
	rm -rf $(VENV) .venv-* .uv .conformance .django-suite dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
