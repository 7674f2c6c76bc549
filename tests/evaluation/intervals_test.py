"""Intervals by the bootstrap, of means and of paired differences."""

import math

import numpy as np
from absl.testing import absltest

from srfeat_jax.evaluation import bootstrap, intervals


def _sets(psnr, ratio=None) -> dict:
  ratio = ratio or [1.0] * len(psnr)
  images = {
    str(i): {"psnr_y": a, "checkerboard": b}
    for i, (a, b) in enumerate(zip(psnr, ratio, strict=True))
  }
  return {"S": {"images": images}}


class IntervalsTest(absltest.TestCase):
  def test_it_is_the_classical_one_of_many_normal_values(self):
    """Of which the mean's is 1.96 standard errors to each side."""
    values = np.random.default_rng(0).normal(30, 2, 400)
    low, high = bootstrap.interval(values, lambda x: np.mean(x, axis=-1))
    error = 1.96 * values.std() / 20
    self.assertAlmostEqual(low, values.mean() - error, delta=0.03)
    self.assertAlmostEqual(high, values.mean() + error, delta=0.03)
    again = bootstrap.interval(values, lambda x: np.mean(x, axis=-1))
    self.assertEqual((low, high), again)

  def test_differences_are_paired(self):
    rng = np.random.default_rng(1)
    hard = rng.normal(28, 5, 20)
    methods = {
      "nearest": _sets(list(hard - 1)),
      "bicubic": _sets(list(hard), list(rng.uniform(1, 4, 20))),
      "net": _sets(list(hard + 2 + rng.normal(0, 0.1, 20))),
    }
    found = intervals.of(methods)
    self.assertEqual(found["from"], "bicubic")
    low, high = found["differences"]["net"]["S"]["psnr_y"]
    self.assertBetween(low, 1.9, 2)
    self.assertBetween(high, 2, 2.1)
    self.assertAlmostEqual(
      found["differences"]["nearest"]["S"]["psnr_y"][0], -1
    )
    low, high = found["means"]["net"]["S"]["psnr_y"]
    self.assertGreater(high - low, 2)
    # Of ratios, by their geometric mean.
    ratios = [
      image["checkerboard"]
      for image in methods["bicubic"]["S"]["images"].values()
    ]
    low, high = found["means"]["bicubic"]["S"]["checkerboard"]
    self.assertBetween(math.exp(np.mean(np.log(ratios))), low, high)
    self.assertNotIn("checkerboard", found["differences"]["net"]["S"])

  def test_where_there_is_none(self):
    found = intervals.of({"net": _sets([30.0, math.inf])})
    self.assertEqual(found["means"]["net"]["S"], {"checkerboard": [1, 1]})
    self.assertNotIn("differences", found)
    one = intervals.of({"net": _sets([30.0, math.nan])})
    self.assertNotIn("psnr_y", one["means"]["net"]["S"])


if __name__ == "__main__":
  absltest.main()
