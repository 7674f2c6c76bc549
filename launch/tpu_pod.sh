#!/usr/bin/env bash
# Trains on all hosts of a Cloud TPU slice; the computer that this is called on
# may be closed meanwhile. Needs gcloud, logged in, and
# `ssh-add ~/.ssh/google_compute_engine`.
#   launch/tpu_pod.sh create NAME ZONE ACCELERATOR RUNTIME_VERSION [GCLOUD FLAGS]
#     asks for a slice by a queued resource: on demand, or with --spot or
#     --reserved; for example
#     create pod us-west4-a v5litepod-16 v2-alpha-tpuv5-lite --spot
#   launch/tpu_pod.sh start NAME REPOSITORY REVISION CONFIG WORKDIR [FLAGS]
#     waits for the slice, checks REVISION (a branch, tag or commit of REPOSITORY,
#     which `git clone` takes) out on every host, and trains; for example
#     start pod https://HOST/srfeat_jax.git main configs/pretrain.py:srfeat_pod \
#       gs://BUCKET/srfeat --config.data.train=/mnt/DIV2K
#   launch/tpu_pod.sh status NAME        what the slice and the hosts do
#   launch/tpu_pod.sh logs NAME [WORKER] follows the log of a host, or of "all"
#   launch/tpu_pod.sh stop NAME          saves a checkpoint and ends
#   launch/tpu_pod.sh resume NAME        goes on, with a new slice if it is gone
#   launch/tpu_pod.sh watch NAME         likewise, each time, until the run ends
#   launch/tpu_pod.sh delete NAME        gives the slice back
# With --dry-run before all of this every command is printed and none is run.
#
# On a host the run is a systemd service, srfeat_jax: it does not depend on an ssh
# session, and starts again after a crash and when the host boots. A preempted
# spot slice is another matter: Google deletes it, and somebody has to ask for a
# new one. `watch` does, on any computer that stays on.
set -euo pipefail

usage() {
  sed -n 's/^# \{0,1\}//; 2,/^set /{/^set /d; p;}' "$0" >&2
  exit 2
}
fail() {
  echo "error: $*" >&2
  exit 1
}

dry_run=
if [ "${1:-}" = --dry-run ]; then
  dry_run=yes
  shift
fi
for each in "$@"; do # which would be passed on, and the command run
  [ "$each" != --dry-run ] || fail "--dry-run comes first: $0 --dry-run ${1:-}"
done
[ $# -ge 2 ] || usage
command=$1 name=$2 may_create=
shift 2
records=$(dirname "$0")/../.cache/tpu_pod/$name
if [[ ! $name =~ ^[a-z][a-z0-9-]*$ ]]; then
  fail "NAME is \"$name\": Google takes lower-case letters, digits and hyphens"
fi

call() { # a command, or what it would be
  if [ -z "$dry_run" ]; then
    "$@"
    return
  fi
  local word space=
  for word in "$@"; do
    case $word in
      *[!A-Za-z0-9_./:=@%+,-]* | '') word="'${word//\'/\'\\\'\'}'" ;;
    esac
    printf '%s%s' "$space" "$word"
    space=' '
  done
  echo
}
say() { if [ -n "$dry_run" ]; then echo "# $*"; else echo "$*"; fi; }

# What was asked for is kept, so that the same can be asked for again.
keep() { # FILE WORDS...
  local file=$1
  shift
  [ -z "$dry_run" ] || return 0
  mkdir -p "$records"
  printf '%q ' "$@" > "$records/$file"
}
recall() { # FILE: its words become `words`
  if [ -r "$records/$1" ]; then
    eval "words=($(cat "$records/$1"))"
  elif [ -n "$dry_run" ]; then
    case $1 in
      slice) words=(ZONE ACCELERATOR RUNTIME_VERSION) ;;
      run) words=(REPOSITORY COMMIT CONFIG WORKDIR) ;;
    esac
  else
    fail "this computer knows of no $1 of \"$name\": $2"
  fi
}
known_slice() {
  recall slice "\`create\` it, or copy .cache/tpu_pod/$name from where that was done"
  zone=${words[0]} slice=("${words[@]}")
}
known_run() { recall run "\`start\` it" && run=("${words[@]}"); }

create_slice() {
  call gcloud compute tpus queued-resources create "$name" --node-id="$name" \
    --zone="$zone" --accelerator-type="${slice[1]}" \
    --runtime-version="${slice[2]}" ${slice[@]+"${slice[@]:3}"}
}
delete_slice() {
  call gcloud compute tpus queued-resources delete "$name" --zone="$zone" \
    --force --quiet
}

