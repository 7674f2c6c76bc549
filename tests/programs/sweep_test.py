"""Tests of the program sweep."""

import json
import unittest

import numpy as np
from absl.testing import absltest, parameterized
from PIL import Image

from tests.support import blendable, paths


class SweepTest(blendable.BlendTestCase):
  @parameterized.parameters(
    (("--alphas=",), "--alphas=: expected numbers from 0 to 1"),
    (("--alphas=0,x",), "--alphas=0,x: expected numbers"),
    (("--alphas=0,1.5",), "--alphas=0,1.5: expected numbers"),
    (("third",), "expected two weights to blend, got 3"),
    ((), "cannot be blended"),
  )
  def test_sweep_that_cannot_be(self, more, message):
    other = self._save("other", blendable.GENERATOR | {"tanh": True}, seed=0)
    output = self.folder / "sweep"
    # The weights are looked at before anything that is missing here.
    printed = self._fail(
      "sweep", self.first, other, *more, "--benchmarks=nowhere",
      "--lpips_weights=nowhere", f"--output={output}",
    )  # fmt: skip
    self.assertIn(message, printed)
    self.assertFalse(output.exists())

  def test_sweep_over_sets_that_are_not_there(self):
    output = self.folder / "sweep"
    printed = self._fail(
      "sweep", self.first, self.second, "--benchmarks=nowhere",
      "--lpips_weights=nowhere", f"--output={output}",
    )  # fmt: skip
    self.assertIn("nowhere", printed)
    self.assertFalse(output.exists())

  @unittest.skipIf(paths.DATA is None, paths.NO_DATA)
  def test_sweep(self):
    hr = self.folder / "sets" / "Tiny" / "HR"
    hr.mkdir(parents=True)
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(hr / "noise.png")
    output = self.folder / "sweep"
    printed = self._run(
      "sweep", self.first, self.second, f"--benchmarks={hr.parent.parent}",
      f"--lpips_weights={paths.DATA / 'weights' / 'lpips_squeeze_v0.1.npz'}",
      "--alphas=0,1", f"--output={output}",
    )  # fmt: skip
    points = json.loads((output / "sweep.json").read_text())
    self.assertEqual([point["alpha"] for point in points], [0, 1])
    for point in points:
      self.assertIn(f"LPIPS {point['lpips']:.4f}", printed)
      self.assertEqual(point["backbone"], "squeeze")
    self.assertNotEqual(points[0]["lpips"], points[1]["lpips"])
    self.assertGreater(Image.open(output / "sweep.png").width, 300)


if __name__ == "__main__":
  absltest.main()
