"""Tests of srfeat_jax.ops: resizing, pixels, colour, quality."""

import math
import unittest

import jax
import jax.numpy as jnp
import numpy as np
import torch
from absl.testing import absltest, parameterized
from torch.nn import functional

from srfeat_jax.image_io import images
from srfeat_jax.ops import color, pixels, quality, resize
from tests.support import paths


def _levels(*shape: int, seed: int = 0) -> np.ndarray:
  rng = np.random.default_rng(seed)
  return rng.integers(0, 256, shape, dtype=np.uint8)


def _floats(*shape: int) -> np.ndarray:
  return np.random.default_rng(0).normal(size=shape)


def _resized_line(line: list[float], scale: float, antialias: bool):
  """Resizes a line of numbers by bicubic, straight from MATLAB's definition."""

  def kernel(x):
    x = abs(x)
    if x <= 1:
      return 1.5 * x**3 - 2.5 * x**2 + 1
    if x <= 2:
      return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return 0

  stretch = min(scale, 1) if antialias else 1
  result = []
  for i in range(math.ceil(len(line) * scale)):
    centre = (i + 0.5) / scale - 0.5
    total = weight_sum = 0
    for j in range(-3 * len(line), 4 * len(line)):
      mirrored = j % (2 * len(line))
      if mirrored >= len(line):
        mirrored = 2 * len(line) - 1 - mirrored
      weight = kernel(stretch * (centre - j))
      total += weight * line[mirrored]
      weight_sum += weight
    result.append(total / weight_sum)
  return result


