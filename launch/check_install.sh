#!/usr/bin/env bash
# Makes sure that an installation works: --help of every program, and a training
# run of two steps, with validation, that goes on for two more.
#   launch/check_install.sh
# PYTHON names the interpreter (default: .venv/bin/python). Leaves nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# What is trained is tiny: compiling it should not take longer.
export XLA_FLAGS="--xla_backend_optimization_level=0 ${XLA_FLAGS:-}"

for program in main evaluate upscale convert sweep degrade prepare report demo \
  browser mos; do
  # absl's --help ends with status 1, so its text is what counts.
  "$python" -m "srfeat_jax.$program" --help > "$folder/help" 2>&1 || true
  if ! grep -q "^flags:$" "$folder/help"; then
    cat "$folder/help"
    echo "error: srfeat_jax.$program does not start" >&2
    exit 1
  fi
  echo "srfeat_jax.$program starts"
done
for steps in 2 4; do
  "$python" -m srfeat_jax.main --config=configs/quickstart.py \
    --config.num_steps="$steps" --config.batch_size=2 --config.crop_size=16 \
    --config.generator.features=4 --config.generator.num_blocks=1 \
    --config.data.benchmarks= --workdir="$folder/run"
done
test -s "$folder/run/generator.safetensors"
echo "a run trains, resumes and ends"
