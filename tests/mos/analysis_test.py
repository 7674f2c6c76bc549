"""What an analysis says of raters whose opinions are known."""

import dataclasses

import numpy as np
from absl.testing import absltest

from srfeat_jax import errors
from srfeat_jax.mos import analysis, analysis_files
from tests.support import opinion_studies

METHODS = opinion_studies.METHODS
RATERS = 26  # as in SRGAN
# HR, nearest and two methods, on 6 images of two sets.
QUALITY = np.array([4.7, 1.3, 3.6, 3.1])[:, None] + np.linspace(-0.4, 0.4, 6)
OPINIONS = opinion_studies.Opinions(QUALITY)


def study():
  return opinion_studies.draw(3, 8, sets=("A", "B"))


class AnalysisTest(absltest.TestCase):
  def test_known_opinions_are_recovered(self):
    collected = OPINIONS.ratings(study(), RATERS, np.random.default_rng(2))
    found = analysis.analyze(collected)
    self.assertEmpty(found.outliers)
    self.assertEqual(list(found.sets), ["A", "B", analysis.ALL_SETS])
    expected = OPINIONS.expected()
    for name, chosen in (("A", slice(3)), ("B", slice(3, 6))):
      for method, truth in zip(METHODS, expected[:, chosen], strict=True):
        score = found.sets[name].methods[method]
        low, high = score.interval
        self.assertBetween(truth.mean(), low, high, (name, method))
        self.assertLess(high - low, 0.6)
        self.assertEqual(score.ratings, 3 * RATERS)
    whole = found.sets[analysis.ALL_SETS]
    self.assertEqual(whole.methods["ours"].images, 6)
    for each in whole.differences:
      self.assertLess(each.p_raters, 0.01)  # all methods differ by 0.5 or more
      truth = expected.mean(1)
      gap = truth[METHODS.index(each.first)]
      gap -= truth[METHODS.index(each.second)]
      self.assertAlmostEqual(each.mean, gap, delta=0.2)
    self.assertEqual({*found.anchors}, {"HR", "nearest"})
    self.assertLess(found.anchors["nearest"][1], 2)

  def test_repeated_items_count_for_consistency_alone(self):
    drawn = study()
    scores = np.full((6, len(drawn.items)), 2.0)
    again = [i for i, each in enumerate(drawn.items) if each.repeat_of]
    scores[:, again] = 4
    rng = np.random.default_rng(0)
    collected = dataclasses.replace(
      OPINIONS.ratings(drawn, 6, rng), scores=scores
    )
    found = analysis.analyze(collected)
    for each in found.sets[analysis.ALL_SETS].everyone.values():
      self.assertEqual(each.mos, 2)
    self.assertEqual(found.retest.pairs, 6 * 8)
    self.assertEqual(found.retest.difference, 2)

  def test_repeated_items_make_no_outliers(self):
    drawn = study()
    collected = OPINIONS.ratings(drawn, RATERS, np.random.default_rng(2))
    scores = collected.scores.copy()
    again = [i for i, each in enumerate(drawn.items) if each.repeat_of]
    scores[:, again] = 6 - scores[:, again]
    found = analysis.analyze(dataclasses.replace(collected, scores=scores))
    self.assertEmpty(found.outliers)
    honest = analysis.analyze(collected)
    for each, same in zip(found.raters, honest.raters, strict=True):
      self.assertEqual(each.anchors, same.anchors)
      self.assertEqual(each.correlation, same.correlation)
    firsts = np.full_like(scores, np.nan)
    firsts[:, again] = scores[:, again]
    with self.assertRaisesRegex(errors.InputError, "a second time"):
      analysis.analyze(dataclasses.replace(collected, scores=firsts))

  def test_where_all_are_outliers_nobody_is_left_out(self):
    collected = OPINIONS.ratings(study(), 6, np.random.default_rng(3))
    same = dataclasses.replace(
      collected, scores=np.full_like(collected.scores, 3)
    )
    found = analysis.analyze(same)
    self.assertEqual(found.outliers, list(collected.raters))
    self.assertEmpty(found.left_out)
    self.assertEqual(found.sets["A"].methods["HR"].raters, 6)
    self.assertEndsWith(
      analysis_files.summary(found),
      "; all are outliers by the rules, so nobody is left out",
    )
    for text in (analysis_files.markdown(found), analysis_files.text(found)):
      self.assertNotIn("are left out as", text)

  def test_without_outliers_and_with_them(self):
    collected = OPINIONS.ratings(study(), RATERS, np.random.default_rng(3))
    honest = analysis.analyze(collected)
    scores = collected.scores.copy()
    scores[:5] = 6 - scores[:5]
    found = analysis.analyze(dataclasses.replace(collected, scores=scores))
    self.assertEqual(found.outliers, list(collected.raters[:5]))
    self.assertEqual(found.left_out, found.outliers)
    self.assertEndsWith(
      analysis_files.summary(found), " and 5 are left out as outliers"
    )
    methods = found.sets["A"].methods
    self.assertEqual(methods["HR"].raters, RATERS - 5)
    self.assertLess(found.sets["A"].everyone["HR"].mos, methods["HR"].mos - 0.3)
    self.assertAlmostEqual(
      methods["HR"].mos, honest.sets["A"].methods["HR"].mos, delta=0.2
    )

  def test_who_stopped_early(self):
    collected = OPINIONS.ratings(study(), 3, np.random.default_rng(4))
    scores = np.full_like(collected.scores, np.nan)
    firsts = [
      i
      for i, each in enumerate(collected.study.items)
      if each.method in ("HR", "ours") and each.set_name == "A"
    ]
    scores[:, firsts] = collected.scores[:, firsts]
    scores[0, firsts[1:]] = np.nan
    found = analysis.analyze(dataclasses.replace(collected, scores=scores))
    self.assertEqual(list(found.sets), ["A", analysis.ALL_SETS])
    self.assertEqual(list(found.sets["A"].methods), ["HR", "ours"])
    self.assertEqual(list(found.anchors), ["HR"])
    self.assertEqual(found.raters[0].ratings, 1)


if __name__ == "__main__":
  absltest.main()
