"""Checkpoints of a whole run: state, data position and config.

Orbax writes into a temporary folder and renames it when complete, so a run
that is killed or a disk that fills up while saving leaves the last complete
checkpoint as it was.
"""

import logging
import os
import pathlib

import jax
import numpy as np
import orbax.checkpoint as ocp
from absl import logging as absl_logging

from srfeat_jax import errors


class Checkpointer:
  """The checkpoints of one workdir."""

  def __init__(self, workdir: pathlib.Path, keep: int):
    """Opens `workdir/checkpoints`, made when missing.

    Args:
      workdir: of the run.
      keep: how many of the newest checkpoints stay.
    """
    _hush_orbax()
    self._folder = folder(workdir)
    self._manager = ocp.CheckpointManager(
      self._folder, options=ocp.CheckpointManagerOptions(max_to_keep=keep)
    )

  def latest_step(self) -> int | None:
    """The step of the newest complete checkpoint, None when there is none."""
    return self._manager.latest_step()

  def save(self, step: int, state, data: dict, config: dict) -> None:
    """Starts saving in the background; the next save or `close` waits for it.

    Args:
      step: the number of updates done.
      state: a pytree of global arrays.
      data: state of the batch iterator, JSON-able.
      config: of the run, JSON-able.

    Raises:
      errors.InputError: this or the save before could not be written.
    """
    with self._explained():
      self._manager.save(
        step,
        args=ocp.args.Composite(
          state=ocp.args.StandardSave(state),
          data=ocp.args.JsonSave(data),
          config=ocp.args.JsonSave(config),
        ),
        force=True,
      )

  def restore(self, like) -> tuple:
    """The newest checkpoint.

    Args:
      like: a state of the structure and with the shardings that are wanted,
        whatever they were when saving.

    Returns:
      The state and the iterator's state.
    """
    abstract_state = jax.tree.map(
      lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding),
      like,
    )
    restored = self._manager.restore(
      self.latest_step(),
      args=ocp.args.Composite(
        state=ocp.args.StandardRestore(abstract_state),
        data=ocp.args.JsonRestore(),
      ),
    )
    return restored["state"], restored["data"]

  def asked_to_stop(self, step: int) -> bool:
    """Whether the cluster wants all processes to stop after this step."""
    return jax.process_count() > 1 and self._manager.reached_preemption(step)

  def close(self) -> None:
    """Waits for the save in progress, then lets go of the folder."""
    with self._explained():
      self._manager.wait_until_finished()
    self._manager.close()

  def _explained(self):
    return _ExplainedErrors(self._folder)


class _ExplainedErrors:
  """Turns what a full or locked disk throws into one sentence."""

  def __init__(self, path: pathlib.Path):
    self._path = path

  def __enter__(self):
    return self

  def __exit__(self, kind, error, traceback):
    if not isinstance(error, (OSError, ValueError, RuntimeError)):
      return
    raise errors.InputError(
      f"a checkpoint could not be written to {self._path} ({error}); those"
      " before it are whole: make room there and run the same command again"
    ) from error


def _hush_orbax() -> None:
  """Keeps out of the log what is raised as an exception anyway.

  Its threads log a failure once for every array, with tracebacks; and it warns
  of the parts of a checkpoint that were not asked for.
  """
  absl_logging.get_absl_logger().addFilter(_not_of_orbax)
  logging.getLogger("asyncio").setLevel(logging.CRITICAL)


def _not_of_orbax(record: logging.LogRecord) -> bool:
  return "orbax" not in record.pathname


def folder(workdir: pathlib.Path) -> pathlib.Path:
  """Where a workdir keeps its checkpoints."""
  return pathlib.Path(os.path.abspath(workdir)) / "checkpoints"


def restore_generator(workdir: pathlib.Path) -> dict:
  """The generator's variables from a workdir's newest checkpoint.

  The averaged ones where the run keeps an average, as numpy arrays, on however
  many devices they were trained.

  Raises:
    errors.InputError: the workdir holds no complete checkpoint.
  """
  _hush_orbax()
  path = folder(workdir)
  options = ocp.CheckpointManagerOptions(read_only=True)
  handlers = {"state": ocp.PyTreeCheckpointHandler()}
  manager = ocp.CheckpointManager(path, options=options, item_handlers=handlers)
  if manager.latest_step() is None:
    raise errors.InputError(
      f"{path} holds no complete checkpoint: give the --workdir of a run"
      " that has saved one"
    )
  state = _shapes(manager)
  if state["ema"]:
    wanted = {"ema": state["ema"]}
  else:
    names = ("params", "batch_stats")
    wanted = {"generator": {k: state["generator"][k] for k in names}}
  restored = manager.restore(
    manager.latest_step(),
    args=ocp.args.Composite(
      state=ocp.args.PyTreeRestore(
        wanted,
        restore_args=jax.tree.map(
          lambda _: ocp.RestoreArgs(restore_type=np.ndarray), wanted
        ),
        partial_restore=True,
      )
    ),
  )
  manager.close()
  (variables,) = restored["state"].values()
  return variables


def _shapes(manager) -> dict:
  metadata = manager.item_metadata(manager.latest_step())["state"].tree
  return jax.tree.map(
    lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), metadata
  )
