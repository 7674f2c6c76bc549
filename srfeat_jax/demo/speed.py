"""How long networks take on this computer, measured on small images.

Times are in seconds.
"""

import threading
import time
from collections.abc import Callable, Hashable

import numpy as np

_SIDES = (64, 256)  # the larger one tells more, if it does not take long
_SHORT = 0.5  # for the smaller
_RUNS = 2  # the fastest counts: the computer may have other work


class Speed:
  """Seconds per pixel of networks, each of which is measured once.

  Thread-safe.
  """

  def __init__(self, clock: Callable[[], float] = time.perf_counter):
    self._clock = clock
    self._known: dict[Hashable, float] = {}
    self._lock = threading.Lock()

  def seconds_per_pixel(
    self, key: Hashable, upscaler: Callable[..., np.ndarray]
  ) -> float:
    """Returns how long a network takes, for each LR pixel that it computes.

    Args:
      key: equal for networks that are equally fast.
      upscaler: see the module `inference.upscaler`; used if the key is new.
    """
    with self._lock:
      if key not in self._known:
        self._known[key] = self._measured(upscaler)
      return self._known[key]

  def _measured(self, upscaler: Callable[..., np.ndarray]) -> float:
    per_pixel = 0.0
    for side in _SIDES:
      lr = np.full((side, side, 3), 128, np.uint8)
      upscaler(lr)  # compiles
      seconds = min(self._timed(upscaler, lr) for _ in range(_RUNS))
      per_pixel = seconds / side**2
      if seconds > _SHORT:
        break
    return per_pixel

  def _timed(
    self, upscaler: Callable[..., np.ndarray], lr: np.ndarray
  ) -> float:
    start = self._clock()
    upscaler(lr)
    return self._clock() - start


def in_words(seconds: float) -> str:
  """Rounds a time as one says it: "40 seconds", "12 minutes", "3.5 hours"."""
  if seconds < 55:
    tens = 10 * max(1, round(seconds / 10))
    return f"{tens} seconds" if seconds > 7.5 else "a few seconds"
  if seconds < 90:
    return "a minute"
  if seconds < 90 * 60:
    return f"{seconds / 60:.0f} minutes"
  hours = round(seconds / 1800) / 2
  return f"{hours:g} hours"


class TimeLeft:
  """How much longer a run will take, by what is done of it."""

  def __init__(self, clock: Callable[[], float] = time.perf_counter):
    self._clock = clock
    self._first: tuple[float, float] | None = None

  def __call__(self, share: float) -> str:
    """Returns ", about 4 minutes left", or "" as long as nothing is known.

    Args:
      share: what is done, up to 1. The first call begins the measurement: what
        was done until then included compiling.
    """
    now = self._clock()
    if self._first is None:
      self._first = share, now
    share_at_first, start = self._first
    if share <= share_at_first or share >= 1:
      return ""
    left = (1 - share) * (now - start) / (share - share_at_first)
    return f", about {in_words(left)} left"
