"""Stopping a run when asked to, after its state is saved."""

import signal
from collections.abc import Callable

import jax

# The exit status of a run that was stopped: for Ctrl-C as shells report it; for
# SIGTERM, and SIGHUP when a connection is lost, the EX_TEMPFAIL of sysexits.h,
# "try again later".
_STATUS = {signal.SIGINT: 130, signal.SIGTERM: 75, signal.SIGHUP: 75}


class Stopped(Exception):
  """A run was asked to stop before its end, and has saved its state.

  Attributes:
    status: what the program should end with.
  """

  def __init__(self, step: int, status: int):
    super().__init__(f"stopped at step {step}: the same command resumes there")
    self.status = status


class Interruption:
  """Remembers SIGTERM, SIGHUP and Ctrl-C instead of ending; a second one kills.

  A context manager: after it the signals do what they did before. A signal that
  is ignored, as SIGHUP is under nohup, stays so.

  Where processes train together they have to stop at the same step, so there
  the signals are left to `jax.distributed`, which listens for SIGTERM; SIGHUP
  is made one.
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

  @property
  def is_urgent(self) -> bool:
    """Whether a run of one process was asked, and should drop what it does."""
    return self._alone and self._status is not None

  def __enter__(self):
    handlers = {number: self._remember for number in _STATUS}
    if not self._alone:
      handlers = {signal.SIGHUP: self._as_term}
    for number, handler in handlers.items():
      if signal.getsignal(number) != signal.SIG_IGN:
        self._before[number] = signal.signal(number, handler)
    return self

  def __exit__(self, *unused):
    self._restore()

  def _remember(self, number, unused_frame):
    self._status = _STATUS[number]
    self._restore()

  def _as_term(self, *unused):
    signal.raise_signal(signal.SIGTERM)

  def _restore(self):
    for number, handler in self._before.items():
      signal.signal(number, handler)
