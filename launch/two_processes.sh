#!/usr/bin/env bash
# A pod in miniature, on the CPU of this machine: two processes with two devices
# each pre-train a tiny SRResNet on synthetic scenes and then train it with SRGAN's
# discriminator; they are asked to stop, and one process with four devices goes on
# to the end. All that a pod does but the network, in a few minutes.
#   launch/two_processes.sh [WORKDIRS]     default: a temporary folder
set -euo pipefail
absolute() { case $1 in /*) echo "$1" ;; *) echo "$PWD/$1" ;; esac; }
if [ $# -gt 1 ]; then
  echo "usage: launch/two_processes.sh [WORKDIRS]" >&2
  exit 2
fi
runs=${1:+$(absolute "$1")}
if [ -e "${runs:+$runs/gan}" ]; then
  echo "error: $runs holds such runs already: name another folder" >&2
  exit 1
fi
cd "$(dirname "$0")/.."
logs=$(mktemp -d)
runs=${runs:-$logs/runs}
pids=()
finish() {
  for pid in ${pids[@]+"${pids[@]}"}; do kill "$pid" 2> /dev/null || true; done
  wait
  rm -rf "$logs"
}
trap finish EXIT
export JAX_PLATFORMS=cpu PYTHONUNBUFFERED=1
export XLA_FLAGS="--xla_backend_optimization_level=0 ${XLA_FLAGS:-}"

train() { # DEVICES FLAGS: in place of this shell, so that signals reach it
  exec env JAX_NUM_CPU_DEVICES="$1" launch/local.sh "${@:2}" \
    --config.batch_size=8 \
    --config.crop_size=32 --config.generator.features=8 \
    --config.generator.num_blocks=2 --config.log_every=10
}
together() { # FLAGS: starts both processes
  local port process
  port=$(.venv/bin/python -c "import socket; s = socket.socket()
s.bind(('localhost', 0)); print(s.getsockname()[1])")
  pids=()
  for process in 0 1; do
    train 2 "$@" --coordinator_address="localhost:$port" --num_processes=2 \
      --process_id="$process" > "$logs/process$process" 2>&1 &
    pids+=($!)
  done
}
end_with() { # STATUS: of both processes
  local process rc
  for process in 0 1; do
    rc=0
    wait "${pids[process]}" || rc=$?
    if [ "$rc" -ne "$1" ]; then
      cat "$logs"/process[01]
      echo "error: process $process has ended with status $rc" >&2
      exit 1
    fi
  done
  pids=()
  grep -v -e '^\[Gloo\]' -e '^W[0-9]' "$logs/process0" || true
}
gan=(configs/gan.py:srgan_mse "$runs/gan" --config.init_from="$runs/pretrain"
  --config.discriminators.image.features=4
  --config.discriminators.image.hidden=16)

echo "=== pre-training: two processes"
together configs/pretrain.py:srresnet "$runs/pretrain" --config.num_steps=20
end_with 0
echo "=== adversarial training: two processes, until they are asked to stop"
together "${gan[@]}" --config.num_steps=1000000
until grep -qs . "$runs/gan/metrics.jsonl"; do
  for pid in "${pids[@]}"; do
    # What has ended too soon is told by its status.
    kill -0 "$pid" 2> /dev/null || end_with 75
  done
  sleep 1
done
kill "${pids[@]}"
end_with 75
step=$(find "$runs/gan/checkpoints" -maxdepth 1 -name '[0-9]*' -exec basename {} \;)
echo "=== the same run, from step $step on: one process with four devices"
(train 4 "${gan[@]}" --config.num_steps="$((step + 10))")
test -s "$runs/gan/generator.safetensors"
echo "two processes and one have trained the same run"
