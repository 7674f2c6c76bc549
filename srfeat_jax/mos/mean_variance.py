"""How much a mean opinion score would vary with other raters and images.

Raters need not have rated everything: who stopped early counts with what is
there. A score is that of its image, plus its rater's leniency, plus noise,
which is also what a rater thinks of this image in particular:

  score = image + rater + noise

and the mean opinion score is the mean over the images of the mean over their
raters, so a rater weighs the more, the more images they rated, and the fewer
others rated these.
"""

import dataclasses

import numpy as np
from scipy.sparse import csgraph

_ZERO = 1e-9  # of squared scores: a variance below this is a rounding error


@dataclasses.dataclass(frozen=True)
class MeanVariance:
  """Variances of a mean opinion score, with degrees of freedom.

  Attributes:
    of_raters: for other raters, and the same images.
    raters_freedom: of `of_raters`.
    of_both: for other raters and other images; None for one image.
    both_freedom: of `of_both`.
  """

  of_raters: float
  raters_freedom: float
  of_both: float | None = None
  both_freedom: float | None = None


def estimate(scores: np.ndarray) -> MeanVariance | None:
  """Estimates them.

  That of raters is the sum of the squares of what each rater adds to the
  deviation from the images' means, as of clusters of ratings (Liang & Zeger
  1986). As these means follow their few raters, the sum is too small; it is
  multiplied by what it lacks in expectation in the model above, and has
  Satterthwaite's degrees of freedom in it (Bell & McCaffrey 2002). The model's
  two variances are from an analysis of variance of unbalanced tables
  (Henderson's method 3); of them only the ratio matters. Where every rater
  rated every image, this is the variance of Student's t over the raters' means,
  whatever the ratio.

  For other images, too, the variance of the images' means is added, less what
  raters and noise contribute to it, again with Satterthwaite's degrees of
  freedom.

  Args:
    scores: float [raters, images], NaN where a rater did not rate; in each row
      and column at least one is a number.

  Returns:
    None if no image has two raters, for then nothing tells how raters differ.
  """
  there = ~np.isnan(scores)
  num_images = scores.shape[1]
  numbers = there.sum(0)
  if numbers.max() < 2:
    return None
  means = np.nanmean(scores, axis=0)
  gaps = np.where(there, scores - means, 0.0)
  shares = there / numbers  # of each rater in an image's mean
  weights = shares / num_images  # in the mean opinion score
  by_rater, noise = _components(gaps, there, shares)
  # The covariance of what raters add: of K a for leniencies a, and of noise.
  added = np.sum(weights * gaps, axis=1)
  mixing = np.diag(weights.sum(1)) - weights @ shares.T
  covariance = by_rater * mixing @ mixing.T + noise * (
    np.diag(np.sum(weights**2, axis=1)) - (weights / numbers) @ weights.T
  )
  expected = np.trace(covariance)
  truth = by_rater * np.sum(weights.sum(1) ** 2) + noise * np.sum(weights**2)
  of_raters = float(np.sum(added**2) * truth / expected)
  raters_freedom = float(expected**2 / np.sum(covariance**2))
  if num_images < 2:
    return MeanVariance(of_raters, raters_freedom)
  of_means = by_rater * shares.T @ shares + noise * np.diag(1 / numbers)
  contributed = np.trace(of_means) - of_means.sum() / num_images
  contributed /= num_images * (num_images - 1)
  of_images = means.var(ddof=1) / num_images
  of_both = max(of_raters + of_images - contributed, of_raters, of_images)
  squares = of_raters**2 / raters_freedom + of_images**2 / (num_images - 1)
  both_freedom = of_both**2 / squares if squares else np.inf
  return MeanVariance(
    of_raters, raters_freedom, float(of_both), float(both_freedom)
  )


def _components(
  gaps: np.ndarray, there: np.ndarray, shares: np.ndarray
) -> tuple[float, float]:
  """The variances of raters' leniencies and of noise.

  Where no rating is left to tell them apart, as with one image, all is raters'.

  Args:
    gaps: [raters, images], from the images' means.
    there: bool, likewise.
    shares: of each rater in an image's mean, likewise.
  """
  # What the ratings say of leniencies, once each image has its own mean: of
  # raters whom no image connects nothing but differences among themselves.
  information = np.diag(there.sum(1)) - there @ shares.T
  count, group = csgraph.connected_components(there.astype(int) @ there.T)
  together = group[:, None] == group
  sums = gaps.sum(1)
  explained = sums @ np.linalg.solve(information + together, sums)
  rank = len(group) - count
  freedom = int(there.sum()) - there.shape[1] - rank
  noise = 0.0
  if freedom > 0:
    noise = max(0.0, (np.sum(gaps**2) - explained) / freedom)
  by_rater = max(0.0, (explained - rank * noise) / np.trace(information))
  # Scores without any variance have none of the mean, whatever the ratio.
  return (by_rater, noise) if by_rater + noise > _ZERO else (1.0, 0.0)
