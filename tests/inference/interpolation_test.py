"""Tests of srfeat_jax.inference.interpolation."""

import numpy as np
from absl.testing import absltest, parameterized
from PIL import Image

from srfeat_jax.inference import interpolation
from tests.support import image_files

_PILLOW = {
  "nearest": Image.Resampling.NEAREST,
  "bicubic": Image.Resampling.BICUBIC,
  "lanczos": Image.Resampling.LANCZOS,
}
# In levels: both round after each pass, of which the order differs.
_LARGEST = {"nearest": 0, "bicubic": 1, "lanczos": 2}


class InterpolationTest(parameterized.TestCase):
  @parameterized.product(name=interpolation.NAMES, scale=(3, 4))
  def test_is_pillow_s_away_from_the_edges(self, name, scale):
    """Which ends kernels at edges otherwise, and rounds its weights."""
    # Away from black and white, where the order of both passes matters.
    lr = 64 + image_files.waves(17, 20)[1] // 2
    size = (20 * scale, 17 * scale)
    expected = np.asarray(Image.fromarray(lr).resize(size, _PILLOW[name]))
    sr = interpolation.make(name, scale)(lr)
    self.assertEqual((sr.shape, sr.dtype), (expected.shape, np.uint8))
    inner = slice(3 * scale, -3 * scale)
    difference = np.abs(sr.astype(int) - expected)[inner, inner]
    self.assertLessEqual(difference.max(), _LARGEST[name])
    np.testing.assert_array_equal(
      interpolation.make(name, scale)(lr[..., 0]), sr[..., 0]
    )

  def test_unknown_name(self):
    with self.assertRaisesRegex(ValueError, "no interpolation linear"):
      interpolation.make("linear", 4)


if __name__ == "__main__":
  absltest.main()
