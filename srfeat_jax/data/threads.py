"""Threads and processes: how many there may be, and work shared by them."""

import concurrent.futures
import os
from collections.abc import Callable, Sequence
from typing import Any

import tqdm


def each(
  function: Callable[..., Any],
  *arguments: Sequence[Any],
  description: str,
  unit: str = "file",
) -> list[Any]:
  """Calls a function for each of some items, several at a time.

  Args:
    function: takes an item of each of `arguments`.
    *arguments: sequences of one length.
    description: what the progress bar, shown after a second, says.
    unit: what it counts.

  Returns:
    The results, in order.
  """
  with concurrent.futures.ThreadPoolExecutor() as pool:
    return list(
      tqdm.tqdm(
        pool.map(function, *arguments),
        desc=description,
        total=len(arguments[0]),
        unit=unit,
        delay=1,
        leave=False,
        disable=None,  # on a terminal only
      )
    )


def cores() -> int:
  """How many cores this process may use, which may be fewer than there are."""
  if hasattr(os, "sched_getaffinity"):
    return len(os.sched_getaffinity(0))
  return os.cpu_count() or 1


def workers(number: int) -> int:
  """How many worker processes -1 stands for: one for each core."""
  return cores() if number < 0 else number
