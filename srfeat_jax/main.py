"""Trains a generator.

python -m srfeat_jax.main --config=configs/pretrain.py --workdir=runs/srfeat

The same command resumes an interrupted run. Any field of the config can be
set as `--config.num_steps=1000`.

Several processes, started with the same flags, train together if a scheduler
says which they are (--multihost: Slurm, Open MPI, Cloud TPU, GKE), or if each
is told where process 0 is, and which one it is (--coordinator_address,
--num_processes, --process_id). docs/many_devices.md has the commands.

The exit status tells how the run ended: 0 when it reached its last step, 130
when Ctrl-C and 75 when SIGTERM stopped it (its state is saved), 1 after an
error.
"""

from collections.abc import Sequence

from absl import flags

from srfeat_jax import cli, config_flag, errors

_CONFIG = config_flag.define()
_WORKDIR = flags.DEFINE_string(
  "workdir", None, "Folder of the run, made if it is missing."
)
_MULTIHOST = flags.DEFINE_bool(
  "multihost",
  False,
  "Joins the processes that a scheduler (Slurm, Open MPI, Cloud TPU, GKE) has"
  " started into a run.",
)
_COORDINATOR = flags.DEFINE_string(
  "coordinator_address",
  None,
  "HOST:PORT of process 0, to join processes that no scheduler has started; the"
  " same in all of them. Goes with --num_processes and --process_id.",
)
_NUM_PROCESSES = flags.DEFINE_integer(
  "num_processes", None, "How many processes train together."
)
_PROCESS_ID = flags.DEFINE_integer(
  "process_id", None, "Which of them this one is, from 0."
)
_JOIN_TIMEOUT = flags.DEFINE_integer(
  "join_timeout",
  300,
  "Seconds in which all processes must have joined the run.",
  lower_bound=1,
)
_ALLOW_CHANGE = flags.DEFINE_list(
  "allow_change",
  [],
  "What may differ from the config that the run had so far: batch_size,"
  " learning_rate, discriminator_learning_rate.",
)
flags.mark_flag_as_required("workdir")


def main(argv: Sequence[str]) -> int:
  """Trains as the flags say."""
  if len(argv) > 1:
    raise errors.InputError(
      f'"{argv[1]}" is not a flag: give --config=FILE and --workdir=FOLDER'
    )
  if _check_processes():
    from srfeat_jax.training import cluster

    match _COORDINATOR.value, _NUM_PROCESSES.value, _PROCESS_ID.value:
      case str(address), int(number), int(index):
        place = cluster.Place(address, number, index)
      case _:
        place = None  # the scheduler's
    cluster.join(place, _JOIN_TIMEOUT.value)
  from srfeat_jax import train
  from srfeat_jax.training import interruption
  from srfeat_jax.training import workdir as workdir_lib

  config = _CONFIG.value
  if workdir_lib.counts_steps(str(_WORKDIR.value)):
    config = config_flag.again("--config.schedule_in=steps")
  try:
    train.train_and_evaluate(config, str(_WORKDIR.value), _ALLOW_CHANGE.value)
  except interruption.Stopped as stopped:
    return stopped.status
  return 0


def _check_processes() -> bool:
  """Whether several processes train together.

  Raises:
    errors.InputError: the flags that say so do not go together.
  """
  flags_of_place = (_COORDINATOR, _NUM_PROCESSES, _PROCESS_ID)
  present = [f"--{each.name}" for each in flags_of_place if each.present]
  if _MULTIHOST.value and present:
    raise errors.InputError(
      f"--multihost and {present[0]} do not go together: with the former the"
      " scheduler says which processes there are"
    )
  absent = [f"--{each.name}" for each in flags_of_place if not each.present]
  if present and absent:
    raise errors.InputError(
      f"{' and '.join(present)} without {' and '.join(absent)}: give all three,"
      " or --multihost where a scheduler knows them"
    )
  if _JOIN_TIMEOUT.present and not (_MULTIHOST.value or present):
    raise errors.InputError(
      "--join_timeout is of processes that train together: give it with"
      " --multihost, or with --coordinator_address, --num_processes and"
      " --process_id"
    )
  return bool(_MULTIHOST.value or present)


if __name__ == "__main__":
  cli.run(main)
