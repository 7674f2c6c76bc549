"""How a run goes on from a checkpoint, and what it leaves there for that."""

import dataclasses
from collections.abc import Collection
from typing import Any

from absl import logging

from srfeat_jax.batches import training_images
from srfeat_jax.data import pipeline
from srfeat_jax.run import parts
from srfeat_jax.training import checkpoint, steps
from srfeat_jax.training import state as state_lib


def record(run: parts.Run, validation_due: bool) -> dict[str, Any]:
  """What a checkpoint holds besides the state.

  Args:
    run: at the step that is saved.
    validation_due: whether a signal left no time to validate the state.
  """
  return {
    "position": run.batches.get_state(),
    "pictures": run.source_identities,  # so named by all versions
    "best": run.best.get_state(),
    "validation_due": validation_due,
  }


def restore(
  run: parts.Run,
  state: state_lib.TrainState,
  checkpointer: checkpoint.Checkpointer,
  allow_change: Collection[str],
) -> tuple[parts.Run, state_lib.TrainState, bool]:
  """The newest checkpoint's state, or if there is none the one at step 0.

  The batches continue where they were: at the next crop, however many a batch
  had before.

  Returns:
    The run as it goes on, the state, and whether it is still to be validated.
    Where batches had another size, the run ends after as many images in all.
  """
  if checkpointer.latest_step() is None:
    return run, state, False
  state, data = checkpointer.restore(state, run.config.to_dict(), allow_change)
  run.batches.set_state(data["position"])
  if "best" in data:  # not in checkpoints of earlier versions
    run.best.set_state(data["best"])
  began_with = data["pictures"]
  if began_with != run.source_identities:
    logging.warning(
      "the training images are not those the run began with: %s; they were %s",
      training_images.said(run.source_identities),
      training_images.said(began_with),
    )
  seen = pipeline.crops_before(data["position"])
  run = _with_images_seen(run, int(state.step), seen)
  return run, state, bool(data.get("validation_due"))


def _with_images_seen(run: parts.Run, step: int, seen: int) -> parts.Run:
  """The run that ends after `num_steps * batch_size` images, seen ones too.

  Where earlier batches had another size, the schedules go on as after as many
  steps of the present size as see what has been seen. Steps are counted on.
  """
  config = run.config
  in_present_steps = seen // (steps.num_batches(config) * config.batch_size)
  ahead = in_present_steps - step
  if not ahead or config.schedule_in == "steps":
    return run
  last_step = config.num_steps - ahead
  if run.is_main_process:
    logging.warning(
      "after %d steps the run has seen what %d of %d images do: it ends at step"
      " %d, and learning rates go on from there",
      *(step, in_present_steps, config.batch_size, last_step),
    )
  snapshot_steps = run.validator.snapshots.steps
  run.validator.snapshots.steps = frozenset(n - ahead for n in snapshot_steps)
  update = run.make_update(ahead)
  return dataclasses.replace(run, update=update, last_step=last_step)
