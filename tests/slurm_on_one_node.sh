#!/usr/bin/env bash
# Runs launch/slurm.sh under a real Slurm of one node, this machine, which it
# starts in a temporary folder and ends again. As root, on Debian or Ubuntu:
#   apt-get install --no-install-recommends slurm-wlm munge
#   tests/slurm_on_one_node.sh [MINUTES]
# The node says that it has two GPUs, and the two tasks train on the CPU. First a
# job that does not ask for the CPU must be refused; then a run is stopped by the
# signal before its time limit, saves, is requeued and goes on to its last step.
# The time limit is MINUTES (default: 3), of which the first one or two must suffice
# to start training and the last one to save. Takes MINUTES and about five more.
set -euo pipefail
cd "$(dirname "$0")/.."
minutes=${1:-3}
for program in munged slurmctld slurmd sbatch; do
  if ! command -v "$program" > /dev/null; then
    echo "error: $program is not installed:" \
      "apt-get install --no-install-recommends slurm-wlm munge" >&2
    exit 1
  fi
done
if [ "$(id -u)" -ne 0 ]; then
  echo "error: run me as root: Slurm's daemons start tasks for others" >&2
  exit 1
fi

folder=$(mktemp -d /var/tmp/slurm_on_one_node.XXXXXX)
pids=() job=
finish() {
  if [ -n "$job" ] && [ -z "${passed:-}" ]; then
    scancel "$job" || true
    sleep 5
  fi
  for pid in ${pids[@]+"${pids[@]}"}; do kill "$pid" 2> /dev/null || true; done
  wait
  if [ -n "${passed:-}" ]; then rm -rf "$folder"; else
    echo "failed: logs are in $folder" >&2
  fi
}
trap finish EXIT

node=$(hostname -s)
chmod 0711 "$folder"
mkdir "$folder"/{state,spool}
dd if=/dev/urandom of="$folder/munge.key" bs=1024 count=1 status=none
chmod 0400 "$folder/munge.key"
cat > "$folder/slurm.conf" << END
ClusterName=one
SlurmctldHost=$node(127.0.0.1)
SlurmUser=root
SlurmctldPort=16817
SlurmdPort=16818
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
GresTypes=gpu
NodeName=$node NodeAddr=127.0.0.1 CPUs=2 Gres=gpu:2
PartitionName=all Nodes=$node Default=YES MaxTime=INFINITE State=UP
END
touch "$folder"/gpu{0,1}
echo "Name=gpu File=$folder/gpu[0-1]" > "$folder/gres.conf"
echo "CgroupAutomount=no" > "$folder/cgroup.conf"
export SLURM_CONF=$folder/slurm.conf
# What is trained is tiny: compiling it should not take longer.
export XLA_FLAGS="--xla_backend_optimization_level=0 \
--xla_llvm_disable_expensive_passes=true ${XLA_FLAGS:-}"

munged --foreground --force --num-threads=2 --socket="$folder/munge.socket" \
  --key-file="$folder/munge.key" --pid-file="$folder/munged.pid" \
  --seed-file="$folder/munged.seed" --log-file="$folder/munged.log" \
  > "$folder/munged.out" 2>&1 &
pids+=($!)
slurmctld -D > "$folder/slurmctld.out" 2>&1 &
pids+=($!)
slurmd -D -N "$node" > "$folder/slurmd.out" 2>&1 &
pids+=($!)

wait_for() { # SECONDS WHAT COMMAND...
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" > /dev/null 2>&1; do
    if [ "$SECONDS" -gt "$end" ]; then
      echo "error: $what did not happen in time" >&2
      exit 1
    fi
    sleep 2
  done
}
idle() { sinfo --noheader --format=%T | grep -qx idle; }
ended() { ! squeue --noheader --jobs="$1" | grep -q .; }
state() { squeue --noheader --states=all --jobs="$1" --format=%T; }
wait_for 120 "a node that is idle" idle
sinfo

# So many steps that the time limit comes first. When it has come, their number is
# set to what ends soon.
echo 1000000 > "$folder/steps"
cat > "$folder/config.py" << END
from srfeat_jax.configs import pretrain


def get_config():
  config = pretrain.get_config("srfeat_lite")
  with open("$folder/steps") as file:
    config.num_steps = int(file.read())
  return config
END

submit() { # NAME: the job's number
  sbatch --parsable --nodes=1 --gpus-per-node=2 --ntasks-per-node=2 \
    --cpus-per-task=1 --time="$minutes" --signal=TERM@60 --output="$folder/$1.log" \
    launch/slurm.sh "$folder/config.py" "$folder/$1" \
    --config.batch_size=2 --config.crop_size=16 \
    --config.generator.features=4 --config.generator.num_blocks=1 \
    --config.checkpoint_every=1000000 --config.log_every=100
}
expect() { # FILE PATTERN
  if ! grep -qE "$2" "$1"; then
    cat "$1"
    echo "error: $1 does not say \"$2\"" >&2
    exit 1
  fi
}

echo "a job that is given GPUs, and trains where JAX sees none"
job=$(unset JAX_PLATFORMS; submit refused)
wait_for 600 "the end of job $job" ended "$job"
test "$(state "$job")" = FAILED
expect "$folder/refused.log" "was given GPUs \(SLURM_GPUS_ON_NODE=2\), and JAX"
test ! -e "$folder/refused"

echo "a run that is longer than its time limit"
job=$(JAX_PLATFORMS=cpu JAX_NUM_CPU_DEVICES=1 submit run)
stops() { grep -q "requeuing job $job" "$folder/run.log"; }
wait_for $((60 * minutes + 300)) "the signal before the time limit" stops
expect "$folder/run.log" "on 2 x cpu; step 0 of 1000000"
expect "$folder/run.log" "stopped at step [0-9]+: the same command resumes there"
stopped=$(sed -n 's/.*stopped at step \([0-9]*\):.*/\1/p' "$folder/run.log")
echo $((stopped + 50)) > "$folder/steps"
echo "stopped at step $stopped; Slurm starts a requeued job after two minutes"
wait_for $((60 * minutes + 600)) "the end of job $job" ended "$job"
cat "$folder/run.log"
test "$(state "$job")" = COMPLETED
expect "$folder/run.log" "step $stopped of $((stopped + 50))"
expect "$folder/run.log" "done: "
test -f "$folder/run/generator.safetensors"
passed=yes
echo "stopped at step $stopped, requeued, resumed there and ended"
