"""Tests of srfeat_jax.evaluation.niqe."""

import math

import numpy as np
from absl.testing import absltest

from srfeat_jax.evaluation import niqe, protocol
from srfeat_jax.ops import niqe as of_luma

_PARAMETERS = np.zeros(36), np.eye(36)


class MetricTest(absltest.TestCase):
  def test_it_is_of_luma_without_the_border(self):
    image = np.random.default_rng(0).integers(0, 256, (104, 200, 3), np.uint8)
    expected = of_luma.niqe(
      protocol.luma_levels(image)[4:-4, 4:-4], *_PARAMETERS
    )
    metric = niqe.Metric(*_PARAMETERS, 4)
    self.assertEqual(metric(image, np.zeros_like(image)), expected)
    self.assertIn("without a border of 4", metric.description)

  def test_it_is_not_defined_for_small_and_flat_images(self):
    metric = niqe.Metric(*_PARAMETERS, 4)
    for image in (np.zeros((200, 200), np.uint8), np.eye(150, dtype=np.uint8)):
      self.assertTrue(math.isnan(metric(image, image)))


if __name__ == "__main__":
  absltest.main()
