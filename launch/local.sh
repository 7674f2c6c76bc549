#!/usr/bin/env bash
# Trains on all devices of this machine, with a persistent compilation cache.
#   launch/local.sh configs/pretrain.py:srfeat runs/srfeat [--config.x=y ...]
# CONFIG is relative to the repository, WORKDIR to the current folder.
set -euo pipefail
absolute() { case $1 in /* | *://*) echo "$1" ;; *) echo "$PWD/$1" ;; esac; }
if [ $# -lt 2 ]; then
  echo "usage: launch/local.sh CONFIG[:VARIANT] WORKDIR [FLAGS]" >&2
  exit 2
fi
config=$1 workdir=$(absolute "$2")
shift 2
cd "$(dirname "$0")/.."
export JAX_COMPILATION_CACHE_DIR=${JAX_COMPILATION_CACHE_DIR:-$PWD/.cache/jax}
exec .venv/bin/python -m srfeat_jax.main \
  --config="$config" --workdir="$workdir" "$@"
