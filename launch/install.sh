#!/usr/bin/env bash
# Creates .venv in the repository and installs the project into it, with all
# that training needs.
#   launch/install.sh [EXTRAS]     EXTRAS of pyproject.toml, separated by commas:
#   cuda, tpu, convert (reads Keras' VGG-19), onnx and stablehlo (for convert
#   export), heif (HEIC files), gcs (workdirs at gs://...), demo (the web page of
#   srfeat_jax.demo), test, pages (playwright, for scripts that try pages in a
#   browser)
# Does nothing if .venv already has what pyproject.toml and requirements.txt ask
# for. PYTHON names the interpreter (3.11 or newer).
set -euo pipefail
cd "$(dirname "$0")/.."
extras=${1:-}

if [ ! -x .venv/bin/python ]; then
  for python in ${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
      2>/dev/null && break
    python=
  done
  if [ -z "$python" ]; then
    echo "error: no Python 3.11 or newer found: install one, or name it" \
      "as PYTHON=/path/to/python; or pip install uv, and uv venv --seed" \
      "--python=3.12 .venv" >&2
    exit 1
  fi
  echo "creating .venv with $("$python" --version)"
  "$python" -m venv .venv || {
    rm -rf .venv
    echo "error: $python cannot create virtual environments: on Debian and" \
      "Ubuntu, apt install python3-venv" >&2
    exit 1
  }
fi

wanted="$extras $(cat pyproject.toml requirements.txt | cksum)"
if ! grep -qxF "$wanted" .venv/installed 2>/dev/null; then
  echo "installing (about 2.5 GB on disk, and minutes, the first time)"
  .venv/bin/python -m pip install --quiet --disable-pip-version-check \
    --editable ".[train${extras:+,$extras}]"
  echo "$wanted" >> .venv/installed
fi
