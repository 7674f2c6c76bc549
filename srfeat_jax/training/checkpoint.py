"""Checkpoints of a whole run: state, data position and config.

Orbax writes into a temporary folder and renames it when complete, so a run
that is killed or a disk that fills up while saving leaves the last complete
checkpoint as it was. In an object store it writes `commit_success.txt` last
instead, and what has none is no checkpoint.
"""

import contextlib
import logging
import os
import pathlib
import re
import sys
import textwrap
from collections.abc import Collection

import jax
import numpy as np
import orbax.checkpoint as ocp
from absl import logging as absl_logging

from srfeat_jax import errors, places
from srfeat_jax.training import retention
from srfeat_jax.training import workdir as workdir_lib

# What the system and tensorstore say of a disk without room.
_FULL = (
  "No space left",
  "Disk quota exceeded",
  "File too large",
  "RESOURCE_EXHAUSTED",
)
# What tensorstore says of a store that does not answer, or denies access: a
# checkpoint there is not damaged for that.
_UNREACHABLE = (
  "UNAVAILABLE",
  "DEADLINE_EXCEEDED",
  "PERMISSION_DENIED",
  "UNAUTHENTICATED",
  "RESOURCE_EXHAUSTED",
  "CURL error",
)
# What Orbax logs of what is meant, or is raised as an exception as well.
_NOISE = re.compile(
  r"CheckpointManagerOptions\.read_only=True, setting "
  r"|Given directory is read only="
  r"|.*_SignalingThread\.run\(\) raised an exception"
  r"|.*Failed to run \d+ Handler Commit operations"
  r"|.*Save Finalize thread \(.*\) failed"
  r"|.*Checkpointer failed: one or more items may not be finalized"
)


class _DamagedError(errors.InputError):
  """A checkpoint cannot be read."""


class Checkpointer:
  """The checkpoints of one workdir."""

  def __init__(self, workdir: pathlib.Path, keep: int, keep_every: int = 0):
    """Opens `workdir/checkpoints`, made when missing.

    Args:
      workdir: of the run.
      keep: how many of the newest checkpoints stay.
      keep_every: those of multiples of so many steps stay, too; 0 for none.
    """
    _hush_orbax()
    self._folder = folder(workdir)
    self._retention = retention.Retention(keep, keep_every)
    self._manager = ocp.CheckpointManager(
      self._folder,
      options=ocp.CheckpointManagerOptions(preservation_policy=self._retention),
    )

  def latest_step(self) -> int | None:
    """The step of the newest complete checkpoint, None when there is none."""
    return self._manager.latest_step()

  def save(
    self,
    step: int,
    state,
    data: dict,
    config: dict,
    best: int | None = None,
  ) -> None:
    """Starts saving in the background; the next save or `close` waits for it.

    Args:
      step: the number of updates done.
      state: a pytree of global arrays.
      data: state of the batch iterator, JSON-able.
      config: of the run, JSON-able.
      best: the step of the best checkpoint, which stays; None without one.

    Raises:
      errors.InputError: this or the save before could not be written.
    """
    self._retention.best = best
    with self._writing():
      self._manager.save(
        step,
        args=ocp.args.Composite(
          state=ocp.args.StandardSave(state),
          data=ocp.args.JsonSave(data),
          config=ocp.args.JsonSave(config),
        ),
        force=True,
      )

  def restore(
    self, like, config: dict, allow_change: Collection[str] = ()
  ) -> tuple:
    """The newest checkpoint that is whole.

    Damaged ones that are newer are moved to `workdir/damaged_checkpoints`, with
    a warning; a run of several processes does not move them, and fails.

    Args:
      like: a state of the structure and with the shardings that are wanted,
        whatever they were when saving.
      config: of the run that resumes, JSON-able.
      allow_change: as for `workdir.check`. What the workdir's record says has
        changed since the checkpoint may differ too.

    Returns:
      The state and the iterator's state.

    Raises:
      errors.InputError: all checkpoints are damaged, or one is of a config that
        this run may not resume from.
    """
    newest, *others = sorted(self._manager.all_steps(), reverse=True)
    try:
      return self._restore(newest, like, config, allow_change)
    except _DamagedError as error:
      if jax.process_count() > 1:
        raise
      damaged = [newest]
      for step in others:
        try:
          restored = self._restore(step, like, config, allow_change)
        except _DamagedError:
          damaged.append(step)
          continue
        self._put_aside(damaged, step, error)
        return restored
      if not others:
        raise
      raise errors.InputError(
        f"{_first_part(error)}; no other is whole, so start again in a new"
        " --workdir"
      ) from error

  def _put_aside(
    self, damaged: list[int], whole: int, error: Exception
  ) -> None:
    """Moves damaged checkpoints out of the way of new ones, and says so."""
    folder = self._folder.parent / "damaged_checkpoints"
    with self._writing():
      for step in damaged:
        places.move(self._folder / str(step), folder / str(step))
    self._manager.reload()
    absl_logging.warning(
      "%s; training goes on from step %s, the last that is whole, and what is"
      " damaged is now in %s",
      _first_part(error),
      whole,
      folder,
    )

  def _restore(
    self, step: int, like, config: dict, allow_change: Collection[str]
  ) -> tuple:
    abstract_state = jax.tree.map(
      lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding),
      like,
    )
    saved = _config(self._manager, step)
    recorded = {
      field
      for entry in workdir_lib.read_changes(self._folder.parent)
      if entry["step"] >= step
      for field in entry["changes"]
    }
    differing, _ = workdir_lib.differences(
      saved, config, {*allow_change, *recorded}
    )
    if differing:
      raise errors.InputError(
        f"the checkpoints in {self._folder} are of another config:"
        f" {'; '.join(differing)}; choose a new --workdir"
      )
    with _reading(self._manager, step):
      restored = self._manager.restore(
        step,
        args=ocp.args.Composite(
          state=ocp.args.StandardRestore(abstract_state),
          data=ocp.args.JsonRestore(),
        ),
      )
    return restored["state"], restored["data"]

  def asked_to_stop(self, step: int) -> bool:
    """Whether processes that train together should stop after this step.

    All of them learn so at the same step, if all of them ask at every step.
    """
    return self._manager.reached_preemption(step)

  def wait(self) -> None:
    """Waits for the save in progress; raises as `save`."""
    with self._writing():
      self._manager.wait_until_finished()

  def close(self) -> None:
    """Waits likewise, then lets go of the folder."""
    self.wait()
    self._manager.close()

  @contextlib.contextmanager
  def _writing(self):
    """Explains errors of a full or locked disk in one sentence."""
    try:
      yield
    except places.failures(ValueError, RuntimeError) as error:
      full = any(words in str(error) for words in _FULL)
      remedy = "make room there" if full else "solve that"
      raise errors.InputError(
        f"a checkpoint could not be written to {self._folder} ({error});"
        f" earlier ones are whole: {remedy} and run the same command again"
      ) from error


