"""Stopping a run when asked to, after its state is saved."""

import signal
from collections.abc import Callable

import jax

# The exit status of a run that was stopped: for Ctrl-C as shells report it; for
# SIGTERM the EX_TEMPFAIL of sysexits.h, "try again later".
_STATUS = {signal.SIGINT: 130, signal.SIGTERM: 75}


class Stopped(Exception):
  """A run was asked to stop before its end, and has saved its state.

  Attributes:
    status: what the program should end with.
  """

  def __init__(self, step: int, status: int):
    super().__init__(f"stopped at step {step}: the same command resumes there")
    self.status = status


class Interruption:
  """Remembers SIGTERM and Ctrl-C instead of ending; a second one kills.

  A context manager: after it the signals do what they did before.

  Where processes train together they have to stop at the same step, so there
  the signals are left to `jax.distributed`, which listens for SIGTERM.
  """

  def __init__(self, agreed: Callable[[int], bool]):
    """Does nothing yet.

    Args:
      agreed: whether processes that train together stop after a step.
    """
    self._agreed = agreed
    self._alone = jax.process_count() == 1
    self._status: int | None = None
    self._before = {}

  def status_after(self, step: int) -> int | None:
    """What to stop with after this step, None when the run continues.

    Every process has to ask at every step.
    """
    if not self._alone and self._agreed(step):
      self._status = _STATUS[signal.SIGTERM]
    return self._status

  def __enter__(self):
    if self._alone:
      for number in _STATUS:
        self._before[number] = signal.signal(number, self._remember)
    return self

  def __exit__(self, *unused):
    self._restore()

  def _remember(self, number, unused_frame):
    self._status = _STATUS[number]
    self._restore()

  def _restore(self):
    for number, handler in self._before.items():
      signal.signal(number, handler)
