#!/usr/bin/env bash
# From nothing to a trained, judged generator in minutes, on two CPU cores.
#   launch/quickstart.sh [FOLDER [BENCHMARKS [--config.x=y ...]]]
# FOLDER holds pictures to train on (default: embedded synthetic scenes),
# BENCHMARKS holds SET/HR/*.png to judge on (default: held-out scenes).
# WORKDIR chooses where the results go (default: runs/quickstart).
# Stopped while it trains, it ends there; the same command goes on.
set -euo pipefail
absolute() { case $1 in /* | synthetic) echo "$1" ;; *) echo "$PWD/$1" ;; esac; }
train=$(absolute "${1:-synthetic}")
benchmarks=$(absolute "${2:-synthetic}")
workdir=${WORKDIR:+$(absolute "$WORKDIR")}
cd "$(dirname "$0")/.."
workdir=${workdir:-$PWD/runs/quickstart}

launch/install.sh
export JAX_COMPILATION_CACHE_DIR=${JAX_COMPILATION_CACHE_DIR:-$PWD/.cache/jax}
.venv/bin/python -m srfeat_jax.main --config=configs/quickstart.py \
  --config.data.train="$train" --config.data.benchmarks="$benchmarks" \
  --workdir="$workdir" "${@:3}"
.venv/bin/python -m srfeat_jax.evaluate --weights="$workdir" \
  --benchmarks="$benchmarks" --output="$workdir/results" --save_images

cat <<END

Everything is in $workdir:
  generator.safetensors     the trained network
  checkpoints/              everything needed to go on training
  training_curve.png        loss and PSNR by step
  results/comparison.png    bicubic, ours and the target side by side
  results/results.md        the table above, and each image

Next:
  enlarge a picture     .venv/bin/python -m srfeat_jax.upscale PHOTO.jpg \\
                          --weights=$workdir --output=PHOTO_x4.png
  watch the curves      .venv/bin/tensorboard --logdir=$workdir
  train on your photos  launch/quickstart.sh FOLDER
  train for real        see "Train" in README.md
END
