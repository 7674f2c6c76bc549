#!/usr/bin/env bash
# Trains the weights in srfeat_jax/weights/pretrained again, by configs/shipped.py.
#   launch/train_shipped.sh DATA VGG19_FILE [WORKDIRS [FLAGS]]
# DATA/train has photos, bsds400 and imagenet274, a third of the crops from
# each, for srfeat-photo half from the last; DATA/benchmarks/Set5 is evaluated,
# but nothing is selected by it. WORKDIRS (default: runs/shipped) gets a workdir
# for each run, and the files. Takes about four hours on two CPU cores; after an
# interruption the same command continues.
set -euo pipefail
absolute() { case $1 in /*) echo "$1" ;; *) echo "$PWD/$1" ;; esac; }
if [ $# -lt 2 ]; then
  echo "usage: launch/train_shipped.sh DATA VGG19_FILE [WORKDIRS [FLAGS]]" >&2
  exit 2
fi
data=$(absolute "$1") vgg=$(absolute "$2")
runs=$(absolute "${3:-runs/shipped}")
flags=("${@:4}")
cd "$(dirname "$0")/.."

imagenet=1 # how often a crop is from there for each of another folder
train() { # VARIANT [FLAGS]
  launch/local.sh "configs/shipped.py:$1" "$runs/$1" \
    --config.data.train="$data/train/photos=1,$data/train/bsds400=1,$data/train/imagenet274=$imagenet" \
    --config.data.benchmarks="$data/benchmarks" "${@:2}" \
    ${flags[@]+"${flags[@]}"}
}

ship() { # VARIANT NAME
  .venv/bin/python -m srfeat_jax.convert import "$runs/$1" --dtype=float16 \
    --output="$runs/$2.safetensors"
}

launch/install.sh convert
train srfeat_lite
train srfeat_lite_more --config.init_from="$runs/srfeat_lite"
ship srfeat_lite_more srfeat-lite
train srfeat_lite_gan --config.init_from="$runs/srfeat_lite_more" \
  --config.vgg_weights="$vgg"
train srfeat_lite_gan_more --config.init_from="$runs/srfeat_lite_gan" \
  --config.vgg_weights="$vgg"
ship srfeat_lite_gan_more srfeat-lite-gan
train srfeat_photo_psnr --config.init_from="$runs/srfeat_lite_more"
ship srfeat_photo_psnr srfeat-photo-psnr
imagenet=2
train srfeat_photo --config.init_from="$runs/srfeat_photo_psnr" \
  --config.vgg_weights="$vgg"
ship srfeat_photo srfeat-photo
