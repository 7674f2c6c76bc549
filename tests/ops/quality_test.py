"""Tests of srfeat_jax.ops.quality."""

import math

import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax.ops import quality
from tests.support import image_files


def _levels(*shape: int, seed: int = 0) -> np.ndarray:
  rng = np.random.default_rng(seed)
  return rng.integers(0, 256, shape, dtype=np.uint8)


def _floats(*shape: int) -> np.ndarray:
  return np.random.default_rng(0).normal(size=shape)


def _slow_ssim(a: np.ndarray, b: np.ndarray) -> float:
  """Wang et al. (2004), equation 13, window by window."""
  offsets = np.arange(-5, 6)
  squares = offsets[:, None] ** 2 + offsets[None] ** 2
  weights = np.exp(-squares / (2 * 1.5**2))
  weights /= weights.sum()
  values = []
  for top in range(a.shape[0] - 10):
    for left in range(a.shape[1] - 10):
      x = a[top : top + 11, left : left + 11]
      y = b[top : top + 11, left : left + 11]
      mean_x, mean_y = (weights * x).sum(), (weights * y).sum()
      dx, dy = x - mean_x, y - mean_y
      variances = (weights * (dx**2 + dy**2)).sum()
      covariance = (weights * dx * dy).sum()
      values.append(
        (2 * mean_x * mean_y + 2.55**2)
        * (2 * covariance + 7.65**2)
        / ((mean_x**2 + mean_y**2 + 2.55**2) * (variances + 7.65**2))
      )
  return float(np.mean(values))


class QualityTest(parameterized.TestCase):
  def test_equal_images(self):
    image = _levels(20, 20, 3)
    self.assertEqual(quality.psnr(image, image), math.inf)
    self.assertEqual(quality.mse(image, image), 0)
    self.assertAlmostEqual(quality.ssim(image, image), 1)

  @parameterized.parameters((1, 48.1308), (5, 34.1514), (255, 0))
  def test_constant_offset(self, offset, psnr):
    a = np.zeros((20, 20), np.uint8)
    b = np.full_like(a, offset)
    for pair in ((a, b), (b, a)):
      self.assertEqual(quality.mse(*pair), offset**2)
      self.assertAlmostEqual(quality.psnr(*pair), psnr, places=4)

  @parameterized.parameters(0, 1, 4)
  def test_border_is_left_out(self, border):
    a = _levels(20, 24)
    b = a.copy()
    b[border, border] ^= 128
    pixels = (20 - 2 * border) * (24 - 2 * border)
    self.assertAlmostEqual(quality.mse(a, b, border), 128**2 / pixels)
    self.assertEqual(quality.psnr(a, b, border + 1), math.inf)
    self.assertLess(quality.ssim(a, b), 1)
    shaved = slice(border, -border or None)
    self.assertEqual(
      quality.ssim(a, b, border),
      quality.ssim(a[shaved, shaved], b[shaved, shaved]),
    )

  def test_ssim_by_definition(self):
    a = _levels(17, 23)
    b = np.clip(a + _floats(17, 23) * 40, 0, 255)
    expected = _slow_ssim(a.astype(float), b)
    self.assertBetween(expected, 0.5, 0.98)
    self.assertAlmostEqual(quality.ssim(a, b), expected, places=12)
    self.assertAlmostEqual(quality.ssim(b, a), expected, places=12)

  def test_ssim_is_scikit_image_s(self):
    """Version 0.26, Gaussian weights of 1.5, without the sample covariance."""
    a, b = image_files.waves(40, 51)
    self.assertAlmostEqual(quality.ssim(a, b), 0.4706959937078439, places=9)
    self.assertAlmostEqual(
      quality.ssim(a[..., 0], b[..., 0]), 0.49015684057198144, places=9
    )

  def test_ms_ssim_is_pytorch_msssim_s(self):
    """Version 1.0.0, in float64, but its window is one of float32."""
    a, b = image_files.waves(176, 192)
    self.assertAlmostEqual(quality.ms_ssim(a, b), 0.9393962714765642, places=6)
    self.assertAlmostEqual(
      quality.ms_ssim(a[..., 0], b[..., 0]), 0.945894722988068, places=6
    )
    # The negative of an image is its opposite, of which there is no power.
    self.assertEqual(quality.ms_ssim(a, 255 - a), 0)
    self.assertEqual(quality.ms_ssim(a, a), 1)
    shaved = quality.ms_ssim(
      np.pad(a, ((2, 2), (2, 2), (0, 0))),
      *(np.pad(b, ((2, 2), (2, 2), (0, 0)), constant_values=255), 2),
    )
    self.assertEqual(shaved, quality.ms_ssim(a, b))

  def test_ms_ssim_of_constants_and_of_shifted_images(self):
    """Of constants, the luminance at the coarsest scale alone remains."""
    a, b = np.full((176, 176), 100), np.full((176, 176), 150)
    luminance = (2 * 100 * 150 + 2.55**2) / (100**2 + 150**2 + 2.55**2)
    self.assertAlmostEqual(quality.ms_ssim(a, b), luminance**0.1333)
    image = _levels(180, 176)
    self.assertLess(quality.ms_ssim(image[4:], image[:-4]), 0.3)
    with self.assertRaisesRegex(ValueError, "176 pixels a side, got 180x175"):
      quality.ms_ssim(*[_levels(175, 180)] * 2)

  def test_ssim_of_constants(self):
    """The structure term is 1, the luminance term remains."""
    a, b = np.full((11, 11), 100), np.full((11, 11), 150)
    expected = (2 * 100 * 150 + 2.55**2) / (100**2 + 150**2 + 2.55**2)
    self.assertAlmostEqual(quality.ssim(a, b), expected)

  def test_ssim_of_color_is_the_mean_over_channels(self):
    a, b = _levels(15, 16, 3), _levels(15, 16, 3, seed=1)
    channels = [quality.ssim(a[..., i], b[..., i]) for i in range(3)]
    self.assertAlmostEqual(quality.ssim(a, b), np.mean(channels))

  @parameterized.parameters(((1, 1),), ((1, 1, 3),))
  def test_one_pixel(self, shape):
    a, b = np.full(shape, 100, np.uint8), np.full(shape, 103, np.uint8)
    self.assertEqual(quality.mse(a, b), 9)
    self.assertAlmostEqual(quality.psnr(a, b), 20 * math.log10(255 / 3))
    self.assertEqual(quality.psnr(a, a), math.inf)
    with self.assertRaisesRegex(ValueError, "11x11 .* 1x1"):
      quality.ssim(a, b)

  def test_ssim_of_a_shifted_image_is_that_of_its_content(self):
    """Of a slope almost 1, of noise almost 0, though the shift is the same."""
    slope = np.tile(np.arange(0, 240, 8, dtype=np.uint8), (30, 1))
    noise = _levels(30, 31)
    self.assertGreater(quality.ssim(slope[:, 1:], slope[:, :-1]), 0.97)
    self.assertLess(abs(quality.ssim(noise[:, 1:], noise[:, :-1])), 0.1)

  def test_bad_arguments(self):
    a = _levels(20, 20)
    for function in (quality.mse, quality.psnr, quality.ssim):
      with self.assertRaisesRegex(ValueError, "differ in shape"):
        function(a, a[:-1])
      with self.assertRaisesRegex(ValueError, "nothing is left"):
        function(a, a, 10)
    with self.assertRaisesRegex(ValueError, "11x11 .* 10x10 after shaving 5"):
      quality.ssim(a, a, 5)


if __name__ == "__main__":
  absltest.main()
