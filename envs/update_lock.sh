#!/bin/sh
# Resolve pyproject.toml into the lock files, for every platform and Python from 3.11 on.
set -eu
cd "$(dirname "$0")/.."
options="--universal --python-version 3.11 --no-annotate --no-header --quiet --upgrade"
head='# The tested versions; written by envs/update_lock.sh from pyproject.toml. '
.venv/bin/uv pip compile $options --extra slurm -c envs/constraints.txt pyproject.toml -o envs/.runtime
.venv/bin/uv pip compile $options --extra slurm --extra dev -c envs/constraints.txt -c envs/.runtime pyproject.toml -o envs/.dev
.venv/bin/uv pip compile $options --extra slurm --extra docs -c envs/constraints.txt -c envs/.runtime pyproject.toml -o envs/.docs
{ echo "$head"'The workflow runs with these.'; cat envs/.runtime; } > envs/requirements.lock
{ echo "$head"'The tests run with these.'; cat envs/.dev; } > envs/requirements-dev.lock
{ echo "$head"'The documentation is built with these.'; cat envs/.docs; } > envs/requirements-docs.lock
rm envs/.runtime envs/.dev envs/.docs
