"""Times of alternatives, in turns in one process, after a warm-up."""

import statistics
import time
from collections.abc import Callable, Mapping

Runner = Callable[[int], object]  # does its work that often, and waits


def alternate(
  runners: Mapping[str, Runner], repeats: int, count: int, warm_up: int = 1
) -> dict[str, list[float]]:
  """Times runners in turns, so that other load affects all of them alike.

  Args:
    runners: by name.
    repeats: the number of turns.
    count: how often the work is done in each turn.
    warm_up: turns before them that do not count.

  Returns:
    Seconds to do the work once, in each turn, by runner.
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
  """Returns the median and the spread."""
  return {
    "median_s": statistics.median(seconds),
    "min_s": min(seconds),
    "max_s": max(seconds),
    "turns": len(seconds),
  }


def ratio(ours: list[float], theirs: list[float]) -> float:
  """Returns how many times as fast ours is: the median over turns."""
  return statistics.median(b / a for a, b in zip(ours, theirs, strict=True))
