"""A profile of some steps of a run, which TensorBoard opens."""

import pathlib
import tempfile
from typing import Any

import jax

from srfeat_jax import errors, places


class Profiler:
  """Traces the steps from one to another; does nothing without them."""

  def __init__(
    self, steps: tuple[int, ...], workdir: pathlib.Path, *, active: bool
  ):
    """Nothing is traced yet.

    Args:
      steps: the first and the last, `config.profile_steps`; () for none.
      workdir: of the run; the trace is below `plugins/profile`, where
        TensorBoard's profiler looks for it.
      active: whether this is the main process; others trace nothing.
    """
    first, last = steps if steps and active else (1, 0)
    self._steps = range(first, last + 1)
    self._workdir = workdir
    self._copied: tempfile.TemporaryDirectory | None = None
    self._is_tracing = False

  def begin(self, step: int, before: Any) -> None:
    """To be called before a step.

    Args:
      step: its number.
      before: arrays of the step before, which must not be in the trace.
    """
    if step in self._steps and not self._is_tracing:
      jax.block_until_ready(before)
      folder = self._workdir
      if places.is_address(folder):
        self._copied = tempfile.TemporaryDirectory(prefix="srfeat_profile_")
        folder = pathlib.Path(self._copied.name)
      jax.profiler.start_trace(folder)
      self._is_tracing = True

  def end(self, step: int, results: Any) -> str:
    """To be called after a step.

    Args:
      step: its number.
      results: arrays of it.

    Returns:
      A sentence once the trace is written, else "".
    """
    if not self._is_tracing or step + 1 in self._steps:
      return ""
    jax.block_until_ready(results)
    self.close()
    return (
      f"the profile of steps {self._steps[0]} to {self._steps[-1]} is written:"
      f" pip install xprof, then tensorboard --logdir={self._workdir}"
    )

  def close(self) -> None:
    """Writes what was traced, if a trace is under way.

    Raises:
      errors.InputError: it cannot be copied to the workdir's address.
    """
    if not self._is_tracing:
      return
    jax.profiler.stop_trace()
    self._is_tracing = False
    if self._copied:
      try:
        places.upload(pathlib.Path(self._copied.name), self._workdir)
      except places.failures() as error:
        raise errors.InputError(
          f"the profile cannot be written to {self._workdir}:"
          f" {places.reason(error)}"
        ) from error
      self._copied.cleanup()
