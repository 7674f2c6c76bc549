#!/usr/bin/env bash
#SBATCH --job-name=srfeat_jax
#SBATCH --nodes=2
#SBATCH --gpus-per-node=8
#SBATCH --ntasks-per-node=8
#SBATCH --cpus-per-task=8
#SBATCH --signal=TERM@120
#SBATCH --requeue
#SBATCH --open-mode=append
# A task for each GPU, all of them one run: under Slurm JAX gives a task the one
# GPU that has its number on the node. With fewer tasks than GPUs the run refuses
# to start. Two minutes before the time limit SIGTERM reaches the tasks: they save
# a checkpoint and end with status 75, and the job is requeued and continues.
#   sbatch launch/slurm.sh configs/pretrain.py:srfeat_pod /shared/srfeat [FLAGS]
# What differs goes before the script:
#   sbatch --nodes=1 --gpus-per-node=4 --ntasks-per-node=4 launch/slurm.sh ...
# Repository, data and workdir must be on disks that all nodes share; the workdir
# may also be an address, gs://BUCKET/FOLDER.
set -euo pipefail
cd "${SLURM_SUBMIT_DIR:?run me with sbatch}"
# From Slurm 22.05 on srun takes the CPUs of a task from this alone.
export SRUN_CPUS_PER_TASK=${SLURM_CPUS_PER_TASK:-1}
export PYTHONUNBUFFERED=1 # so that the log shows how far the run is
rc=0
# Each task sees all GPUs of its node, of which JAX takes one. When the first task
# has saved, the others may still be writing: its end must not end them.
srun --gpu-bind=none --kill-on-bad-exit=0 \
  launch/local.sh "$@" --multihost || rc=$?
if [ "$rc" -eq 75 ]; then
  echo "stopped by SIGTERM with its state saved: requeuing job $SLURM_JOB_ID"
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$rc"
