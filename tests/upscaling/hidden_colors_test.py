"""Tests of srfeat_jax.upscaling.hidden_colors."""

import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax.upscaling import hidden_colors
from tests.support import programs


class TransparencyTest(parameterized.TestCase):
  def test_fill_changes_nothing_that_is_seen(self):
    color, alpha = programs.image(9, 7, 3), programs.image(9, 7, seed=1)
    alpha[alpha < 128] = 0
    filled = hidden_colors.fill(color, alpha)
    np.testing.assert_array_equal(filled[alpha > 0], color[alpha > 0])
    self.assertTrue((filled[alpha == 0] != color[alpha == 0]).any())
    for same in (0, 255):
      alpha[:] = same
      np.testing.assert_array_equal(hidden_colors.fill(color, alpha), color)


if __name__ == "__main__":
  absltest.main()
