"""Confidence intervals of a set's values, by the bootstrap over its images.

Images are drawn with replacement, as many as there are, again and again; the
interval has the middle 95 % of the values of these samples (the percentile
bootstrap of Efron 1979). It says how much a value depends on which images were
chosen, and nothing about other kinds of images.
"""

from collections.abc import Callable, Sequence

import numpy as np

RESAMPLES = 2_000
SEED = 0
LEVEL = 0.95


def interval(
  values: Sequence[float], average: Callable[[np.ndarray], np.ndarray]
) -> tuple[float, float] | None:
  """The interval of an average; the same values have the same interval.

  Args:
    values: of each image.
    average: averages the last axis of [samples, images].

  Returns:
    Its ends; or None for less than two values, or if one is not finite.
  """
  array = np.asarray(values, np.float64)
  if len(array) < 2 or not np.isfinite(array).all():
    return None
  rng = np.random.default_rng(SEED)
  drawn = rng.integers(len(array), size=(RESAMPLES, len(array)))
  tail = (1 - LEVEL) / 2
  low, high = np.quantile(average(array[drawn]), (tail, 1 - tail))
  return float(low), float(high)