# Sets `state`: that of the queued resource; PREEMPTED if Google has taken its
# node away, but does not say so yet; ABSENT; or UNKNOWN without a connection.
look() {
  local output rc=0
  local describe=(gcloud compute tpus queued-resources describe "$name"
    --zone="$zone" --format='value(state.state)')
  if [ -n "$dry_run" ]; then
    call "${describe[@]}"
    state=ACTIVE
    return
  fi
  output=$("${describe[@]}" 2>&1) || rc=$?
  case $rc:$output in
    0:*) state=${output##*$'\n'} ;;
    *NOT_FOUND*) state=ABSENT ;;
    *) state=UNKNOWN && echo "$output" >&2 ;;
  esac
  if [ "$state" = ACTIVE ]; then
    case $(gcloud compute tpus tpu-vm describe "$name" --zone="$zone" \
      --format='value(state)' 2> /dev/null) in
      PREEMPTED | TERMINATED) state=PREEMPTED ;;
    esac
  fi
}

# Waits until the slice is there, and asks for a new one if it was preempted; if
# it is absent only with `may_create`: somebody may have deleted it on purpose.
ensure_slice() {
  local said=
  while :; do
    look
    if [ "$state" != "$said" ]; then say "$(date +%T) $name is $state"; fi
    said=$state
    case $state in
      ACTIVE)
        may_create= # what is deleted from here on somebody has deleted
        return
        ;;
      SUSPENDED | PREEMPTED)
        may_create=yes
        if delete_slice; then continue; fi
        ;;
      ABSENT)
        if [ -z "$may_create" ]; then
          fail "$name has been deleted: \`resume\` asks for a new slice"
        fi
        create_slice || say "$(date +%T) no new $name yet: trying again"
        ;;
      FAILED)
        fail "the request for $name has failed: see \`gcloud compute tpus" \
          "queued-resources describe $name --zone=$zone\`, then \`delete\` it"
        ;;
    esac
    sleep "${TPU_POLL_SECONDS:-60}"
  done
}

on_hosts() { # WORKER COMMAND
  call gcloud compute tpus tpu-vm ssh "$name" --zone="$zone" --worker="$1" \
    --command="$2"
}

# What a host does to take part. The images have Python 3.10: uv, a wheel, brings
# a newer one.
guest() { # REPOSITORY COMMIT CONFIG WORKDIR [FLAGS]
  local repository=$1 commit=$2 arguments
  shift 2
  printf -v arguments '%q ' "$@"
  printf 'repository=%q commit=%q arguments=%q\n' "$repository" "$commit" \
    "$arguments"
  cat << 'END'
set -eu
run="exec launch/local.sh $arguments--multihost"
case $(systemctl show srfeat_jax --property=SubState --value) in
  running | start | auto-restart)
    if [ "$(cat "$HOME/srfeat_jax_run.sh")" = "$run" ]; then
      echo "$(hostname): trains already"
      exit
    fi
    echo "error: $(hostname) trains something else: stop that first" >&2
    exit 1
    ;;
esac
cd
[ -d srfeat_jax ] || git clone --quiet "$repository" srfeat_jax
cd srfeat_jax
git remote set-url origin "$repository"
git fetch --quiet --tags --force origin
git checkout --quiet --detach "$commit"
if [ ! -x .venv/bin/python ]; then
  python3 -m pip install --quiet --upgrade --target="$HOME/.srfeat_uv" uv
  "$HOME/.srfeat_uv/bin/uv" venv --quiet --seed --python=3.12 .venv
fi
launch/install.sh tpu,gcs
echo "$run" > "$HOME/srfeat_jax_run.sh"
sudo tee /etc/systemd/system/srfeat_jax.service > /dev/null << UNIT
[Unit]
Description=srfeat_jax trains
Wants=network-online.target
After=network-online.target
# A mistake ends each try at once. Hosts that wait for another one, five minutes
# each time, go on doing so.
StartLimitIntervalSec=3600
StartLimitBurst=12

[Service]
Type=exec
User=$(id -un)
WorkingDirectory=$HOME/srfeat_jax
# Without TPU it must not train on the CPU instead.
Environment=JAX_PLATFORMS=tpu,cpu PYTHONUNBUFFERED=1
ExecStart=/bin/bash $HOME/srfeat_jax_run.sh
RemainAfterExit=yes
Restart=on-failure
RestartSec=20
# SIGTERM is for the program alone, which saves; its workers go with it.
KillMode=mixed
TimeoutStopSec=120

