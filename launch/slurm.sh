#!/usr/bin/env bash
#SBATCH --job-name=srfeat_jax
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=32
#SBATCH --signal=TERM@120
#SBATCH --requeue
# One process per node, all of them one run. On SIGTERM it saves a checkpoint and
# ends with status 75; the job is then requeued and continues.
#   sbatch launch/slurm.sh configs/pretrain.py:srfeat /shared/runs/srfeat [FLAGS]
# The workdir must be on a disk that all nodes share.
set -euo pipefail
cd "${SLURM_SUBMIT_DIR:?run me with sbatch}"
rc=0
srun launch/local.sh "$@" --multihost || rc=$?
if [ "$rc" -eq 75 ]; then
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$rc"