class ResizeTest(parameterized.TestCase):
  @parameterized.product(
    scale=(4, 2.5, 1, 0.5, 1 / 3, 0.25), antialias=(True, False)
  )
  def test_bicubic_by_definition(self, scale, antialias):
    line = _floats(13)
    expected = _resized_line(line.tolist(), scale, antialias)
    for image in (line[None, :, None], line[:, None, None]):
      image = np.concatenate([image, -image], axis=-1)
      image = image.repeat(3, axis=image.shape.index(1))
      ours = resize.resize(image, scale, antialias=antialias)
      # The other axis is constant, and stays so.
      ours = ours if image.shape[0] == 13 else ours.swapaxes(0, 1)
      for j in range(ours.shape[1]):
        np.testing.assert_allclose(ours[:, j, 0], expected, atol=1e-12)
        np.testing.assert_allclose(ours[:, j, 1], -ours[:, j, 0], atol=1e-12)

  @parameterized.parameters(1, 2, 3, 4, 7)
  def test_narrower_than_the_kernel(self, length):
    line = _floats(length)
    for scale in (4, 0.25):
      # Mirrored at both ends again and again, which repeats.
      long = np.tile(np.concatenate([line, line[::-1]]), 20)
      ours = resize.resize(line[None, :, None], scale)[0, :, 0]
      whole = resize.resize(long[None, :, None], scale)[0, :, 0]
      start = int(20 * length * scale)
      np.testing.assert_allclose(ours, whole[start : start + len(ours)])

  @parameterized.parameters(2, 3, 4, 8, 2.5)
  def test_bilinear_equals_torch_when_enlarging(self, scale):
    image = _floats(2, 7, 6, 3)
    theirs = functional.interpolate(
      torch.from_numpy(image).permute(0, 3, 1, 2),
      scale_factor=scale,
      mode="bilinear",
      align_corners=False,
    )
    ours = resize.resize(image, scale, "bilinear")
    # PyTorch rounds a fractional size down, MATLAB up.
    height, width = theirs.shape[2:]
    np.testing.assert_allclose(
      ours[:, :height, :width], theirs.permute(0, 2, 3, 1).numpy(), atol=1e-12
    )

  @parameterized.parameters("bicubic", "bilinear")
  def test_shrinking_equals_torch_inside(self, kernel):
    image = _floats(1, 64, 48, 2)
    theirs = functional.interpolate(
      torch.from_numpy(image).permute(0, 3, 1, 2),
      scale_factor=0.25,
      mode=kernel,
      align_corners=False,
      antialias=True,
    )
    theirs = theirs.permute(0, 2, 3, 1).numpy()
    ours = resize.resize(image, 0.25, kernel)
    inside = np.s_[:, 2:-2, 2:-2]
    np.testing.assert_allclose(ours[inside], theirs[inside], atol=1e-12)

  @parameterized.product(
    scale=(0.25, 0.3, 1, 2, 4), kernel=("bicubic", "bilinear")
  )
  def test_constants_stay(self, scale, kernel):
    image = np.full((9, 11, 3), 77, np.uint8)
    self.assertEqual(
      np.unique(resize.resize(image, scale, kernel)).tolist(), [77]
    )
    ours = resize.resize(np.full((9, 11, 3), 0.3), scale, kernel)
    np.testing.assert_allclose(ours, 0.3, rtol=1e-14)

  @parameterized.parameters(
    (0.25, (3, 2)),
    (1 / 3, (4, 3)),
    (0.1, (1, 1)),
    (4, (40, 32)),
    (1.5, (15, 12)),
  )
  def test_sizes_are_rounded_up(self, scale, size):
    ours = resize.resize(_floats(5, 10, 8, 2), scale)
    self.assertEqual(ours.shape, (5, *size, 2))

  def test_tenth_of_30_is_3(self):
    self.assertEqual(resize.resize(_floats(30, 30, 1), 0.1).shape, (3, 3, 1))

  @parameterized.parameters(0.25, 0.5, 2, 4)
  def test_levels_are_the_same_on_a_device(self, scale):
    image = _levels(2, 40, 52, 3)
    host = resize.resize(image, scale)
    device = jax.jit(lambda x: resize.resize(x, scale))(image)
    self.assertEqual((host.dtype, device.dtype), (np.uint8, np.uint8))
    np.testing.assert_array_equal(host, device)

  @parameterized.parameters(np.float32, np.float64)
  def test_floats_keep_their_type(self, dtype):
    image = _floats(8, 8, 3).astype(dtype)
    ours = resize.resize(image, 4)
    self.assertEqual(ours.dtype, dtype)
    # Neither clipped nor rounded.
    self.assertLess(ours.min(), -1)
    device = jax.jit(lambda x: resize.resize(x, 4))(image.astype(np.float32))
    np.testing.assert_allclose(device, ours, atol=1e-5)

  def test_levels_are_rounded_after_each_pass(self):
    image = _levels(40, 40, 3)

    def half(x):
      return np.floor(np.clip(x, 0, 255) + 0.5)

    down = np.stack([_resized_line(e, 0.25, True) for e in np.eye(40)], axis=1)
    once = half(np.einsum("ij,jkc->ikc", down, image.astype(float)))
    twice = half(np.einsum("ij,kjc->kic", down, once))
    np.testing.assert_array_equal(resize.resize(image, 0.25), twice)

  @unittest.skipIf(paths.DATA is None, paths.NO_DATA)
  @parameterized.parameters("Set5", "Set14")
  def test_is_matlabs(self, name):
    folder = paths.DATA / "benchmarks" / name
    for path in images.find(folder / "LRx4"):
      theirs = np.atleast_3d(images.read(path))
      hr = np.atleast_3d(images.read(folder / "HR" / path.name))
      height, width = (4 * n for n in theirs.shape[:2])
      ours = resize.resize(hr[:height, :width], 0.25)
      np.testing.assert_array_equal(
        ours[2:-2, 2:-2], theirs[2:-2, 2:-2], err_msg=path.name
      )

  def test_bad_arguments(self):
    image = _floats(4, 4, 1)
    for scale in (0, -1):
      with self.assertRaisesRegex(ValueError, "scale must be above 0"):
        resize.resize(image, scale)
    with self.assertRaisesRegex(ValueError, '"nearest"'):
      resize.resize(image, 2, "nearest")
    with self.assertRaisesRegex(ValueError, "empty"):
      resize.resize(image[:0], 2)


