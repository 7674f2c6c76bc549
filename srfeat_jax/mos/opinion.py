"""Mean opinion scores with their intervals, and differences between methods.

Scores are float [raters, images], 1 to 5, NaN where a rater did not rate.
"""

import dataclasses
import warnings
from collections.abc import Sequence

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
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


def opinion(scores: np.ndarray) -> Opinion:
  """Computes the mean opinion score of a method.

  The interval is Student's t over the raters: each rater's mean deviation from
  the images' means is one sample. Where every rater rated every image, this is
  the t interval of the raters' means. The wide interval adds the variance of
  the images' means, as in an analysis of variance with random raters and random
  images, with Satterthwaite's degrees of freedom.

  Args:
    scores: at least one is not NaN.
  """
  scores = scores[~np.isnan(scores).all(1)]
  scores = scores[:, ~np.isnan(scores).all(0)]
  means = np.nanmean(scores, axis=0)
  mos = float(means.mean())
  effects = np.nanmean(scores - means, axis=1)
  counted = ~np.isnan(scores)
  values = scores[counted].astype(int)
  num_raters, num_images = scores.shape
  return Opinion(
    mos,
    _interval(effects, mos),
    _wide_interval(scores, effects, means),
    num_raters,
    num_images,
    int(counted.sum()),
    tuple(int((values == score).sum()) for score in range(1, 6)),
  )


def _interval(effects: np.ndarray, mos: float) -> tuple[float, float] | None:
  number = len(effects)
  if number < 2:
    return None
  return _around(mos, effects.var(ddof=1) / number, number - 1)


def _wide_interval(
  scores: np.ndarray, effects: np.ndarray, means: np.ndarray
) -> tuple[float, float] | None:
  num_raters, num_images = scores.shape
  if min(num_raters, num_images) < 2:
    return None
  by_rater = effects.var(ddof=1) / num_raters
  by_image = means.var(ddof=1) / num_images
  noise = np.nanvar(scores - means - effects[:, None])
  # The noise of single ratings is in both of the others.
  variance = by_rater + by_image - noise / np.sum(~np.isnan(scores))
  variance = max(variance, by_rater, by_image)
  if not variance:
    return means.mean(), means.mean()
  freedom = (by_rater + by_image) ** 2 / (
    by_rater**2 / (num_raters - 1) + by_image**2 / (num_images - 1)
  )
  return _around(means.mean(), variance, freedom)


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
