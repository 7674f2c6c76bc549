#!/usr/bin/env bash
# From nothing to a trained and evaluated generator in minutes, on two CPU cores.
#   launch/quickstart.sh [FOLDER [BENCHMARKS [--config.x=y ...]]]
# FOLDER holds images to train on (default: built-in synthetic scenes),
# BENCHMARKS holds SET/HR/*.png to evaluate on (default: held-out scenes).
# WORKDIR chooses where the results go (default: runs/quickstart).
# If training is interrupted, the same command continues it.
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
  checkpoints/              everything needed to continue training
  training_curve.png        loss and PSNR by step
  results/comparison.png    bicubic, ours and the original side by side
  results/results.md        the table above, and the scores of each image

Next:
  upscale an image      .venv/bin/python -m srfeat_jax.upscale PHOTO.jpg \\
                          --weights=$workdir --output=PHOTO_x4.png
  watch the curves      .venv/bin/tensorboard --logdir=$workdir
  train on your photos  launch/quickstart.sh FOLDER
  train for real        see docs/training.md
END
