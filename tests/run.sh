#!/usr/bin/env bash
# Makes .venv, then checks style and types and runs the tests, one process per
# core.
#   tests/run.sh [PYTEST ARGUMENTS]
set -euo pipefail
cd "$(dirname "$0")/.."
launch/install.sh test
.venv/bin/ruff check .
.venv/bin/ruff format --check --quiet .
.venv/bin/python -m mypy
exec .venv/bin/python -m pytest --numprocesses=auto --dist=loadfile \
  --no-loadscope-reorder "$@"