@contextlib.contextmanager
def _reading(manager: ocp.CheckpointManager, step: int):
  """Explains errors of a damaged checkpoint in a sentence."""
  try:
    yield
  except places.failures(LookupError, TypeError, ValueError) as error:
    said = textwrap.shorten(str(error) or type(error).__name__, 200)
    if places.is_address(manager.directory) and _is_unreachable(error):
      raise errors.InputError(
        f"checkpoint {step} in {manager.directory} could not be read ({said}):"
        " see that the store can be reached, and run the same command again"
      ) from error
    before = [each for each in manager.all_steps() if each < step]
    raise _DamagedError(
      f"checkpoint {step} in {manager.directory} is damaged ({said}): "
      + (
        f"delete that folder to resume from step {max(before)}"
        if before
        else "no other is there, so start again in a new --workdir"
      )
    ) from error


def _is_unreachable(error: Exception) -> bool:
  """Whether an error is of a store, not of what lies there."""
  if isinstance(error, LookupError | TypeError | ValueError):
    return any(words in str(error) for words in _UNREACHABLE)
  return not isinstance(error, FileNotFoundError)


def _first_part(error: Exception) -> str:
  """What is wrong, without what to do."""
  return str(error).rpartition(": ")[0]


def _config(manager: ocp.CheckpointManager, step: int) -> dict:
  """The config that a checkpoint was saved with."""
  with _reading(manager, step):
    item = ocp.args.Composite(config=ocp.args.JsonRestore())
    return manager.restore(step, args=item)["config"]


def _hush_orbax() -> None:
  """Keeps out of the log what is meant, or raised as an exception anyway.

  Its threads log a failure once for every array, with tracebacks; and it warns
  of each option that a folder's being read only implies. All else is shown.
  """
  absl_logging.get_absl_logger().addFilter(_is_no_noise)
  logging.getLogger("asyncio").addFilter(_is_no_lost_read)
  sys.unraisablehook = _shown_unless_late


def _shown_unless_late(unraisable) -> None:
  """Shows an exception, but none of threads that read after all is over.

  When one array of a checkpoint cannot be read, tensorstore's threads report
  each other one to an event loop that is closed by then.
  """
  if str(unraisable.exc_value) != "Event loop is closed":
    sys.__unraisablehook__(unraisable)


