# Every target sets up what it needs first; what is there already is not installed again (see vagrant/setup.sh).
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:

PYTHON := .venv/bin/python
SETUP := vagrant/setup.sh
SCRIPTS := .ci/run $(wildcard vagrant/*.sh tests/*.sh)

# What follows a command: `make test ARGS="-k ladder"`, `make serve ARGS="--config my.yaml"`.
ARGS ?=

# So many tests run side by side, each file in one of the processes; a file that ARGS names runs in this one.
WORKERS ?= $(if $(findstring .py,$(ARGS)),0,4)
PYTEST := $(PYTHON) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations 15

# COQUI=1 sets up Coqui's voices as well (2 GB), and runs their tests: `make test COQUI=1`.
COQUI ?=
export COQUI
SETUP_COQUI := $(if $(filter 1,$(COQUI)),coqui)

.PHONY: help
help: ## list the targets
	@echo 'make TARGET [ARGS="..."]'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-9s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: setup
setup: ## install everything that the other targets need
	@$(SETUP) all $(SETUP_COQUI)

.PHONY: demo
demo: ## show an alert that makes a phone ring, with a real Asterisk and a simulated carrier
	@$(SETUP) demo
	@$(PYTHON) -m tests.demo $(ARGS)

.PHONY: test
test: ## check the code and run all tests (ARGS go to pytest; COQUI=1: Coqui's too)
	@$(SETUP) test $(SETUP_COQUI)
	@$(MAKE) --no-print-directory check
	@$(PYTEST) $(ARGS)

.PHONY: property
property: ## drive the engine through a hundred thousand random steps, deaths included
	@$(SETUP) test
	@TOCSIN_PROPERTY_EXAMPLES=1000 $(PYTHON) -m pytest tests/properties --timeout 3600 $(ARGS)

# A failure is reproduced by the seed that the run begins with: `make fuzz SEED=123`.
SEED := $(or $(SEED),$(shell echo $$RANDOM$$RANDOM))
.PHONY: fuzz
fuzz: ## send nonsense to the interface and the parsers for some minutes (SEED=n: the same again)
	@$(SETUP) test
	@echo 'make fuzz SEED=$(SEED)'
	@HYPOTHESIS_PROFILE=searching TOCSIN_FUZZ_SEED=$(SEED) TOCSIN_FUZZ_TIMES=$${TOCSIN_FUZZ_TIMES:-20} $(PYTHON) -m pytest tests/fuzz tests/integration/test_ingest_fuzz.py \
		-v --timeout 3600 --durations 10 --hypothesis-seed=$(SEED) $(ARGS)

.PHONY: bench
bench: ## measure against references, print a table, write build/bench.json
	@$(SETUP) bench $(SETUP_COQUI)
	@$(PYTHON) -m tests.bench $(ARGS)

.PHONY: figures
figures: ## write what the last `make bench` measured into README.md and docs/performance.md
	@$(PYTHON) -m tests.bench.document $(ARGS)

.PHONY: screenshots
screenshots: ## take pictures of the pages into docs/screenshots
	@$(SETUP) test
	@$(PYTHON) -m tests.screenshots

.PHONY: serve
serve: ## run the gateway on SQLite under ./var
	@$(SETUP) serve $(SETUP_COQUI)
	@exec .venv/bin/tocsin serve $(ARGS)

.PHONY: lint
lint: ## check the code: ruff, mypy, import contracts
	@$(SETUP) lint
	@$(MAKE) --no-print-directory check

# A sentence of the code that has changed loses its translation: a wrong one would be worse. The .pot file is not kept.
.PHONY: messages
messages: ## bring the message catalogues up to date with the sentences in the code
	@$(SETUP) python
	@mkdir -p build
	@.venv/bin/pybabel -q extract -F gateway/wording/babel.cfg -k marked -c Translators: --no-location -o build/tocsin.pot .
	@.venv/bin/pybabel -q extract -F web/babel.cfg -k marked -k lazy_gettext -c Translators: --no-location -o build/pages.pot .
	@.venv/bin/pybabel -q update -D tocsin -i build/tocsin.pot -d gateway/wording/locale -w 110 --no-fuzzy-matching \
		--ignore-obsolete --ignore-pot-creation-date
	@.venv/bin/pybabel -q update -D pages -i build/pages.pot -d web/locale -w 110 --no-fuzzy-matching \
		--ignore-obsolete --ignore-pot-creation-date

.PHONY: asterisk
asterisk: ## get an Asterisk of its own into .asterisk (unless one is installed)
	@$(SETUP) asterisk

.PHONY: clean
clean: ## remove what was set up and built here (var/ and tocsin.yaml stay)
	rm -rf --one-file-system .venv .asterisk build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage
	find gateway actors web tests -type d -name __pycache__ -prune -exec rm -rf --one-file-system {} +

# What `lint` checks, with nothing set up first. Shell scripts are checked where shellcheck is installed.
.PHONY: check
check:
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@if command -v shellcheck >/dev/null; then shellcheck $(SCRIPTS); fi
