"""Variances of a mean opinion score, also where most ratings are missing."""

import numpy as np
from absl.testing import absltest, parameterized
from scipy import stats

from srfeat_jax.mos import mean_variance, opinion
from tests.support import opinion_studies

NAN = np.nan


def early(rng, num_raters: int, num_images: int, complete: int) -> np.ndarray:
  """Ratings of raters most of whom stop after the first few images."""
  there = np.zeros((num_raters, num_images), bool)
  for rater in range(num_raters):
    number = num_images if rater < complete else rng.integers(1, 4)
    there[rater, rng.permutation(num_images)[:number]] = True
  return there


def by_matrices(scores: np.ndarray) -> tuple[float, float]:
  """The variance for other raters by matrices over all ratings.

  Returns:
    It, and its degrees of freedom.
  """
  raters, images = np.nonzero(~np.isnan(scores))
  y = scores[raters, images]
  z, x = np.eye(scores.shape[0])[raters], np.eye(scores.shape[1])[images]
  of_images, of_all = (m @ np.linalg.pinv(m) for m in (x, np.hstack([x, z])))
  left = np.eye(len(y)) - of_images
  ranks = [np.linalg.matrix_rank(m) for m in (x, np.hstack([x, z]))]
  noise = y @ (np.eye(len(y)) - of_all) @ y / (len(y) - ranks[1])
  more = y @ (of_all - of_images) @ y - (ranks[1] - ranks[0]) * noise
  by_rater = max(0, more / np.trace(z.T @ left @ z))
  covariance = by_rater * z @ z.T + noise * np.eye(len(y))
  weights = np.linalg.pinv(x).mean(0)  # of each rating in the mean
  added = z.T @ np.diag(weights) @ left  # by each rater, of the ratings
  of_added = added @ covariance @ added.T
  expected = np.trace(of_added)
  variance = np.sum((added @ y) ** 2) * (weights @ covariance @ weights)
  return variance / expected, expected**2 / np.sum(of_added**2)


class MeanVarianceTest(parameterized.TestCase):
  @parameterized.parameters(1, 2, 9)
  def test_of_complete_ratings_it_is_student_s(self, num_images):
    scores = np.random.default_rng(0).integers(1, 6, (7, num_images))
    found = mean_variance.estimate(scores.astype(float))
    means = scores.mean(1)
    self.assertAlmostEqual(found.of_raters, means.var(ddof=1) / 7)
    self.assertAlmostEqual(found.raters_freedom, 6)
    self.assertEqual(found.of_both is None, num_images == 1)

  def test_it_is_that_of_matrices_over_all_ratings(self):
    rng = np.random.default_rng(1)
    for _ in range(5):
      there = early(rng, 9, 6, 3)
      scores = rng.normal(0, 1, (9, 1)) + rng.normal(3, 1, there.shape)
      found = mean_variance.estimate(np.where(there, scores, NAN))
      variance, freedom = by_matrices(np.where(there, scores, NAN))
      np.testing.assert_allclose(found.of_raters, variance)
      np.testing.assert_allclose(found.raters_freedom, freedom)

  def test_on_average_it_is_what_means_vary_by(self):
    """Of 2 raters who rate all and 12 who stop early."""
    rng = np.random.default_rng(2)
    there = early(rng, 14, 8, 2)
    images = np.linspace(-1, 1, 8)

    def drawn(number):
      lenient = rng.normal(0, 0.5, (number, 14, 1))
      scores = lenient + rng.normal(3, 0.7, (number, *there.shape))
      return np.where(there, scores, NAN)

    variance = np.nanmean(drawn(20_000), axis=1).mean(1).var()
    found = [mean_variance.estimate(each + images) for each in drawn(800)]
    estimates = [each.of_raters for each in found]
    both = [each.of_both for each in found]
    self.assertAlmostEqual(np.mean(estimates) / variance, 1, delta=0.07)
    # As if these were images of a population of that variance.
    variance += images.var(ddof=1) / 8
    self.assertAlmostEqual(np.mean(both) / variance, 1, delta=0.07)

  def test_intervals_hold_the_truth_where_most_stop_early(self):
    """As often as they say; 90 % of them did by the raters' plain means."""
    rng = np.random.default_rng(3)
    population = opinion_studies.Opinions(np.full((1, 14), 3.4))
    study = opinion_studies.draw(14, 0, ("a",))
    truth = population.expected().mean()
    hits = []
    for _ in range(400):
      scores = population.ratings(study, 26, rng).scores
      scores = np.where(early(rng, 26, 14, 2), scores, NAN)
      low, high = opinion.opinion(scores).interval
      hits.append(low <= truth <= high)
    self.assertBetween(np.mean(hits), 0.93, 0.98)

  def test_what_nothing_is_known_of(self):
    alone = np.full((3, 3), NAN)
    np.fill_diagonal(alone, (2, 3, 4))
    self.assertIsNone(mean_variance.estimate(alone))
    self.assertIsNone(mean_variance.estimate(np.array([[3.0, 4]])))

  def test_without_any_variance(self):
    found = mean_variance.estimate(np.full((4, 3), 3.0))
    self.assertEqual((found.of_raters, found.of_both), (0, 0))
    half = stats.t.ppf(0.975, found.both_freedom)
    self.assertTrue(np.isfinite(half))


if __name__ == "__main__":
  absltest.main()
