# `make up` runs everything, `make test` proves it. Only Python 3.11+ with venv is needed; no root.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
BIND ?= $(or $(VIGIL_BIND),127.0.0.1:8000)

.PHONY: up test check bench fuzz audit lock clean help

up: $(VENV)/.synced-up
	@exec $(BIN)/python manage.py up --bind $(BIND)

test: $(VENV)/.synced-dev
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

check: $(VENV)/.synced-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py texts --check
	$(BIN)/python manage.py docs --check

bench: $(VENV)/.synced-dev
	$(BIN)/python -m tests.bench.startup
	$(BIN)/python -m tests.bench.ingest
	$(BIN)/python -m tests.bench.otlp
	$(BIN)/python -m tests.bench.promql
	$(if $(SCENARIOS),$(BIN)/python -W ignore -m tests.bench.drift $(SCENARIOS))
	$(if $(SCENARIOS),$(BIN)/python -W ignore -m tests.bench.canary $(SCENARIOS))
	$(BIN)/python -m tests.bench.canary 40
	$(BIN)/python -m tests.bench.rollouts
	$(BIN)/python -W ignore -m tests.bench.judged
	$(if $(and $(SCENARIOS),$(ADDRESS)),$(BIN)/python -W ignore -m tests.bench.product $(SCENARIOS) $(ADDRESS))
	$(if $(and $(SCENARIOS),$(ADDRESS)),$(BIN)/python -W ignore -m tests.bench.gates $(SCENARIOS) $(ADDRESS))
	$(BIN)/python -m tests.bench.redaction
	$(BIN)/python -m tests.bench.search
	$(BIN)/python -m tests.bench.growth
	$(BIN)/python -m tests.bench.rules
	$(BIN)/python -m tests.bench.alerts
	$(BIN)/python -m tests.bench.changes
	$(BIN)/python -m tests.bench.history
	$(BIN)/python -m tests.bench.gpus
	$(BIN)/python -m tests.bench.boards
	$(BIN)/python -m tests.bench.summary
	$(BIN)/python -m tests.bench.active
	$(BIN)/python -m tests.bench.sizing
	$(if $(filter 0,$(shell id -u)),$(BIN)/python -m tests.bench.hosts)

# Atheris weighs 130 MB and serves nothing else, so it lies apart; what makes a decoder fall over stays as crash-*
SECONDS ?= 60
fuzz: $(VENV)/.synced-dev
	@test -d .fuzz/atheris || $(BIN)/uv pip install -q --python $(BIN)/python --target .fuzz 'atheris>=3,<4'
	PYTHONPATH=.fuzz $(BIN)/python -W ignore -m tests.fuzz.decoders -max_total_time=$(SECONDS) -timeout=10 \
	  -rss_limit_mb=1500 -max_len=20000 .fuzz/corpus tests/fuzz/seeds

# known holes of what the lock names; asks PyPI about each package, and one that it could not ask about is no clean one
audit: $(VENV)/bin/uv
	$(BIN)/uv tool run pip-audit -r requirements.txt --disable-pip --require-hashes --strict

# what is installed is exactly what the lock says, by hash
lock: $(VENV)/bin/uv
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-header --no-annotate --no-emit-index-url \
	  --no-emit-find-links -p 3.11 pyproject.toml --extra server -o requirements.txt
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-header --no-annotate --no-emit-index-url \
	  --no-emit-find-links -p 3.11 pyproject.toml --extra server --group dev -c requirements.txt -o requirements-dev.txt

clean:
	rm -rf $(VENV) .fuzz .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@echo "var/ holds your data and was kept; remove it yourself if you mean it"

help:
	@sed -n 's/^\([a-z][a-z]*\):.*/\1/p' Makefile

$(VENV)/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Vigil needs Python 3.11 or newer; set PYTHON=python3.12 or the like"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
	  { echo "this Python can't make virtual environments; on Debian: apt-get install python3-venv"; exit 1; }
	@echo "making $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check 'uv>=0.9,<1'

# packages for tests hold those for running; going back to fewer is never needed
$(VENV)/.synced-up: requirements.txt | $(VENV)/bin/uv
	@if ! test $(VENV)/.synced-dev -nt requirements.txt; then \
	  echo "installing what requirements.txt names" && rm -f $(VENV)/.synced-dev && \
	  $(BIN)/uv pip sync -q --python $(BIN)/python --require-hashes requirements.txt; fi
	@touch $@

$(VENV)/.synced-dev: requirements-dev.txt | $(VENV)/bin/uv
	@echo "installing what requirements-dev.txt names"
	@$(BIN)/uv pip sync -q --python $(BIN)/python --require-hashes requirements-dev.txt
	@touch $@ $(VENV)/.synced-up
