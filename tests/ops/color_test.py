"""Tests of srfeat_jax.ops.color."""

import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax.ops import color


def _levels(*shape: int, seed: int = 0) -> np.ndarray:
  rng = np.random.default_rng(seed)
  return rng.integers(0, 256, shape, dtype=np.uint8)


def _floats(*shape: int) -> np.ndarray:
  return np.random.default_rng(0).normal(size=shape)


class ColorTest(parameterized.TestCase):
  @parameterized.parameters(
    # BT.601's corners, of 8 bits.
    ((0, 0, 0), 16),
    ((1, 1, 1), 235),
    ((1, 0, 0), 81.481),
    ((0, 1, 0), 144.553),
    ((0, 0, 1), 40.966),
  )
  def test_y_of_known_colors(self, rgb, y):
    self.assertAlmostEqual(255 * color.rgb_to_y(np.array(rgb, float)), y)
    self.assertAlmostEqual(
      float(255 * color.rgb_to_y(jnp.array(rgb, float))), y, places=4
    )

  def test_shapes_and_gray(self):
    rgb = _levels(2, 3, 4, 3)
    self.assertEqual(color.rgb_to_y(rgb).shape, (2, 3, 4))
    gray = np.repeat(np.arange(256)[:, None], 3, axis=-1)
    np.testing.assert_allclose(color.rgb_to_gray(gray), np.arange(256))
    np.testing.assert_allclose(
      color.rgb_to_gray(rgb), rgb @ np.array([0.299, 0.587, 0.114]), atol=1e-12
    )


if __name__ == "__main__":
  absltest.main()