class PixelsTest(parameterized.TestCase):
  @parameterized.product(scale=(2, 3, 4), xp=(np, jnp))
  def test_crd_is_pytorchs_shuffle(self, scale, xp):
    x = _floats(2, 5, 3, 2 * scale**2).astype(np.float32)
    theirs = functional.pixel_shuffle(
      torch.from_numpy(x).permute(0, 3, 1, 2), scale
    )
    ours = pixels.pixel_shuffle(xp.asarray(x), scale, "CRD")
    np.testing.assert_array_equal(ours, theirs.permute(0, 2, 3, 1).numpy())

  @parameterized.product(scale=(2, 3, 4), xp=(np, jnp))
  def test_dcr_is_the_same_with_channels_fastest(self, scale, xp):
    x = _floats(2, 5, 3, 2 * scale**2).astype(np.float32)
    as_crd = x.reshape(2, 5, 3, scale**2, 2).swapaxes(-1, -2).reshape(x.shape)
    np.testing.assert_array_equal(
      pixels.pixel_shuffle(xp.asarray(x), scale),
      pixels.pixel_shuffle(as_crd, scale, "CRD"),
    )

  def test_dcr_by_hand(self):
    # TensorFlow's documented example of depth_to_space.
    x = np.arange(1, 13).reshape(1, 1, 1, 12)
    expected = [[[[1, 2, 3], [4, 5, 6]], [[7, 8, 9], [10, 11, 12]]]]
    self.assertEqual(pixels.pixel_shuffle(x, 2).tolist(), expected)

  @parameterized.product(
    order=("DCR", "CRD"), scale=(2, 3), batch=((), (2,), (2, 3)), xp=(np, jnp)
  )
  def test_unshuffle_is_the_inverse(self, order, scale, batch, xp):
    x = xp.asarray(_levels(*batch, 4, 5, 3 * scale**2))
    shuffled = pixels.pixel_shuffle(x, scale, order)
    self.assertEqual(shuffled.shape, (*batch, 4 * scale, 5 * scale, 3))
    np.testing.assert_array_equal(
      pixels.pixel_unshuffle(shuffled, scale, order), x
    )

  def test_bad_arguments(self):
    for function in (pixels.pixel_shuffle, pixels.pixel_unshuffle):
      with self.assertRaisesRegex(ValueError, '"RCD"'):
        function(_floats(4, 4, 4), 2, "RCD")
    with self.assertRaisesRegex(ValueError, "channels 6"):
      pixels.pixel_shuffle(_floats(4, 4, 6), 2)
    with self.assertRaisesRegex(ValueError, "height 3"):
      pixels.pixel_unshuffle(_floats(3, 4, 1), 2)
    with self.assertRaisesRegex(ValueError, "width 5"):
      pixels.pixel_unshuffle(_floats(4, 5, 1), 2)

  @parameterized.parameters(np, jnp)
  def test_to_uint8_clips_and_rounds_halves_up(self, xp):
    values = np.array([-1, 0, 0.49, 0.5, 1.5, 2.5, 254.5, 255, 300]) / 255
    levels = pixels.to_uint8(xp.asarray(values, xp.float32))
    self.assertEqual(levels.dtype, np.uint8)
    self.assertEqual(levels.tolist(), [0, 0, 0, 1, 2, 3, 255, 255, 255])

  @parameterized.parameters(np, jnp)
  def test_there_and_back(self, xp):
    levels = xp.arange(256, dtype=xp.uint8)
    floats = pixels.to_float(levels)
    self.assertEqual(floats.dtype, np.float32)
    self.assertEqual((float(floats[0]), float(floats[255])), (0, 1))
    np.testing.assert_array_equal(pixels.to_uint8(floats), levels)


class ColorTest(parameterized.TestCase):
  @parameterized.parameters(
    # BT.601's corners, of 8 bits.
    ((0, 0, 0), 16),
    ((1, 1, 1), 235),
    ((1, 0, 0), 81.481),
    ((0, 1, 0), 144.553),
    ((0, 0, 1), 40.966),
  )
  def test_y_of_known_colours(self, rgb, y):
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
    inside = (20 - 2 * border) * (24 - 2 * border)
    self.assertAlmostEqual(quality.mse(a, b, border), 128**2 / inside)
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

  def test_ssim_of_constants(self):
    """The structure term is 1, the luminance term remains."""
    a, b = np.full((11, 11), 100), np.full((11, 11), 150)
    expected = (2 * 100 * 150 + 2.55**2) / (100**2 + 150**2 + 2.55**2)
    self.assertAlmostEqual(quality.ssim(a, b), expected)

  def test_ssim_of_colour_is_the_mean_over_channels(self):
    a, b = _levels(15, 16, 3), _levels(15, 16, 3, seed=1)
    channels = [quality.ssim(a[..., i], b[..., i]) for i in range(3)]
    self.assertAlmostEqual(quality.ssim(a, b), np.mean(channels))

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
