"""How times are taken: turn about in one process, after a warm-up."""

import statistics
import time
from collections.abc import Callable, Mapping

Runner = Callable[[int], object]  # does so many of a thing, and waits for them


def alternate(
  runners: Mapping[str, Runner], repeats: int, count: int, warm_up: int = 1
) -> dict[str, list[float]]:
  """Times runners in turns, so that what else the machine does meets all.

  Args:
    runners: by name.
    repeats: turns.
    count: how many of the thing in a turn.
    warm_up: turns that do not count.

  Returns:
    Seconds for one of the thing, turn by turn, by runner.
  """
  seconds = {name: [] for name in runners}
  for turn in range(-warm_up, repeats):
    for name, run in runners.items():
      before = time.perf_counter()
      run(count)
      if turn >= 0:
        seconds[name].append((time.perf_counter() - before) / count)
  return seconds


def summarize(seconds: list[float]) -> dict[str, float]:
  """The median and the spread."""
  return {
    "median_s": statistics.median(seconds),
    "min_s": min(seconds),
    "max_s": max(seconds),
    "turns": len(seconds),
  }


def ratio(ours: list[float], theirs: list[float]) -> float:
  """How many times as fast ours is: the median over turns."""
  return statistics.median(b / a for a, b in zip(ours, theirs, strict=True))
