#!/usr/bin/env bash
# Trains on every host of a Cloud TPU pod slice that already exists.
#   launch/tpu_pod.sh NAME ZONE REPOSITORY configs/pretrain.py:srfeat \
#     /mnt/shared/runs/srfeat [FLAGS]
# REPOSITORY is what `git clone` takes. The workdir must be on a disk that
# all hosts have mounted, such as Filestore. Needs gcloud, logged in.
set -euo pipefail
if [ $# -lt 5 ]; then
  echo "usage: launch/tpu_pod.sh NAME ZONE REPOSITORY CONFIG WORKDIR [FLAGS]" >&2
  exit 2
fi
name=$1 zone=$2 repository=$3
shift 3
printf -v arguments ' %q' "$@"
exec gcloud compute tpus tpu-vm ssh "$name" --zone="$zone" --worker=all \
  --command="set -e
    [ -d srfeat_jax ] || git clone '$repository' srfeat_jax
    cd srfeat_jax && launch/install.sh tpu
    launch/local.sh$arguments --multihost"
