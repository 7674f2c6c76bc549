"""Tests of srfeat_jax.ops.artifacts: what upscalers add of their own."""

import math
import unittest

import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax.evaluation import protocol
from srfeat_jax.ops import artifacts
from tests.support import paths


def _walk(height: int, width: int, seed: int = 0) -> np.ndarray:
  """An image whose neighbors differ by 1 at every phase, in both directions."""
  rng = np.random.default_rng(seed)
  lines = [rng.choice((-1, 1), size).cumsum() for size in (height, width)]
  return 128.0 + lines[0][:, None] + lines[1]


def _noise(*shape: int, seed: int = 0) -> np.ndarray:
  return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def _slow_checkerboard(luma: np.ndarray, scale: int) -> float:
  """The definition, pixel by pixel."""
  product = 1.0
  for image in (luma, luma.T):
    sums, counts = [0.0] * scale, [0] * scale
    for line in image.tolist():
      for x in range(len(line) - 1):
        sums[x % scale] += abs(line[x + 1] - line[x])
        counts[x % scale] += 1
    means = [a / b for a, b in zip(sums, counts, strict=True)]
    product *= max(means) / min(means)
  return math.sqrt(product)


class CheckerboardTest(parameterized.TestCase):
  @parameterized.parameters(2, 3, 4)
  def test_equal_steps_are_none(self, scale):
    self.assertEqual(artifacts.checkerboard(_walk(37, 50), scale), 1)

  @parameterized.parameters((40, 48), (41, 47), (38, 43), (5, 5))
  def test_by_definition(self, height, width):
    image = _noise(height, width)
    self.assertAlmostEqual(
      artifacts.checkerboard(image, 4), _slow_checkerboard(image.astype(int), 4)
    )

  @parameterized.parameters(0, 1, 2, 3)
  def test_a_known_grid_at_any_shift(self, shift):
    """Steps across, 3 at one phase, else 1; down, 1 at all: their mean."""
    x = np.arange(50)
    steps = np.where((x + shift) % 4 == 0, 3, 1) * np.where(x % 2, 1, -1)
    image = _walk(41, 1) + steps.cumsum()
    for variant in (image, image.T, image[::-1], 2 * image + 7):
      self.assertAlmostEqual(artifacts.checkerboard(variant, 4), math.sqrt(3))

  def test_a_grid_of_the_network_raises_it(self):
    image = _walk(80, 80)
    image[2::4, 1::4] += 2
    self.assertGreater(artifacts.checkerboard(image, 4), 1.2)

  def test_8_bit_levels_do_not_wrap_around(self):
    image = np.tile(np.array([250, 10], np.uint8), (8, 10))
    self.assertEqual(artifacts.checkerboard(image, 4), 1)

  def test_flat(self):
    self.assertEqual(artifacts.checkerboard(np.full((9, 9), 7), 4), 1)
    # Flat one way only: the other way alone counts.
    steps = np.tile([0.0, 2, 1, 2], 5)[None].repeat(9, axis=0)
    self.assertAlmostEqual(artifacts.checkerboard(steps, 4), math.sqrt(2))

  def test_repeated_pixels(self):
    image = _noise(10, 10).repeat(4, axis=0).repeat(4, axis=1)
    self.assertEqual(artifacts.checkerboard(image, 4), math.inf)

  @parameterized.parameters(((8, 4),), ((4, 8),), ((8, 8, 3),))
  def test_bad_shapes(self, shape):
    with self.assertRaisesRegex(ValueError, r"more than 4 pixels a side"):
      artifacts.checkerboard(np.zeros(shape), 4)


class ErrorsTest(parameterized.TestCase):
  @parameterized.parameters(
    ((40, 48, 3),), ((41, 47, 3),), ((38, 43),), ((4, 4, 3),)
  )
  def test_a_grid_is_found_whatever_the_size(self, shape):
    rng = np.random.default_rng(0)
    block = rng.normal(0, 5, (4, 4, *shape[2:]))
    repeats = (11, 12, 1)[: len(shape)]
    grid = np.tile(block, repeats)[: shape[0], : shape[1]]
    hr = _noise(*shape)
    expected = np.abs(block - block.mean(axis=(0, 1))).mean()
    self.assertAlmostEqual(
      artifacts.phase_error(hr + grid, hr, 4), expected, places=9
    )

  def test_a_shift_of_color_is_not_a_grid(self):
    hr = _noise(41, 50, 3)
    sr = hr + np.array([2.0, -1, 0])
    self.assertAlmostEqual(artifacts.phase_error(sr, hr, 4), 0)
    self.assertAlmostEqual(artifacts.color_error(sr, hr), 1)
    self.assertAlmostEqual(artifacts.color_error(hr, sr), 1)

  def test_detail_cancels(self):
    sr, hr = (_noise(400, 400, 3, seed=i) for i in range(2))
    self.assertLess(artifacts.phase_error(sr, hr, 4), 1.5)
    self.assertLess(artifacts.color_error(sr, hr), 1)
    self.assertGreater(np.abs(sr.astype(float) - hr).mean(), 50)

  def test_equal_images(self):
    image = _noise(9, 9)
    self.assertEqual(artifacts.phase_error(image, image, 4), 0)
    self.assertEqual(artifacts.color_error(image, image), 0)

  def test_8_bit_levels_do_not_wrap_around(self):
    hr, sr = np.full((8, 8), 250, np.uint8), np.full((8, 8), 10, np.uint8)
    self.assertEqual(artifacts.color_error(sr, hr), 240)

  def test_bad_shapes(self):
    a, b = np.zeros((8, 8)), np.zeros((8, 9))
    with self.assertRaisesRegex(ValueError, "differ in shape"):
      artifacts.phase_error(a, b, 4)
    with self.assertRaisesRegex(ValueError, "differ in shape"):
      artifacts.color_error(a, b)
    with self.assertRaisesRegex(ValueError, "no whole block of 9 x 9"):
      artifacts.phase_error(a, a, 9)


@unittest.skipIf(paths.DATA is None, paths.NO_DATA)
class PhotographsTest(absltest.TestCase):
  def test_photographs_have_next_to_none(self):
    """They do not know where an LR pixel begins: 1.06 over all of Set14."""
    sets = protocol.MATLAB.load(paths.DATA / "benchmarks", ["Set14"])
    values = []
    for image in sets[0].images:
      hr = image.hr()
      values.append(protocol.MATLAB.measure(hr, hr, 4)["checkerboard"])
    value = protocol.set_value("checkerboard", values)
    self.assertAlmostEqual(value, 1.06, delta=0.005)


if __name__ == "__main__":
  absltest.main()
