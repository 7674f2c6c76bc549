"""The network of DISTS against recorded values of its authors' package."""

import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax.evaluation import dists
from tests.support import dists_files, image_files


class NetworkTest(parameterized.TestCase):
  @parameterized.parameters(
    (66, 48, 0.03602313995361328, 0.046068549156188965),
    (35, 41, 0.037276625633239746, 0.047004759311676025),
  )
  def test_is_that_of_the_package(self, height, width, of_color, of_gray):
    """DISTS_pytorch 0.1, its code unchanged, with the random weights here."""
    metric = dists.Metric(*dists_files.random())
    a, b = image_files.waves(height, width)
    self.assertAlmostEqual(metric(a, b), of_color, delta=2e-6)
    gray = a[..., 0], b[..., 0]
    self.assertAlmostEqual(metric(*gray), of_gray, delta=2e-6)
    self.assertEqual(metric(a, a), 0)
    self.assertAlmostEqual(metric(b, a), of_color, delta=2e-6)

  def test_any_image_has_a_distance(self):
    """Of one pixel, as the package; flat ones differ by their means alone."""
    metric = dists.Metric(*dists_files.random())
    a, b = image_files.waves(1, 1)
    self.assertAlmostEqual(metric(a, b), 0.000937342643737793, delta=2e-6)
    black, white = (np.full((16, 16, 3), level, np.uint8) for level in (0, 255))
    self.assertBetween(metric(black, white), 0.1, 1)


if __name__ == "__main__":
  absltest.main()
