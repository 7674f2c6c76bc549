#!/usr/bin/env bash
# Makes .venv, then checks style and runs the tests, a process a core.
#   tests/run.sh [PYTEST ARGUMENTS]
set -euo pipefail
cd "$(dirname "$0")/.."
launch/install.sh test
.venv/bin/ruff check .
.venv/bin/ruff format --check --quiet .
exec .venv/bin/python -m pytest --numprocesses=auto --dist=loadfile \
  --no-loadscope-reorder "$@"