[Install]
WantedBy=multi-user.target
UNIT
sudo systemctl daemon-reload
sudo systemctl reset-failed srfeat_jax 2> /dev/null || true
sudo systemctl enable --quiet srfeat_jax
sudo systemctl restart srfeat_jax
echo "$(hostname): trains"
END
}
start_run() { on_hosts all "$(guest "${run[@]}")"; }

# The commit that a revision is, the same for every host and every new slice.
resolve() { # REPOSITORY REVISION: sets `commit`
  local refs ref
  local asked=("refs/heads/$2" "refs/tags/$2^{}" "refs/tags/$2")
  commit=$2
  if [ -n "$dry_run" ]; then
    call git ls-remote "$1" "${asked[@]}"
    return
  fi
  refs=$(git ls-remote "$1" "${asked[@]}")
  for ref in "${asked[@]}"; do
    commit=$(awk -v ref="$ref" '$2 == ref {print $1}' <<< "$refs")
    [ -z "$commit" ] || return 0
  done
  commit=$2
  if [[ ! $2 =~ ^[0-9a-f]{7,40}$ ]]; then
    fail "$1 has no branch or tag \"$2\": push it, or give a commit's hash"
  fi
}

# One line a host: whether the service starts by itself, and what it does.
report=$(cat << 'END'
echo "srfeat_jax: $(hostname)" \
  "$(systemctl show srfeat_jax --property=UnitFileState --value)" \
  "$(systemctl show srfeat_jax --property=SubState --value)"
END
)

watch_run() {
  local output
  while :; do
    ensure_slice
    if output=$(on_hosts all "$report"); then
      [ -z "$dry_run" ] || echo "$output"
      output=$(sed -n 's/^srfeat_jax: //p' <<< "$output")
      if grep -q ' disabled ' <<< "$output"; then
        say "the run was stopped: resume goes on with it"
        return
      elif grep -q ' enabled failed$' <<< "$output"; then
        echo "$output" >&2
        fail "the run has failed: \`launch/tpu_pod.sh logs $name\` shows why"
      elif [ -n "$output" ] && ! grep -qv ' enabled exited$' <<< "$output"; then
        say "the run has ended"
        return
      elif grep -qv ' enabled ' <<< "$output"; then
        say "$(date +%T) the run starts on $name"
        start_run || say "$(date +%T) not all hosts could start: trying again"
      fi
    else
      say "$(date +%T) not all hosts of $name answer"
    fi
    if [ -n "$dry_run" ]; then return; fi
    sleep "${TPU_POLL_SECONDS:-60}"
  done
}

case $command in
  create)
    [ $# -ge 3 ] || usage
    if [ -e "$records/slice" ] && [ -z "$dry_run" ]; then
      fail "\"$name\" has been created from here before: \`delete\` it first"
    fi
    slice=("$@") zone=$1
    create_slice
    keep slice "$@"
    ;;
  start)
    [ $# -ge 4 ] || usage
    known_slice
    resolve "$1" "$2"
    run=("$1" "$commit" "${@:3}")
    ensure_slice
    start_run
    keep run "${run[@]}"
    ;;
  resume)
    known_slice
    known_run
    may_create=yes
    ensure_slice
    start_run
    ;;
  watch)
    known_slice
    known_run
    if [ -n "$dry_run" ]; then
      look
      say "if it is SUSPENDED, which is what a preempted slice becomes:"
      delete_slice
      create_slice
      say "on hosts that are new:"
      start_run
      say "every ${TPU_POLL_SECONDS:-60} s, until the run has ended:"
      on_hosts all "$report"
    else
      watch_run
    fi
    ;;
  status)
    known_slice
    look
    say "$name is $state"
    [ "$state" != ACTIVE ] || on_hosts all "$report"
    ;;
  logs)
    known_slice
    on_hosts "${1:-0}" "sudo journalctl --unit=srfeat_jax --lines=200 --follow"
    ;;
  stop)
    known_slice
    on_hosts all "sudo systemctl disable --now --quiet srfeat_jax"
    ;;
  delete)
    known_slice
    delete_slice
    [ -n "$dry_run" ] || rm -rf "$records"
    ;;
  *) usage ;;
esac
