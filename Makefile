# make demo: install and run the whole workflow at demo scale.
# make test: install and run the tests.  make test-cluster: those on a SLURM of their own.
# make test-all: both in one run, which needs less time: they share the demo's results.
PYTHON ?= python3
CORES ?= 2
BIN := .venv/bin
# Python compiles what it imports; compiling all that is installed beforehand takes a minute.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile
# A job would compile all that it imports, 4 seconds each time, where Python may not keep that.
export PYTHONDONTWRITEBYTECODE :=
# Snakemake keeps files below HOME and fails where it can't: HOME is then a folder of this checkout.
WITH_HOME = cache="$${XDG_CACHE_HOME:-$${HOME:-/proc}/.cache}"; \
	if ! mkdir -p "$$cache" 2> /dev/null || ! test -w "$$cache"; then \
		echo "$$cache can't be written to; HOME is .snakemake/home for this run" >&2; \
		unset XDG_CACHE_HOME XDG_CONFIG_HOME; export HOME="$$PWD/.snakemake/home"; mkdir -p "$$HOME"; \
	fi; export USER="$${USER:-$$(id -un 2> /dev/null || echo nobody)}";

.PHONY: demo test test-cluster test-all lint docs lock clean

demo: .venv/installed
	@$(WITH_HOME) $(BIN)/python -m snakemake --cores $(CORES) --quiet host reason

test: .venv/installed-dev
	@$(WITH_HOME) $(BIN)/python -m pytest -m "not cluster"

# A SLURM that the tests start themselves; needs Debian's slurm-wlm and munge.
test-cluster: .venv/installed-dev
	@$(WITH_HOME) $(BIN)/python -m pytest -m cluster

test-all: .venv/installed-dev
	@$(WITH_HOME) $(BIN)/python -m pytest

# What .github or a reviewer would ask of the source itself.
lint: .venv/installed-dev
	$(BIN)/python -m ruff check . && $(BIN)/python -m ruff format --check .
	$(BIN)/python -c 'from snakefmt.snakefmt import main; main()' --check Snakefile workflow
	$(BIN)/python -m mypy

# The documentation as a site, build/docs/index.html; any warning is an error.
docs: .venv/installed-docs
	rm -rf build/docs docs/api/starmass.*
	@$(WITH_HOME) $(BIN)/python -m sphinx -n -W --keep-going -q docs build/docs
	@echo "build/docs/index.html is the site"

# Resolve the newest versions that pyproject.toml allows into the lock files (for maintainers; needs uv).
lock:
	envs/update_lock.sh

.venv/installed: envs/requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "starmass needs Python 3.11 or newer, and this is %s; try: make PYTHON=python3.12" % sys.version.split()[0])'
	@echo "Installing the tested versions into .venv (about 2 minutes; torch is large) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(PIP) -r envs/requirements.lock
	@$(PIP) --no-deps --editable .
	@touch $@

.venv/installed-dev: .venv/installed envs/requirements-dev.lock
	@$(PIP) -r envs/requirements-dev.lock
	@touch $@

.venv/installed-docs: .venv/installed envs/requirements-docs.lock
	@$(PIP) -r envs/requirements-docs.lock
	@touch $@

clean:
	rm -rf build docs/api/starmass.* results/[!R]* logs benchmarks/results .snakemake
