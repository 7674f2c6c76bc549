"""How consistent raters are, and who is left out.

Scores are float [raters, items], 1 to 5, NaN where a rater did not rate.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

LEAST_CORRELATION = 0.5
LEAST_GAP = 1.0  # between the anchors
LEAST_RATERS = 5  # for anyone to be left out
_LEAST_ITEMS = 5  # that raters have in common, for a correlation


@dataclasses.dataclass(frozen=True)
class Rater:
  """What is known of a rater.

  Attributes:
    ratings: how many, of images that were shown again, too.
    mean: of the scores; None if only images that were shown again have one.
    correlation: of the scores (Pearson's) with the mean of the other raters;
      None if it is not defined.
    retest: mean absolute difference between the scores of an image that was
      shown twice; None if none was.
    anchors: mean score of the lower and of the upper anchor; None if there are
      none.
    seconds: median time of a rating.
    bt500: whether ITU-R BT.500 rejects the rater. It is reported alone: on a
      scale of whole numbers it rejects honest raters, too.
    reasons: why the rater is an outlier; empty if not.
  """

  ratings: int
  mean: float | None
  correlation: float | None
  retest: float | None
  anchors: tuple[float, float] | None
  seconds: float
  bt500: bool
  reasons: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Retest:
  """How often raters give an image the same score again.

  Attributes:
    pairs: the number of images that a rater rated twice.
    difference: mean absolute difference.
    equal: share of equal scores.
    within_one: share of scores that differ by at most 1.
    correlation: over all pairs (Pearson's); None if it is not defined.
  """

  pairs: int
  difference: float
  equal: float
  within_one: float
  correlation: float | None


def retest(pairs: np.ndarray) -> Retest | None:
  """Compares both scores of images that were shown twice.

  Args:
    pairs: float [raters, images, 2].

  Returns:
    None if no rater rated an image twice.
  """
  pairs = pairs.reshape(-1, 2)
  pairs = pairs[~np.isnan(pairs).any(1)]
  if not len(pairs):
    return None
  gaps = np.abs(pairs[:, 0] - pairs[:, 1])
  return Retest(
    len(pairs),
    float(gaps.mean()),
    float((gaps == 0).mean()),
    float((gaps <= 1).mean()),
    correlation(pairs[:, 0], pairs[:, 1]),
  )


def correlation(first: np.ndarray, second: np.ndarray) -> float | None:
  """Pearson's correlation where both are numbers, None if not defined."""
  both = ~np.isnan(first) & ~np.isnan(second)
  first, second = first[both], second[both]
  if len(first) < _LEAST_ITEMS or not (np.ptp(first) and np.ptp(second)):
    return None
  return float(np.corrcoef(first, second)[0, 1])


def with_the_others(scores: np.ndarray) -> list[float | None]:
  """Correlates each rater with the mean of all other raters."""
  counted = ~np.isnan(scores)
  sums, numbers = np.nansum(scores, axis=0), counted.sum(0)
  found = []
  for row, there in zip(scores, counted, strict=True):
    others = numbers - there
    means = np.full(len(others), np.nan)
    np.divide(
      sums - np.where(there, row, 0), others, out=means, where=others > 0
    )
    found.append(correlation(row, means))
  return found


def bt500(scores: np.ndarray) -> list[bool]:
  """Finds raters to reject by ITU-R BT.500-13, annex 2, 2.3.1.

  An item's scores are compared with their mean, +- 2 standard deviations if
  their kurtosis is from 2 to 4, else +- sqrt(20). A rater is rejected who is
  outside for more than 5% of the items, and about as often above as below
  (their difference less than 30%): who errs on one side only is strict or
  lenient, but consistent.

  Returns:
    A value for each rater.
  """
  above = np.zeros(len(scores))
  below = np.zeros(len(scores))
  numbers = (~np.isnan(scores)).sum(1)
  for column in scores.T:
    there = ~np.isnan(column)
    values = column[there]
    if len(values) < 2 or not np.ptp(values):
      continue
    gaps = values - values.mean()
    kurtosis = (gaps**4).mean() / (gaps**2).mean() ** 2
    factor = 2 if 2 <= kurtosis <= 4 else np.sqrt(20)
    bound = factor * values.std(ddof=1)
    above[there] += gaps >= bound
    below[there] += gaps <= -bound
  outside = above + below
  return [
    bool(out and out / number > 0.05 and abs(high - low) / out < 0.3)
    for high, low, out, number in zip(
      above, below, outside, numbers, strict=True
    )
  ]


def raters(
  scores: np.ndarray,
  seconds: np.ndarray,
  counted: Sequence[int],
  repeats: np.ndarray,
  anchors: np.ndarray | None,
) -> list[Rater]:
  """Checks each rater.

  An outlier is a rater for whom one of these holds: the correlation with the
  mean of the others is below `LEAST_CORRELATION`, or is not defined because
  all scores are the same; the mean score of the upper anchor is not `LEAST_GAP`
  above that of the lower one. With fewer than `LEAST_RATERS` raters nobody is.

  Args:
    scores: of all items.
    seconds: of all items.
    counted: the items whose scores count, which are no repetitions.
    repeats: float [raters, images, 2], images that were shown twice.
    anchors: float [raters, 2], mean scores of the lower and the upper anchor.
  """
  firsts = scores[:, list(counted)]
  correlations = with_the_others(firsts)
  rejected = bt500(firsts)
  enough = len(scores) >= LEAST_RATERS
  found = []
  for row, each in enumerate(firsts):
    reasons = []
    number = int((~np.isnan(each)).sum())
    related = correlations[row]
    if related is None and number >= _LEAST_ITEMS and not np.nanstd(each):
      reasons.append("all scores are the same")
    elif related is not None and related < LEAST_CORRELATION:
      reasons.append(f"correlation with the others {related:.2f}")
    pair = None
    if anchors is not None and not np.isnan(anchors[row]).any():
      pair = float(anchors[row, 0]), float(anchors[row, 1])
      if pair[1] - pair[0] < LEAST_GAP:
        reasons.append(f"anchors {pair[0]:.1f} and {pair[1]:.1f}")
    again = retest(repeats[row])
    found.append(
      Rater(
        int((~np.isnan(scores[row])).sum()),
        float(np.nanmean(each)) if number else None,
        related,
        again.difference if again else None,
        pair,
        float(np.nanmedian(seconds[row])),
        rejected[row],
        tuple(reasons) if enough else (),
      )
    )
  return found
