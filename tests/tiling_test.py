"""Tests of srfeat_jax.inference: tiled results are those of the whole."""

import jax
import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax import errors, models
from srfeat_jax.inference import tiling, upscaler

_RADIUS = 3
_SIZES = ((1, 1), (3, 70), (70, 3), (13, 13), (14, 13), (37, 53), (64, 31))


def _picture(*shape: int) -> np.ndarray:
  return np.random.default_rng(7).integers(0, 256, shape, dtype=np.uint8)


def _exact_network(lr: np.ndarray) -> np.ndarray:
  """Sums of what lies within `_RADIUS`, zero outside, modulo 256, x4."""
  padded = np.pad(lr, [(_RADIUS, _RADIUS)] * 2 + [(0, 0)])
  sides = (2 * _RADIUS + 1,) * 2
  windows = np.lib.stride_tricks.sliding_window_view(padded, sides, (0, 1))
  # The last pixel of a window counts twice: the sum is not symmetric.
  sums = windows.sum((-1, -2)) + windows[..., -1, -1]
  return sums.astype(np.uint8).repeat(4, axis=0).repeat(4, axis=1)


class TilingTest(parameterized.TestCase):
  @parameterized.product(size=_SIZES, tile=(7, 13, 16, 40))
  def test_equals_the_whole_exactly(self, size, tile):
    lr = _picture(*size, 3)
    shapes = set()

    def network(piece):
      shapes.add(piece.shape)
      return _exact_network(piece)

    finished = []
    sr = tiling.upscale_tiled(network, lr, 4, tile, _RADIUS, finished.append)
    np.testing.assert_array_equal(sr, _exact_network(lr))
    self.assertEqual(sr.dtype, np.uint8)
    self.assertEqual(shapes, {(*(min(tile, length) for length in size), 3)})
    self.assertEqual(sum(finished), size[0] * size[1])

  def test_less_overlap_than_the_radius_is_not_enough(self):
    lr = _picture(37, 53, 3)
    sr = tiling.upscale_tiled(_exact_network, lr, 4, 16, _RADIUS - 1)
    self.assertFalse(np.array_equal(sr, _exact_network(lr)))

  def test_tile_of_nothing_but_overlap(self):
    with self.assertRaisesRegex(ValueError, "tile 6 .* overlap 3"):
      tiling.upscale_tiled(_exact_network, _picture(9, 9, 3), 4, 6, 3)


def _generator(residual_base: str):
  """A small SRFeat whose every weight and statistic matters."""
  config = {
    "architecture": "srfeat",
    "features": 8,
    "num_blocks": 2,
    "residual_base": residual_base,
  }
  generator = models.build(config)
  shapes = jax.eval_shape(
    generator.init, jax.random.key(0), np.zeros((1, 4, 4, 3), np.float32)
  )
  rng = np.random.default_rng(1)

  def draw(path, leaf):
    name = path[-1].key
    if name == "kernel":
      fan_in = np.prod(leaf.shape[:-1])
      values = rng.normal(size=leaf.shape) / np.sqrt(fan_in)
    elif name in ("var", "scale"):
      values = rng.uniform(0.5, 1.5, leaf.shape)
    else:
      values = rng.normal(0, 0.1, leaf.shape)
    return values.astype(np.float32)

  return generator, jax.tree_util.tree_map_with_path(draw, shapes)


class UpscalerTest(parameterized.TestCase):
  @parameterized.product(
    size=((1, 1), (3, 70), (37, 53), (25, 24)),
    tile=(21, 24, None),
    residual_base=("none", "bicubic"),
  )
  def test_is_the_networks_float_output_rounded(
    self, size, tile, residual_base
  ):
    generator, variables = _generator(residual_base)
    lr = _picture(*size, 3)
    whole = generator.apply(variables, np.float32(lr)[None] / 255)
    whole = 255 * np.clip(np.asarray(whole)[0], 0, 1)
    sr = upscaler.Upscaler(generator, variables, tile)(lr)
    self.assertEqual((sr.shape, sr.dtype), (whole.shape, np.uint8))
    # Half a level of rounding and 1e-4 of the range.
    self.assertLess(np.abs(sr - whole).max(), 0.5 + 255e-4)
    if min(size) > 1:
      self.assertGreater(whole.std(), 20)

  def test_halves_are_rounded_upwards_as_on_the_host(self):
    generator, variables = _generator("none")
    variables = jax.tree.map(np.zeros_like, variables)  # gives 0.5, or 127.5
    sr = upscaler.Upscaler(generator, variables)(_picture(2, 2, 3))
    np.testing.assert_array_equal(sr, np.full((8, 8, 3), 128))

  def test_gray_stays_gray(self):
    generator, variables = _generator("bicubic")
    upscale = upscaler.Upscaler(generator, variables, tile=24)
    gray = _picture(30, 26)
    sr = upscale(gray)
    rgb = upscale(np.stack([gray] * 3, axis=-1)).astype(float)
    luma = 0.299 * rgb[..., 0] + 0.587 * rgb[..., 1] + 0.114 * rgb[..., 2]
    self.assertEqual((sr.shape, sr.dtype), ((120, 104), np.uint8))
    self.assertLess(np.abs(sr - luma).max(), 0.51)

  def test_tells_its_scale_and_progress(self):
    generator, variables = _generator("none")
    upscale = upscaler.Upscaler(generator, variables, tile=24)
    finished = []
    upscale(_picture(30, 26), on_pixels=finished.append)
    self.assertEqual((upscale.scale, sum(finished)), (4, 30 * 26))
    self.assertGreater(len(finished), 1)

  def test_tile_within_the_radius(self):
    generator, variables = _generator("none")
    radius = generator.receptive_radius
    with self.assertRaisesRegex(errors.InputError, f"{2 * radius + 1} or more"):
      upscaler.Upscaler(generator, variables, tile=2 * radius)


class BicubicTest(absltest.TestCase):
  def test_gray_is_a_channel(self):
    rgb = _picture(5, 7, 3)
    sr = upscaler.bicubic(rgb)
    self.assertEqual((sr.shape, sr.dtype), ((20, 28, 3), np.uint8))
    np.testing.assert_array_equal(upscaler.bicubic(rgb[..., 1]), sr[..., 1])

  def test_scale_and_progress(self):
    finished = []
    sr = upscaler.bicubic(_picture(5, 7, 3), 2, on_pixels=finished.append)
    self.assertEqual((sr.shape, finished), ((10, 14, 3), [35]))


if __name__ == "__main__":
  absltest.main()
