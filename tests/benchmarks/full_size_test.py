"""Tests of benchmarks/full_size.py on a network that is not full-size."""

import os
import subprocess
import sys

from absl.testing import absltest

from tests.support import paths


class FullSizeTest(absltest.TestCase):
  def test_says_what_a_step_costs(self):
    flags = ("batch_size=2", "crop_size=16", "generator.features=4")
    result = subprocess.run(
      [
        *(sys.executable, "-m", "benchmarks.full_size"),
        "--config=configs/pretrain.py:srfeat_lite",
        *(f"--config.{flag}" for flag in flags),
      ],
      cwd=paths.REPOSITORY,
      env=os.environ | {"JAX_PLATFORMS": "cpu"},
      capture_output=True,
      text=True,
      check=True,
    )
    self.assertRegex(
      result.stdout,
      r"^srfeat, batch 2 of 16 px: 4,779 parameters, compiled in [\d.]+ s,"
      r" [\d.]+ TFLOP per step, second step [\d.]+ s, peak memory [\d.]+ GiB",
    )


if __name__ == "__main__":
  absltest.main()