def _is_no_noise(record: logging.LogRecord) -> bool:
  if "orbax" not in record.pathname:
    return True
  # Below warnings it says what it does, in ten lines for each run.
  is_progress = record.levelno < logging.WARNING
  return not is_progress and not _NOISE.match(record.getMessage())


def _is_no_lost_read(record: logging.LogRecord) -> bool:
  """Of arrays that are read together, the first that fails is raised."""
  return "exception was never retrieved" not in record.getMessage()


def folder(workdir: str | os.PathLike) -> pathlib.Path:
  """Where a workdir keeps its checkpoints."""
  if places.is_address(workdir):
    return places.path(workdir) / "checkpoints"
  return pathlib.Path(os.path.abspath(workdir)) / "checkpoints"


def exists(workdir: pathlib.Path) -> bool:
  """Whether a workdir holds a complete checkpoint; nothing is written.

  Raises:
    errors.InputError: the workdir cannot be read.
  """
  _hush_orbax()
  options = ocp.CheckpointManagerOptions(read_only=True)
  place = folder(workdir)
  with workdir_lib.explained(workdir):
    if places.is_address(place):
      places.check(place)
    with ocp.CheckpointManager(place, options=options) as manager:
      return manager.latest_step() is not None


def restore_generator(workdir: pathlib.Path) -> dict:
  """The generator's variables from a workdir's newest checkpoint.

  The averaged ones where the run keeps an average, as numpy arrays, on however
  many devices they were trained.

  Raises:
    errors.InputError: the workdir holds no complete checkpoint; or the newest
      is damaged, or of another generator than `config.json` names.
  """
  with _newest(workdir) as (manager, step):
    _check_generator(workdir, _config(manager, step))
    with _reading(manager, step):
      return _restore_generator(manager, step)


def restore_discriminators(workdir: pathlib.Path) -> dict[str, dict]:
  """The discriminators' variables from a workdir's newest checkpoint.

  Returns:
    "params" and "batch_stats", numpy arrays, by role; {} of a run without.

  Raises:
    errors.InputError: the workdir holds no complete checkpoint; or the newest
      is damaged.
  """
  with _newest(workdir) as (manager, step), _reading(manager, step):
    found = _state_shapes(manager, step)["discriminators"]
    if not found:
      return {}
    wanted = {
      name: {key: each[key] for key in ("params", "batch_stats")}
      for name, each in found.items()
    }
    restored = _restore_part(manager, step, {"discriminators": wanted})
    return restored["discriminators"]


@contextlib.contextmanager
def _newest(workdir: pathlib.Path):
  """A manager that reads, and the newest step, which there must be."""
  _hush_orbax()
  path = folder(workdir)
  options = ocp.CheckpointManagerOptions(read_only=True)
  handlers = ocp.handlers.create_default_handler_registry(
    state=ocp.PyTreeCheckpointHandler(),
    data=ocp.JsonCheckpointHandler(),
    config=ocp.JsonCheckpointHandler(),
  )
  with ocp.CheckpointManager(
    path, options=options, handler_registry=handlers
  ) as manager:
    step = manager.latest_step()
    if step is None:
      raise errors.InputError(
        f"{path} holds no complete checkpoint: give the --workdir of a run"
        " that has saved one"
      )
    yield manager, step


def _check_generator(workdir: pathlib.Path, saved: dict) -> None:
  named = workdir_lib.read_config(workdir)
  differing, _ = workdir_lib.differences(
    *({"generator": config["generator"]} for config in (saved, named))
  )
  if differing:
    raise errors.InputError(
      f"the checkpoints in {folder(workdir)} are of another generator than the"
      f" config.json beside them: {'; '.join(differing)}; restore the"
      " config.json of their run"
    )


def _restore_generator(manager: ocp.CheckpointManager, step: int) -> dict:
  state = _state_shapes(manager, step)
  if state["ema"]:
    wanted = {"ema": state["ema"]}
  else:
    names = ("params", "batch_stats")
    wanted = {"generator": {k: state["generator"][k] for k in names}}
  (variables,) = _restore_part(manager, step, wanted).values()
  return variables


def _state_shapes(manager: ocp.CheckpointManager, step: int) -> dict:
  """The state of a checkpoint, `jax.ShapeDtypeStruct` in place of arrays."""
  return jax.tree.map(
    lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype),
    manager.item_metadata(step)["state"].tree,
  )


def _restore_part(
  manager: ocp.CheckpointManager, step: int, wanted: dict
) -> dict:
  """A part of the state, as numpy arrays."""
  restored = manager.restore(
    step,
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
  return restored["state"]
