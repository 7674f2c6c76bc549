"""Tests of benchmarks/scaling_check.py on a small network."""

import os
import re
import subprocess
import sys

from absl.testing import absltest, parameterized

from tests.support import paths


class ScalingCheckTest(parameterized.TestCase):
  @parameterized.parameters(
    ("pretrain.py:srfeat", 64), ("gan.py:srfeat_lite", 16)
  )
  def test_compiled_and_run_agree(self, config, crop_size):
    flags = ("batch_size=4", f"crop_size={crop_size}", "generator.features=8")
    result = subprocess.run(
      [
        *(sys.executable, "-m", "benchmarks.scaling_check"),
        f"--config=configs/{config}",
        *(f"--config.{flag}" for flag in flags),
        "--config.generator.num_blocks=1",
      ],
      cwd=paths.REPOSITORY,
      env=os.environ | {"JAX_PLATFORMS": "cpu"},
      capture_output=True,
      text=True,
      check=True,
    )
    numbers = [
      float(each.replace(",", ""))
      for each in re.findall(r" ([\d,]+\.\d+)", result.stdout)
    ]
    _, arguments, grown, held, written, compiled, ours = numbers
    self.assertBetween(arguments - held, 0, 0.1)
    self.assertGreater(grown, 0)
    self.assertEqual(written, ours)
    self.assertBetween(compiled / written, 0.95, 1.1)


if __name__ == "__main__":
  absltest.main()
