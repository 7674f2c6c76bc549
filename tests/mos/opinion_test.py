"""Mean opinion scores, their intervals and differences."""

import numpy as np
from absl.testing import absltest, parameterized
from scipy import stats

from srfeat_jax.mos import opinion
from tests.support import opinion_studies

NAN = np.nan


def study_scores(quality, num_raters, seed) -> np.ndarray:
  """Scores [raters, images] of one method."""
  study = opinion_studies.draw(len(quality), 0, ("a",))
  rng = np.random.default_rng(seed)
  population = opinion_studies.Opinions(np.array([quality]))
  order = np.argsort([item.name for item in study.items])
  return population.ratings(study, num_raters, rng).scores[:, order]


class OpinionTest(parameterized.TestCase):
  def test_a_mean(self):
    found = opinion.opinion(np.array([[1.0, 5], [2, 5], [3, 2]]))
    self.assertEqual(found.mos, 3)
    self.assertEqual(found.histogram, (1, 2, 1, 0, 2))
    self.assertEqual((found.raters, found.images, found.ratings), (3, 2, 6))

  def test_the_interval_is_student_s_over_raters(self):
    scores = study_scores([2, 3, 4], 26, 0)
    means = scores.mean(1)
    expected = stats.t.interval(
      0.95, len(means) - 1, means.mean(), stats.sem(means)
    )
    np.testing.assert_allclose(opinion.opinion(scores).interval, expected)

  def test_missing_scores(self):
    """Images count alike, whoever rated them; the strict rate the bad one."""
    scores = np.array([[5.0, NAN], [4, NAN], [4, 2], [3, 1], [NAN, NAN]])
    found = opinion.opinion(scores)
    self.assertEqual(found.mos, (4 + 1.5) / 2)
    self.assertEqual((found.raters, found.images, found.ratings), (4, 2, 6))
    self.assertLess(found.interval[0], found.mos - 0.5)
    self.assertLessEqual(found.wide_interval[0], found.interval[0])

  def test_few_scores(self):
    one = opinion.opinion(np.array([[3.0, 4]]))
    self.assertEqual((one.mos, one.interval), (3.5, None))
    self.assertIsNone(one.wide_interval)
    self.assertIsNone(opinion.opinion(np.ones((2, 1))).wide_interval)
    self.assertEqual(opinion.opinion(np.ones((2, 1))).interval, (1, 1))
    # No image has two raters: nothing tells how raters differ.
    sparse = np.full((9, 9), NAN)
    np.fill_diagonal(sparse, 3)
    alone = opinion.opinion(sparse)
    self.assertEqual((alone.mos, alone.interval, alone.raters), (3, None, 9))
    self.assertIsNone(alone.wide_interval)

  def test_the_wide_interval_is_that_of_the_bootstrap(self):
    """Over raters and over images, which this many images suffice for."""
    scores = study_scores(np.linspace(2, 4, 60), 40, 1)
    rng = np.random.default_rng(0)
    raters, images = (
      rng.multinomial(n, np.full(n, 1 / n), 4000) / n for n in scores.shape
    )
    drawn = np.sum(raters @ scores * images, axis=1)
    found = opinion.opinion(scores)
    np.testing.assert_allclose(
      found.wide_interval, np.quantile(drawn, [0.025, 0.975]), atol=0.04
    )
    self.assertLess(found.wide_interval[0], found.interval[0] - 0.05)

  def test_the_wide_interval_by_hand(self):
    """A table without noise: only raters and images differ."""
    raters, images = np.array([-0.2, 0, 0.2]), np.array([2.9, 3.1])
    found = opinion.opinion(raters[:, None] + images)
    by_rater, by_image = 0.04 / 3, 0.02 / 2
    freedom = (by_rater + by_image) ** 2 / (by_rater**2 / 2 + by_image**2 / 1)
    half = stats.t.ppf(0.975, freedom) * np.sqrt(by_rater + by_image)
    np.testing.assert_allclose(found.wide_interval, (3 - half, 3 + half))

  @parameterized.parameters(
    ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),
    ([0.5, 0.9], [1, 1]),
    ([0.01, None, 0.03], [0.02, None, 0.03]),
    ([], []),
  )
  def test_holm(self, p_values, expected):
    found = opinion.holm(p_values)
    self.assertEqual([p is None for p in found], [p is None for p in expected])
    for ours, p in zip(found, expected, strict=True):
      if p is not None:
        self.assertAlmostEqual(ours, p)

  def test_differences(self):
    a, b = (study_scores(np.full(8, q), 26, i) for i, q in enumerate((3, 4)))
    found = {
      (each.first, each.second): each
      for each in opinion.differences({"a": a, "b": b, "again": a})
    }
    self.assertLen(found, 3)
    p = stats.wilcoxon(np.round((a - b).mean(1), 9)).pvalue
    different = found["a", "b"]
    self.assertAlmostEqual(different.mean, (a - b).mean())
    self.assertAlmostEqual(different.p_raters, 3 * p)
    self.assertLess(different.p_raters, 0.01)
    self.assertLess(different.p_images, 0.05)
    self.assertEqual(found["a", "again"].mean, 0)
    self.assertEqual(found["a", "again"].p_raters, 1)
    few = opinion.differences({"a": a[:, :5], "b": b[:, :5]})
    self.assertIsNone(few[0].p_images)

  def test_differences_of_what_is_missing(self):
    a, b = np.full((2, 6, 7), 3.0)
    a[:, 0] = NAN
    b[0] += 1
    b[1] = NAN
    (found,) = opinion.differences({"a": a, "b": b})
    self.assertAlmostEqual(found.mean, -1 / 5)
    self.assertEqual(found.raters, 5)
    b[:] = NAN
    (found,) = opinion.differences({"a": a, "b": b})
    self.assertIsNone(found.mean)

  def test_who_rated_only_one_of_two_compares_nothing(self):
    """Nor does such a pair count in the correction of the others' p."""
    a, b = (study_scores(np.full(8, q), 26, i) for i, q in enumerate((3, 4)))
    c = np.full_like(a, NAN)
    c[:13, :4] = 5
    a[:13, :4] = NAN
    found = {
      (each.first, each.second): each
      for each in opinion.differences({"a": a, "b": b, "c": c})
    }
    nothing = found["a", "c"]
    self.assertEqual((nothing.raters, nothing.mean), (0, None))
    self.assertIsNone(nothing.p_raters)
    self.assertIsNone(nothing.p_images)
    some = found["b", "c"]
    self.assertEqual(some.raters, 13)
    self.assertIsNone(some.p_images)  # of 4 images
    p = [
      stats.wilcoxon(np.round(np.nanmean((x - y)[chosen], 1), 9)).pvalue
      for x, y, chosen in (
        (a, b, slice(None)),
        (b[:, :4], c[:, :4], slice(13)),
      )
    ]
    expected = opinion.holm(p)
    self.assertAlmostEqual(found["a", "b"].p_raters, expected[0])
    self.assertAlmostEqual(some.p_raters, expected[1])


if __name__ == "__main__":
  absltest.main()
