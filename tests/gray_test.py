"""Gray as RGB, for numpy's arrays and for JAX's."""

import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized
from PIL import Image

from srfeat_jax import gray


class GrayTest(parameterized.TestCase):
  def test_equals_pillow(self):
    image = np.random.default_rng(0).integers(0, 256, (5, 3), np.uint8)
    expected = np.array(Image.fromarray(image).convert("RGB"))
    np.testing.assert_array_equal(gray.to_rgb(image), expected)
    np.testing.assert_array_equal(gray.to_rgb(image[..., None]), expected)

  @parameterized.product(
    shape=[(4, 3), (4, 1), (4, 5, 1), (2, 4, 5, 1), (4, 5, 3), (2, 4, 5, 3)],
    dtype=["uint8", "uint16", "float32"],
  )
  def test_shapes_and_kinds(self, shape, dtype):
    expected = (*(shape if len(shape) == 2 else shape[:-1]), 3)
    for array in (np.ones(shape, dtype), jnp.ones(shape, dtype)):
      rgb = gray.to_rgb(array)
      self.assertEqual((rgb.shape, rgb.dtype), (expected, dtype))
      self.assertIs(isinstance(rgb, jax.Array), isinstance(array, jax.Array))


if __name__ == "__main__":
  absltest.main()
