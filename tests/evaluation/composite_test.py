"""Tests of srfeat_jax.evaluation.composite."""

import math

from absl.testing import absltest

from srfeat_jax.evaluation import composite

_PARTS = {
  "lpips": 0.2,
  "dists": 0.1,
  "clipiqa": 0.6,
  "maniqa": 0.4,
  "musiq": 65.0,
  "niqe": 4.0,
}


class CompositeTest(absltest.TestCase):
  def test_formulas(self):
    found = composite.scores(_PARTS | {"ma": 8.0}, "alex")
    self.assertAlmostEqual(
      found["perceptual_score"], 0.8 + 0.9 + 0.6 + 0.4 + 0.65 + 0.6
    )
    self.assertEqual(found["pi"], 3)
    bad = composite.scores(_PARTS | {"niqe": 12.0}, "alex")
    self.assertAlmostEqual(bad["perceptual_score"], 3.35)
    undefined = composite.scores(_PARTS | {"niqe": math.nan}, "alex")
    self.assertTrue(math.isnan(undefined["perceptual_score"]))

  def test_without_a_part_there_is_none(self):
    for missing in _PARTS:
      parts = {k: v for k, v in _PARTS.items() if k != missing}
      self.assertEmpty(composite.scores(parts, "alex"))
    self.assertEmpty(composite.scores(_PARTS, "squeeze"))
    several = _PARTS | {"lpips_alex": 0.2}
    del several["lpips"]
    self.assertIn("perceptual_score", composite.scores(several))


if __name__ == "__main__":
  absltest.main()
