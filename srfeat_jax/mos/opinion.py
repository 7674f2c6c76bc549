"""Mean opinion scores with their intervals, and differences between methods.

Scores are float [raters, images], 1 to 5, NaN where a rater did not rate.
"""

import dataclasses
import warnings
from collections.abc import Sequence

import numpy as np
from scipy import stats

from srfeat_jax.mos import mean_variance

CONFIDENCE = 0.95
_LEAST_IMAGES = 6  # with fewer no p of a signed-rank test is below 0.05


@dataclasses.dataclass(frozen=True)
class Opinion:
  """The mean opinion score of a method on images.

  Attributes:
    mos: the mean over the images of the mean over the raters.
    interval: the 95% interval for other raters and the same images; None if no
      image has 2 raters.
    wide_interval: the 95% interval for other raters and other images; None
      likewise, and for one image.
    raters: how many rated an image.
    images: how many were rated.
    ratings: how many there are.
    histogram: how many there are of each score, 1 to 5.
  """

  mos: float
  interval: tuple[float, float] | None
  wide_interval: tuple[float, float] | None
  raters: int
  images: int
  ratings: int
  histogram: tuple[int, ...]


def opinion(scores: np.ndarray) -> Opinion:
  """Computes the mean opinion score of a method.

  The intervals are Student's t, see `mean_variance`. Where every rater rated
  every image, the first is the t interval of the raters' means.

  Args:
    scores: at least one is not NaN.
  """
  scores = scores[~np.isnan(scores).all(1)]
  scores = scores[:, ~np.isnan(scores).all(0)]
  means = np.nanmean(scores, axis=0)
  mos = float(means.mean())
  interval: tuple[float, float] | None = None
  wide_interval: tuple[float, float] | None = None
  if variance := mean_variance.estimate(scores):
    interval = _around(mos, variance.of_raters, variance.raters_freedom)
    if variance.of_both is not None and variance.both_freedom is not None:
      wide_interval = _around(mos, variance.of_both, variance.both_freedom)
  counted = ~np.isnan(scores)
  values = scores[counted].astype(int)
  num_raters, num_images = scores.shape
  return Opinion(
    mos,
    interval,
    wide_interval,
    num_raters,
    num_images,
    int(counted.sum()),
    tuple(int((values == score).sum()) for score in range(1, 6)),
  )


def _around(
  mean: float, variance: float, freedom: float
) -> tuple[float, float]:
  """Student's t interval, within the scale."""
  half = stats.t.ppf((1 + CONFIDENCE) / 2, freedom) * np.sqrt(variance)
  return max(1.0, float(mean - half)), min(5.0, float(mean + half))


@dataclasses.dataclass(frozen=True)
class Difference:
  """How two methods differ on the same images.

  Attributes:
    first: a method.
    second: another one.
    raters: how many rated both of an image.
    mean: the first's mean opinion score minus the second's, where a rater rated
      both; None if nobody did.
    p_raters: of the Wilcoxon signed-rank test (two-sided) over the raters' mean
      differences, corrected by Holm's method for all pairs; None if nobody
      rated both.
    p_images: likewise over the images' mean differences; None for fewer than 6
      images of which anybody rated both.
  """

  first: str
  second: str
  raters: int
  mean: float | None
  p_raters: float | None
  p_images: float | None


def differences(scores: dict[str, np.ndarray]) -> list[Difference]:
  """Compares all pairs of methods.

  Args:
    scores: by method, all of one shape, with the same raters and images.
  """
  names = list(scores)
  pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
  raters: list[int] = []
  means, over_raters, over_images = [], [], []
  for first, second in pairs:
    gap = scores[first] - scores[second]
    by_rater, by_image = (_means(gap, axis) for axis in (1, 0))
    raters.append(len(by_rater))
    means.append(float(by_image.mean()) if len(by_image) else None)
    over_raters.append(_signed_rank(by_rater, 1))
    over_images.append(_signed_rank(by_image, _LEAST_IMAGES))
  return [
    Difference(*pair, number, mean, p_raters, p_images)
    for pair, number, mean, p_raters, p_images in zip(
      pairs, raters, means, holm(over_raters), holm(over_images), strict=True
    )
  ]


def holm(p_values: Sequence[float | None]) -> list[float | None]:
  """Corrects p values, those that there are, for their number (Holm 1979)."""
  corrected: list[float | None] = [None] * len(p_values)
  order = sorted((p, i) for i, p in enumerate(p_values) if p is not None)
  largest = 0.0
  for rank, (p, index) in enumerate(order):
    largest = max(largest, (len(order) - rank) * p)
    corrected[index] = min(1.0, largest)
  return corrected


def _means(values: np.ndarray, axis: int) -> np.ndarray:
  """Means along an axis, without those of nothing but NaN."""
  with warnings.catch_warnings():
    warnings.simplefilter("ignore", RuntimeWarning)
    means = np.nanmean(values, axis=axis)
  return means[~np.isnan(means)]


def _signed_rank(gaps: np.ndarray, least: int) -> float | None:
  if len(gaps) < least:
    return None
  # Sums of whole numbers in another order must tie, not differ by 1e-16.
  gaps = np.round(gaps, 9)
  if not np.any(gaps):
    return 1.0
  return float(stats.wilcoxon(gaps).pvalue)
