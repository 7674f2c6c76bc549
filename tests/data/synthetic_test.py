"""Synthetic scenes are repeatable, full, and have photographs' statistics."""

import concurrent.futures
import functools
import hashlib
import os
import subprocess
import sys
import unittest

import numpy as np
from absl.testing import absltest, parameterized
from PIL import Image

from srfeat_jax import errors
from srfeat_jax.data import synthetic
from tests.support import paths

_SCENES = 64


def _gray(image):
  return image @ np.array([0.299, 0.587, 0.114])


def _spectrum_slope(gray):
  """Exponent of the radially averaged power, 4 cycles to a quarter of n."""
  n = gray.shape[0]
  window = np.hanning(n)[:, None] * np.hanning(n)
  power = np.abs(np.fft.fft2((gray - gray.mean()) * window)) ** 2
  cycles = np.fft.fftfreq(n) * n
  ring = np.rint(np.hypot(cycles[:, None], cycles)).astype(int).ravel()
  radial = np.bincount(ring, power.ravel()) / np.bincount(ring)
  band = np.arange(4, n // 4 + 1)
  return np.polyfit(np.log(band), np.log(radial[band]), 1)[0]


def _kurtosis(values):
  centered = values - values.mean()
  return (centered**4).mean() / (centered**2).mean() ** 2


def _statistics(image):
  gray = _gray(image)
  step = np.diff(gray, axis=1)
  red, green, blue = image.reshape(-1, 3).T.astype(float)
  return {
    "spectrum slope": _spectrum_slope(gray),
    "log kurtosis of steps": np.log(_kurtosis(step)),
    "mean absolute step": np.abs(step).mean(),
    "contrast": gray.std(),
    "brightness": gray.mean(),
    "red-green correlation": np.corrcoef(red, green)[0, 1],
    "red-blue correlation": np.corrcoef(red, blue)[0, 1],
  }


def _column(rows, name):
  return np.array([row[name] for row in rows])


@functools.cache
def _scenes():
  return tuple(synthetic.scene(i) for i in range(_SCENES))


@functools.cache
def _scene_statistics():
  return tuple(_statistics(each) for each in _scenes())


class DeterminismTest(absltest.TestCase):
  def test_order_does_not_matter(self):
    forward = [synthetic.scene(i, 64, seed=3) for i in range(6)]
    backward = [synthetic.scene(i, 64, seed=3) for i in reversed(range(6))]
    np.testing.assert_array_equal(forward, backward[::-1])

  def test_threads_do_not_matter(self):
    alone = [synthetic.scene(i, 96) for i in range(24)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
      together = list(pool.map(lambda i: synthetic.scene(i, 96), range(24)))
    np.testing.assert_array_equal(alone, together)

  def test_processes_do_not_matter(self):
    program = (
      "import hashlib; from srfeat_jax.data import synthetic;"
      "print(hashlib.sha256(synthetic.scene(7, 96, 2).tobytes()).hexdigest())"
    )
    environment = os.environ | {"PYTHONHASHSEED": "12345"}
    printed = subprocess.run(
      [sys.executable, "-c", program],
      cwd=paths.REPOSITORY,
      env=environment,
      capture_output=True,
      text=True,
      check=True,
    ).stdout.strip()
    here = hashlib.sha256(synthetic.scene(7, 96, 2).tobytes()).hexdigest()
    self.assertEqual(printed, here)

  def test_every_index_and_seed_is_another_scene(self):
    seen = {
      synthetic.scene(index, 48, seed).tobytes()
      for index in (0, 1, 2, 10**6, 2**40)
      for seed in (0, 1, 2, 2**40)
    }
    self.assertLen(seen, 20)

  def test_numpy_integers_mean_the_same(self):
    np.testing.assert_array_equal(
      synthetic.scene(np.int64(5), np.int32(40), np.uint8(1)),
      synthetic.scene(5, 40, 1),
    )


class SceneTest(parameterized.TestCase):
  @parameterized.parameters(1, 2, 17, 96, 301)
  def test_shape_and_type(self, size):
    image = synthetic.scene(0, size)
    self.assertEqual(image.shape, (size, size, 3))
    self.assertEqual(image.dtype, np.uint8)
    self.assertTrue(image.flags.writeable)

  @parameterized.parameters(17, 96, 301)
  def test_nothing_of_the_empty_canvas_shows(self, size):
    def draw(empty):
      canvas = Image.new("RGB", (size, size), empty)
      drawing = synthetic._Drawing(np.random.default_rng(size), canvas)
      drawing.draw_objects()
      return np.asarray(drawing.canvas)

    np.testing.assert_array_equal(draw((0, 0, 0)), draw((255, 0, 255)))

  def test_uses_the_range(self):
    values = np.concatenate([each.ravel() for each in _scenes()])
    low, high = np.percentile(values, (1, 99))
    self.assertLess(low, 30)
    self.assertGreater(high, 225)
    self.assertBetween(values.mean(), 80, 150)
    clipped = np.mean((values == 0) | (values == 255))
    self.assertLess(clipped, 0.03)

  def test_no_scene_is_blank(self):
    contrast = _column(_scene_statistics(), "contrast")
    self.assertGreater(contrast.min(), 5)

  @parameterized.parameters(
    ({"index": -1}, "index is -1"),
    ({"index": 0, "size": 0}, "size is 0"),
    ({"index": 0, "size": -8}, "size is -8"),
    ({"index": 0, "seed": -2}, "seed is -2"),
  )
  def test_bad_numbers_are_named(self, arguments, message):
    with self.assertRaisesRegex(errors.InputError, message):
      synthetic.scene(**arguments)

  def test_fractions_are_refused(self):
    with self.assertRaises(TypeError):
      synthetic.scene(0, 64.5)


class StatisticsTest(parameterized.TestCase):
  def test_the_measures_know_noise(self):
    noises = np.random.default_rng(0).standard_normal((16, 256, 256))
    cycles = np.fft.fftfreq(256)
    radius = np.hypot(cycles[:, None], cycles)
    radius[0, 0] = np.inf
    pinks = np.fft.ifft2(np.fft.fft2(noises) / radius).real
    white_slope = np.mean([_spectrum_slope(each) for each in noises])
    pink_slope = np.mean([_spectrum_slope(each) for each in pinks])
    self.assertAlmostEqual(white_slope, 0, delta=0.1)
    self.assertAlmostEqual(pink_slope, -2, delta=0.1)
    self.assertAlmostEqual(_kurtosis(np.diff(noises)), 3, delta=0.05)

  def test_power_falls_like_frequency_squared(self):
    slopes = _column(_scene_statistics(), "spectrum slope")
    self.assertBetween(np.median(slopes), -2.7, -1.5)

  def test_steps_are_heavy_tailed(self):
    kurtosis = np.exp(_column(_scene_statistics(), "log kurtosis of steps"))
    self.assertGreater(np.median(kurtosis), 6)
    self.assertGreater(np.percentile(kurtosis, 5), 4)

  def test_channels_go_together_but_are_not_gray(self):
    pixels = np.concatenate([each.reshape(-1, 3)[::16] for each in _scenes()])
    correlation = np.corrcoef(pixels.T)
    self.assertGreater(correlation.min(), 0.6)
    self.assertLess(correlation[0, 2], 0.95)

  @parameterized.parameters(*_statistics(synthetic.scene(0, 32)))
  @unittest.skipIf(paths.DATA is None, paths.NO_DATA)
  def test_scenes_are_like_photographs(self, name):
    """The median scene is less unusual than every fifth photograph."""
    found = np.median(_column(_scene_statistics(), name))
    low, high = np.percentile(_column(_photo_statistics(), name), (10, 90))
    self.assertBetween(found, low, high)


@functools.cache
def _photo_statistics():
  rows = []
  for file in sorted((paths.DATA / "train" / "photos").glob("*.jpg")):
    with Image.open(file) as image:
      left, top = (side // 2 - 128 for side in image.size)
      crop = image.convert("RGB").crop((left, top, left + 256, top + 256))
    if _gray(np.asarray(crop)).std() > 2:  # Not a patch of clear sky.
      rows.append(_statistics(np.asarray(crop)))
  return tuple(rows)


if __name__ == "__main__":
  absltest.main()
