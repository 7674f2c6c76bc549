"""Trains a generator.

python -m srfeat_jax.main --config=configs/pretrain.py --workdir=runs/srfeat

The same command resumes an interrupted run. Any field of the config can be
set as `--config.num_steps=1000`.

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
  "multihost", False, "Joins the processes of a cluster or TPU pod into a run."
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
  import jax

  if _MULTIHOST.value:
    jax.distributed.initialize()
  from srfeat_jax import train
  from srfeat_jax.training import interruption
  from srfeat_jax.training import workdir as workdir_lib

  config = _CONFIG.value
  if workdir_lib.counts_steps(_WORKDIR.value):
    config = config_flag.again("--config.schedule_in=steps")
  try:
    train.train_and_evaluate(
      config, str(_WORKDIR.value), _ALLOW_CHANGE.value
    )
  except interruption.Stopped as stopped:
    return stopped.status
  return 0


if __name__ == "__main__":
  cli.run(main)
