"""Tests of srfeat_jax.ops.resize."""

import math
import unittest

import jax
import jax.numpy as jnp
import numpy as np
import torch
from absl.testing import absltest, parameterized
from torch.nn import functional

from srfeat_jax.image_io import images
from srfeat_jax.ops import resize
from tests.support import paths, programs


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
    center = (i + 0.5) / scale - 0.5
    total = weight_sum = 0
    for j in range(-3 * len(line), 4 * len(line)):
      mirrored = j % (2 * len(line))
      if mirrored >= len(line):
        mirrored = 2 * len(line) - 1 - mirrored
      weight = kernel(stretch * (center - j))
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
  def test_bilinear_equals_torch_when_upscaling(self, scale):
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
  def test_shrinking_equals_torch_in_the_interior(self, kernel):
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
    interior = np.s_[:, 2:-2, 2:-2]
    np.testing.assert_allclose(ours[interior], theirs[interior], atol=1e-12)

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


class HostTest(parameterized.TestCase):
  @parameterized.product(
    scale=[4, 2, 0.25, 2.5, 0.3], kernel=["bicubic", "bilinear"]
  )
  def test_resizing_on_the_host_equals_the_device(self, scale, kernel):
    lr = programs.image(2, 13, 17, 3)
    expected = np.asarray(resize.resize(jnp.asarray(lr), scale, kernel))
    mine = resize.resize(lr, scale, kernel)
    self.assertEqual(mine.dtype, np.uint8)
    if scale in (4, 2, 0.25):  # float32 is exact
      np.testing.assert_array_equal(mine, expected)
    difference = mine.astype(int) - expected
    self.assertLessEqual(np.abs(difference).max(), 1)
    deep = resize.resize(lr * np.uint16(257), scale, kernel)
    self.assertEqual(deep.dtype, np.uint16)
    np.testing.assert_allclose(deep / 257, expected, atol=1.1)

  def test_resizing_in_strips(self):
    row = np.arange(70000, dtype=np.uint16)[None, :, None]
    narrow = resize.resize(row, 2)
    self.assertEqual(narrow.shape, (2, 140000, 1))
    wide = resize.resize(np.repeat(row, 40, axis=0), 2)
    np.testing.assert_array_equal(wide[37], narrow[1])


class GrayTest(parameterized.TestCase):
  @parameterized.product(
    dtype=[np.uint8, np.uint16, np.float32], scale=[0.25, 1.5, 4]
  )
  def test_height_and_width_alone(self, dtype, scale):
    image = np.random.default_rng(0).uniform(0, 255, (9, 14)).astype(dtype)
    resized = resize.resize(image, scale)
    self.assertEqual(resized.dtype, dtype)
    np.testing.assert_array_equal(
      resized, resize.resize(image[..., None], scale)[..., 0]
    )

  def test_on_the_device(self):
    image = np.random.default_rng(0).random((9, 14), np.float32)
    np.testing.assert_allclose(
      jax.jit(lambda x: resize.resize(x, 2))(image),
      resize.resize(image, 2),
      atol=1e-5,
    )


if __name__ == "__main__":
  absltest.main()
