"""Who rates consistently, and who does not."""

import numpy as np
from absl.testing import absltest, parameterized
from scipy import stats

from srfeat_jax.mos import consistency

NAN = np.nan


def crowd(num_raters=12, num_items=40, seed=0) -> np.ndarray:
  """Raters who agree but for noise."""
  rng = np.random.default_rng(seed)
  quality = np.linspace(1, 5, num_items)
  noise = rng.normal(0, 0.5, (num_raters, num_items))
  return np.clip(np.rint(quality + noise), 1, 5)


def check(scores, anchors=None, pairs=None, counted=None):
  pairs = np.zeros((len(scores), 0, 2)) if pairs is None else pairs
  seconds = np.ones_like(scores)
  counted = range(scores.shape[1]) if counted is None else counted
  return consistency.raters(scores, seconds, counted, pairs, anchors)


class ConsistencyTest(parameterized.TestCase):
  def test_correlation_with_the_others(self):
    scores = crowd(4)
    scores[0, :3] = NAN
    found = consistency.with_the_others(scores)
    others = scores[1:].mean(0)[3:]
    self.assertAlmostEqual(found[0], np.corrcoef(scores[0, 3:], others)[0, 1])
    mean = np.nanmean(scores[[0, 2, 3]], axis=0)
    self.assertAlmostEqual(found[1], np.corrcoef(scores[1], mean)[0, 1])
    self.assertEqual(consistency.with_the_others(scores[:1]), [None])
    self.assertEqual(consistency.with_the_others(np.ones((3, 9))), [None] * 3)

  def test_retest(self):
    pairs = np.array([[[1, 1], [2, 3]], [[5, 1], [4, NAN]]])
    found = consistency.retest(pairs)
    self.assertEqual(found.pairs, 3)
    self.assertAlmostEqual(found.difference, 5 / 3)
    self.assertAlmostEqual(found.equal, 1 / 3)
    self.assertAlmostEqual(found.within_one, 2 / 3)
    self.assertIsNone(found.correlation)
    self.assertIsNone(consistency.retest(np.full((3, 2, 2), NAN)))
    self.assertIsNone(consistency.retest(np.zeros((3, 0, 2))))

  def test_bt500(self):
    """By hand: one rater says 5 or 1 where 18 others say 2, 3 and 4."""
    scores = np.repeat([2.0, 3, 4], [4, 10, 4])[:, None].repeat(20, axis=1)
    both, high = np.full(20, 5.0), np.full(20, 5.0)
    both[::2] = 1
    # Their mean is 3.1, the standard deviation 0.81, and the kurtosis 2.9.
    scores = np.vstack([scores, both])
    self.assertBetween(stats.kurtosis(scores[:, 1], fisher=False), 2.8, 3)
    self.assertEqual(consistency.bt500(scores), [False] * 18 + [True])
    # Who is too high always is lenient, not inconsistent.
    scores[-1] = high
    self.assertEqual(consistency.bt500(scores), [False] * 19)
    # Where a single rater differs the kurtosis is 17 and more, and the bound
    # sqrt(20) deviations, which 18 others cannot reach.
    scores[:-1] = 3
    self.assertEqual(consistency.bt500(scores), [False] * 19)
    self.assertEqual(consistency.bt500(np.full((3, 4), NAN)), [False] * 3)

  def test_outliers(self):
    scores = crowd()
    rng = np.random.default_rng(1)
    scores[3] = rng.integers(1, 6, 40)
    scores[5] = 4
    scores[7] = 6 - scores[7]
    found = check(scores)
    outliers = {i: each.reasons for i, each in enumerate(found) if each.reasons}
    self.assertEqual(set(outliers), {3, 5, 7})
    self.assertIn("correlation with the others", outliers[3][0])
    self.assertEqual(outliers[5], ("all scores are the same",))
    self.assertEqual([each.bt500 for each in found], consistency.bt500(scores))
    self.assertEqual(found[0].ratings, 40)
    self.assertAlmostEqual(found[0].mean, scores[0].mean())

  def test_items_that_do_not_count(self):
    scores = crowd()
    expected = check(scores[:, :30])
    scores[:, 30:] = 6 - scores[:, 30:]
    scores[0, 30:] = NAN
    found = check(scores, counted=range(30))
    self.assertEqual([each.ratings for each in found], [30] + [40] * 11)
    for each, alone in zip(found, expected, strict=True):
      self.assertEqual(each.mean, alone.mean)
      self.assertEqual(each.correlation, alone.correlation)
      self.assertEqual(each.reasons, ())
    scores[1, :30] = 3  # and others later
    self.assertIn("the same", check(scores, counted=range(30))[1].reasons[0])
    scores[2, :30] = NAN
    nothing = check(scores, counted=range(30))[2]
    self.assertEqual((nothing.ratings, nothing.mean), (10, None))

  def test_an_honest_crowd_has_none(self):
    for seed in range(20):
      found = check(crowd(26, seed=seed))
      self.assertEqual([each.reasons for each in found], [()] * 26)

  def test_anchors(self):
    anchors = np.tile([1.2, 4.8], (12, 1))
    anchors[2] = 3, 3.5
    anchors[4] = NAN, 3.5
    found = check(crowd(), anchors)
    self.assertEqual([i for i, each in enumerate(found) if each.reasons], [2])
    self.assertEqual(found[2].anchors, (3, 3.5))
    self.assertIsNone(found[4].anchors)

  def test_few_raters(self):
    """Of two who disagree nobody can say who is right."""
    scores = crowd(4)
    scores[0] = 6 - scores[0]
    self.assertEqual([each.reasons for each in check(scores)], [()] * 4)
    one = np.full((1, 40), NAN)
    one[0, 0] = 2
    (found,) = check(one)
    self.assertEqual((found.ratings, found.mean), (1, 2))
    self.assertIsNone(found.correlation)


if __name__ == "__main__":
  absltest.main()
