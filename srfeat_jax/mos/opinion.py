"""Mean opinion scores with their intervals, and differences between methods.

Scores are float [raters, images], 1 to 5, NaN where a rater did not rate.
"""

import dataclasses
import warnings
from collections.abc import Sequence

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
_RESAMPLES = 2000
_LEAST_IMAGES = 6  # with fewer no p of a signed-rank test is below 0.05


@dataclasses.dataclass(frozen=True)
class Opinion:
  """The mean opinion score of a method on images.

  Attributes:
    mos: the mean over the images of the mean over the raters.
    interval: the 95% interval for other raters and the same images; None for
      fewer than 2 raters.
    wide_interval: the 95% interval for other raters and other images; None for
      fewer than 2 of either.
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


def opinion(scores: np.ndarray, seed: int = 0) -> Opinion:
  """Computes the mean opinion score of a method.

  The interval is Student's t over the raters: each rater's mean deviation from
  the images' means is one sample. Where every rater rated every image, this is
  the t interval of the raters' means. The wide interval is the percentile
  bootstrap over raters and over images, drawn independently (Owen, "The
  pigeonhole bootstrap", 2007); with 5 images it contains the true mean in 91%
  of simulated studies, not in 95%.

  Args:
    scores: at least one is not NaN.
    seed: of the bootstrap.
  """
  scores = scores[~np.isnan(scores).all(1)]
  scores = scores[:, ~np.isnan(scores).all(0)]
  means = np.nanmean(scores, axis=0)
  mos = float(means.mean())
  counted = ~np.isnan(scores)
  values = scores[counted].astype(int)
  num_raters, num_images = scores.shape
  return Opinion(
    mos,
    _interval(np.nanmean(scores - means, axis=1), mos),
    _wide_interval(scores, seed),
    num_raters,
    num_images,
    int(counted.sum()),
    tuple(int((values == score).sum()) for score in range(1, 6)),
  )


def _interval(effects: np.ndarray, mos: float) -> tuple[float, float] | None:
  number = len(effects)
  if number < 2:
    return None
  error = effects.std(ddof=1) / np.sqrt(number)
  half = float(stats.t.ppf((1 + CONFIDENCE) / 2, number - 1) * error)
  return max(1.0, mos - half), min(5.0, mos + half)


def _wide_interval(scores: np.ndarray, seed: int) -> tuple[float, float] | None:
  num_raters, num_images = scores.shape
  if min(num_raters, num_images) < 2:
    return None
  rng = np.random.default_rng(seed)
  shares = [1 / num_raters] * num_raters
  by_rater = rng.multinomial(num_raters, shares, _RESAMPLES).astype(float)
  shares = [1 / num_images] * num_images
  by_image = rng.multinomial(num_images, shares, _RESAMPLES).astype(float)
  counted = ~np.isnan(scores)
  sums = by_rater @ np.where(counted, scores, 0)
  numbers = by_rater @ counted.astype(float)
  # An image that no drawn rater rated does not count.
  by_image *= numbers > 0
  means = sums / np.maximum(numbers, 1)
  totals = by_image.sum(1)
  drawn = (means * by_image).sum(1)[totals > 0] / totals[totals > 0]
  low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
  return float(low), float(high)


@dataclasses.dataclass(frozen=True)
class Difference:
  """How two methods differ on the same images.

  Attributes:
    first: a method.
    second: another one.
    mean: the first's mean opinion score minus the second's, where a rater rated
      both; None if nobody did.
    p_raters: of the Wilcoxon signed-rank test (two-sided) over the raters' mean
      differences, corrected by Holm's method for all pairs.
    p_images: likewise over the images' mean differences; None for fewer than 6
      images.
  """

  first: str
  second: str
  mean: float | None
  p_raters: float
  p_images: float | None


def differences(scores: dict[str, np.ndarray]) -> list[Difference]:
  """Compares all pairs of methods.

  Args:
    scores: by method, all of one shape, with the same raters and images.
  """
  names = list(scores)
  pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
  means, over_raters, over_images = [], [], []
  for first, second in pairs:
    gap = scores[first] - scores[second]
    by_rater, by_image = (_means(gap, axis) for axis in (1, 0))
    means.append(float(by_image.mean()) if len(by_image) else None)
    over_raters.append(_signed_rank(by_rater))
    over_images.append(_signed_rank(by_image))
  enough = all(each.shape[1] >= _LEAST_IMAGES for each in scores.values())
  images_p = holm(over_images) if enough else [None] * len(pairs)
  return [
    Difference(*pair, mean, p_raters, p_images)
    for pair, mean, p_raters, p_images in zip(
      pairs, means, holm(over_raters), images_p, strict=True
    )
  ]


def holm(p_values: Sequence[float]) -> list[float]:
  """Corrects p values for their number (Holm 1979)."""
  corrected = [0.0] * len(p_values)
  largest = 0.0
  order = sorted(range(len(p_values)), key=lambda index: p_values[index])
  for rank, index in enumerate(order):
    largest = max(largest, (len(p_values) - rank) * p_values[index])
    corrected[index] = min(1.0, largest)
  return corrected


def _means(values: np.ndarray, axis: int) -> np.ndarray:
  """Means along an axis, without those of nothing but NaN."""
  with warnings.catch_warnings():
    warnings.simplefilter("ignore", RuntimeWarning)
    means = np.nanmean(values, axis=axis)
  return means[~np.isnan(means)]


def _signed_rank(gaps: np.ndarray) -> float:
  # Sums of whole numbers in another order must tie, not differ by 1e-16.
  gaps = np.round(gaps, 9)
  if not np.any(gaps):
    return 1.0
  return float(stats.wilcoxon(gaps).pvalue)
