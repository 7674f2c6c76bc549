"""Tests of srfeat_jax.training.degrade."""

import jax
import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.ops import pixels, resize
from srfeat_jax.training import degrade, parallel


class DegradeTest(parameterized.TestCase):
  @parameterized.parameters(2, 4, 8)
  def test_equals_numpy_bit_for_bit(self, scale):
    rng = np.random.default_rng(scale)
    noise = rng.integers(0, 256, (4, 48, 32, 3), dtype=np.uint8)
    # Over- and undershoot that the 8 bits cut off, and halves to be rounded.
    extreme = 255 * (noise > 127).astype(np.uint8)
    edges = np.where(np.arange(32) % 16 < 8, 0, 255)[:, None]
    edges = np.broadcast_to(edges, (4, 48, 32, 3)).astype(np.uint8)
    function = jax.jit(degrade.degrade, static_argnums=1)
    mesh = parallel.make_mesh()
    for crops in (noise, extreme, edges):
      lr, hr = function(parallel.to_global(crops, mesh), scale)
      expected = resize.resize(crops, 1 / scale)
      self.assertEqual(expected.dtype, np.uint8)
      for ours, levels in ((lr, expected), (hr, crops)):
        np.testing.assert_array_equal(pixels.to_uint8(ours), levels)
        # XLA may multiply by 1/255 in place of dividing.
        levels = levels / np.float32(255)
        np.testing.assert_array_max_ulp(np.asarray(ours), levels, 1)

  @parameterized.parameters((98, 4), (0, 4), (2, 4), (-8, 4), (12, 8))
  def test_crop_does_not_divide(self, crop_size, scale):
    with self.assertRaisesRegex(
      errors.InputError, f"crop_size is {crop_size}, .*scale {scale}"
    ):
      degrade.check_crop_size(crop_size, scale)

  def test_crop_divides(self):
    degrade.check_crop_size(296, 4)
    degrade.check_crop_size(4, 4)


if __name__ == "__main__":
  absltest.main()
