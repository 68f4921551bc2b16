# make demo: install and run the whole workflow at demo scale.  make test: install and run the tests.
PYTHON ?= python3
CORES ?= 2
BIN := .venv/bin

.PHONY: demo test lint lock clean

demo: .venv/installed
	@$(BIN)/snakemake --cores $(CORES) --quiet host reason

test: .venv/installed-dev
	@$(BIN)/python -m pytest

# What .github or a reviewer would ask of the source itself.
lint: .venv/installed-dev
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/snakefmt --check Snakefile workflow && $(BIN)/mypy

# Resolve the newest versions that pyproject.toml allows into the lock files (for maintainers; needs uv).
lock:
	envs/update_lock.sh

.venv/installed: envs/requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "starmass needs Python 3.11 or newer, and this is %s; try: make PYTHON=python3.12" % sys.version.split()[0])'
	@echo "Installing the tested versions into .venv (about 2 minutes; torch is large) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r envs/requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

.venv/installed-dev: .venv/installed envs/requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r envs/requirements-dev.lock
	@touch $@

clean:
	rm -rf results/[!R]* logs benchmarks/results .snakemake
