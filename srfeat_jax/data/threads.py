"""What is done with each of many files, in threads, with a progress bar."""

import concurrent.futures
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
      )
    )
