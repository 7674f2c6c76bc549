"""Tests of srfeat_jax.evaluation.structure."""

import math

import numpy as np
from absl.testing import absltest

from srfeat_jax.evaluation import protocol, structure
from srfeat_jax.ops import quality
from tests.support import image_files


def _scores(rules, sr, hr) -> dict[str, float]:
  return {each.name: each(sr, hr) for each in structure.metrics(rules, 4)}


class MetricsTest(absltest.TestCase):
  def test_borders_and_channels(self):
    hr, sr = image_files.waves(184, 190)
    levels = [protocol.luma_levels(image) for image in (sr, hr)]
    self.assertEqual(
      _scores(protocol.MATLAB, sr, hr),
      {
        "ssim_rgb": quality.ssim(sr, hr),
        "ssim_rgb_crop4": quality.ssim(sr, hr, 4),
        "ms_ssim_y": quality.ms_ssim(*levels, 4),
      },
    )
    of_others = _scores(protocol.CENTER296, sr, hr)
    self.assertEqual(list(of_others), ["ssim_rgb", "ms_ssim_y"])
    self.assertEqual(of_others["ms_ssim_y"], quality.ms_ssim(*levels))

  def test_small_images_have_no_ms_ssim(self):
    image = np.zeros((183, 200), np.uint8)
    scores = _scores(protocol.MATLAB, image, image)
    self.assertTrue(math.isnan(scores["ms_ssim_y"]))
    self.assertEqual(scores["ssim_rgb"], 1)


if __name__ == "__main__":
  absltest.main()
