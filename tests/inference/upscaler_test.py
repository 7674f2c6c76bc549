"""Tests of srfeat_jax.inference.upscaler: tiles give the whole result."""

import functools
import itertools

import jax
import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.inference import tile_program, upscaler
from srfeat_jax.ops import pixels
from tests.support import inference_networks, parity

CONFIGS = inference_networks.CONFIGS


_SIZES = ((1, 1), (3, 500), (67, 59), (41, 103))


def _image(*shape: int, dtype=np.uint8) -> np.ndarray:
  limit = np.iinfo(dtype).max + 1
  return np.random.default_rng(7).integers(0, limit, shape, dtype=dtype)


def _whole(generator, variables, lr: np.ndarray) -> np.ndarray:
  """The network's output for all of a float image at once."""
  return np.asarray(_apply(generator, variables, lr[None])[0])


@functools.partial(jax.jit, static_argnums=0)
def _apply(generator, variables, lr):
  return generator.apply(variables, lr)


class TiledTest(parameterized.TestCase):
  @parameterized.product(name=tuple(CONFIGS), size=_SIZES)
  def test_equals_the_whole(self, name, size):
    generator, variables = inference_networks.build(CONFIGS[name])
    lr = parity.images(*size, 3)
    expected = _whole(generator, variables, lr)
    if min(size) > 1:
      self.assertGreater(expected.std(), 0.05)
    least = 2 * generator.receptive_radius + 4  # unshuffled by at most 4
    for tile in (least, least + 27, 192):
      upscale = upscaler.Upscaler(generator, variables, tile)
      sr = upscale(lr)
      self.assertEqual((sr.shape, sr.dtype), (expected.shape, np.float32))
      np.testing.assert_allclose(sr, expected, rtol=0, atol=1e-4)

  @parameterized.parameters(*inference_networks.SCALES)
  def test_other_scales(self, name):
    config = inference_networks.SCALES[name]
    generator, variables = inference_networks.build(config)
    lr = parity.images(41, 67, 3)
    expected = _whole(generator, variables, lr)
    height, width = (config["scale"] * side for side in (41, 67))
    self.assertEqual(expected.shape, (height, width, 3))
    self.assertGreater(expected.std(), 0.05)
    tile = 2 * generator.receptive_radius + 4
    for side in (tile, 96):  # several tiles, and one that is filled
      sr = upscaler.Upscaler(generator, variables, side)(lr)
      np.testing.assert_allclose(sr, expected, rtol=0, atol=1e-4)

  @parameterized.parameters(4, 2)
  def test_networks_of_large_receptive_radius_equal_the_whole(self, scale):
    config = CONFIGS["rrdbnet"] | {"num_blocks": 6, "scale": scale}
    generator, variables = inference_networks.build(config)
    lr = parity.images(61, 131 * generator.unshuffle, 3)
    expected = _whole(generator, variables, lr)
    self.assertGreater(generator.receptive_radius, 90)
    self.assertGreater(expected.std(), 0.05)
    for tile in (114 * generator.unshuffle, 124 * generator.unshuffle):
      sr = upscaler.Upscaler(generator, variables, tile)(lr)
      np.testing.assert_allclose(sr, expected, rtol=0, atol=1e-4)

  @parameterized.product(size=((60, 59), (59, 75), (58, 60), (60, 60)))
  def test_images_little_smaller_than_the_tile(self, size):
    generator, variables = inference_networks.build(CONFIGS["srfeat_bicubic"])
    lr = parity.images(*size, 3)
    sr = upscaler.Upscaler(generator, variables, tile=60)(lr)
    expected = _whole(generator, variables, lr)
    np.testing.assert_allclose(sr, expected, rtol=0, atol=1e-4)

  def test_sizes_share_programs(self):
    generator, variables = inference_networks.build(
      CONFIGS["msrresnet"] | {"features": 7}
    )
    upscale = upscaler.Upscaler(generator, variables, tile=128)
    before = tile_program.upscale_tiles._cache_size()
    for size in itertools.product((1, 9, 17, 32), (121, 126, 128)):
      upscale(_image(*size, 3))
    self.assertEqual(tile_program.upscale_tiles._cache_size() - before, 1)
    for size in ((320, 330), (350, 310), (345, 322)):
      upscale(_image(*size, 3))
    self.assertEqual(tile_program.upscale_tiles._cache_size() - before, 2)

  def test_changed_variables_need_no_new_program(self):
    generator, variables = inference_networks.build(CONFIGS["srresnet"])
    lr = _image(40, 40, 3)
    first = upscaler.Upscaler(generator, variables)(lr)
    before = tile_program.upscale_tiles._cache_size()
    for factor in (1.1, 1.2):
      changed = jax.tree.map(lambda x, by=factor: by * x, variables)
      sr = upscaler.Upscaler(generator, changed)(lr)
      self.assertFalse(np.array_equal(sr, first))
    self.assertEqual(tile_program.upscale_tiles._cache_size(), before)

  def test_one_tile_a_device_at_a_time(self):
    generator, variables = inference_networks.build(CONFIGS["srfeat_plain"])
    finished = []
    upscaler.Upscaler(generator, variables, tile=64)(
      _image(64, 900, 3), finished.append
    )
    self.assertEqual(sum(finished), 64 * 900)
    self.assertGreater(jax.local_device_count(), 1)
    kept = 64 - 2 * generator.receptive_radius
    self.assertIn(jax.local_device_count() * kept * 64, finished)

  def test_on_chosen_devices(self):
    generator, variables = inference_networks.build(CONFIGS["srfeat_plain"])
    device = jax.local_devices()[-1]

    def arrays_there():
      return sum(device in array.devices() for array in jax.live_arrays())

    before = arrays_there()
    upscale = upscaler.Upscaler(generator, variables, devices=[device])
    lr = _image(12, 15, 3)
    expected = upscaler.Upscaler(generator, variables)(lr)
    self.assertEqual(arrays_there(), before)
    np.testing.assert_array_equal(upscale(lr), expected)
    self.assertGreater(arrays_there(), before)


class LevelsTest(parameterized.TestCase):
  @parameterized.product(dtype=(np.uint8, np.uint16), tile=(60, None))
  def test_is_the_networks_float_output_rounded(self, dtype, tile):
    generator, variables = inference_networks.build(CONFIGS["srfeat_bicubic"])
    levels = np.iinfo(dtype).max
    lr = _image(67, 59, 3, dtype=dtype)
    whole = _whole(generator, variables, np.float32(lr) / np.float32(levels))
    whole = levels * np.clip(whole, 0, 1).astype(float)
    sr = upscaler.Upscaler(generator, variables, tile)(lr)
    self.assertEqual((sr.shape, sr.dtype), (whole.shape, dtype))
    self.assertLess(np.abs(sr - whole).max(), 0.5 + 1e-5 * levels)

  def test_eight_bits_are_as_pixels_has_them(self):
    generator, variables = inference_networks.build(CONFIGS["msrresnet"])
    lr = _image(30, 30, 3)
    whole = _whole(generator, variables, pixels.to_float(lr))
    sr = upscaler.Upscaler(generator, variables)(lr)
    self.assertLess(np.mean(sr != pixels.to_uint8(whole)), 1e-3)

  @parameterized.parameters((np.uint8, 128), (np.uint16, 32768))
  def test_halves_are_rounded_up(self, dtype, expected):
    generator, variables = inference_networks.build(CONFIGS["srfeat"])
    variables = jax.tree.map(np.zeros_like, variables)  # gives 0.5
    sr = upscaler.Upscaler(generator, variables)(_image(2, 2, 3, dtype=dtype))
    np.testing.assert_array_equal(sr, np.full((8, 8, 3), expected))

  @parameterized.parameters(np.uint8, np.uint16)
  def test_gray_stays_gray(self, dtype):
    generator, variables = inference_networks.build(CONFIGS["srfeat_bicubic"])
    upscale = upscaler.Upscaler(generator, variables, tile=40)
    gray = _image(50, 26, dtype=dtype)
    sr = upscale(gray)
    rgb = upscale(np.stack([gray] * 3, axis=-1)).astype(float)
    luma = 0.299 * rgb[..., 0] + 0.587 * rgb[..., 1] + 0.114 * rgb[..., 2]
    self.assertEqual((sr.shape, sr.dtype), ((200, 104), dtype))
    # Its own rounding, and a level where a color's was on the boundary.
    self.assertLess(np.abs(sr - luma).max(), 1.6)
    self.assertLess(np.abs(sr - luma).mean(), 0.4)

  def test_tells_its_scale_and_progress(self):
    generator, variables = inference_networks.build(CONFIGS["srfeat"])
    upscale = upscaler.Upscaler(generator, variables, tile=24)
    finished = []
    upscale(_image(60, 56), on_pixels=finished.append)
    self.assertEqual((upscale.scale, sum(finished)), (4, 60 * 56))
    self.assertGreater(len(finished), 1)


class EnsembleTest(parameterized.TestCase):
  @parameterized.product(
    name=("srfeat_bicubic", "srresnet", "rrdbnet"),
    size=((1, 1), (31, 90), (23, 17)),
  )
  def test_is_the_mean_over_rotated_and_flipped_images(self, name, size):
    generator, variables = inference_networks.build(CONFIGS[name])
    lr = parity.images(*size, 3)
    versions = []
    for turns, flip in itertools.product(range(4), (False, True)):
      rotated = np.rot90(lr, turns)
      sr = _whole(generator, variables, rotated[:, ::-1] if flip else rotated)
      versions.append(np.rot90(sr[:, ::-1] if flip else sr, -turns))
    tile = 2 * generator.receptive_radius + 11
    upscale = upscaler.Upscaler(generator, variables, tile, ensemble=True)
    np.testing.assert_allclose(
      upscale(lr), np.mean(versions, axis=0), rtol=0, atol=1e-4
    )

  def test_of_unshuffled_pixels_works(self):
    generator, variables = inference_networks.build(CONFIGS["rrdbnet_x2"])
    lr = parity.images(33, 93, 3)
    sr = upscaler.Upscaler(generator, variables, ensemble=True)(lr)
    tiled = upscaler.Upscaler(generator, variables, 88, ensemble=True)(lr)
    np.testing.assert_allclose(tiled, sr, rtol=0, atol=1e-4)


class PrecisionTest(parameterized.TestCase):
  def test_bfloat16_is_coarse_and_float32_is_not(self):
    generator, variables = inference_networks.build(CONFIGS["srresnet"])
    lr = parity.images(24, 24, 3)
    expected = _whole(generator, variables, lr)

    def error(generator, **options):
      sr = upscaler.Upscaler(generator, variables, **options)(lr)
      return np.abs(sr - expected).max()

    coarse = generator.clone(dtype="bfloat16")
    self.assertBetween(error(generator, precision="bfloat16"), 1e-3, 0.2)
    self.assertBetween(error(coarse), 1e-3, 0.2)
    self.assertLess(error(coarse, precision="float32"), 1e-5)

  def test_unknown(self):
    generator, variables = inference_networks.build(CONFIGS["srresnet"])
    with self.assertRaisesRegex(errors.InputError, '"half": expected float32'):
      upscaler.Upscaler(generator, variables, precision="half")


class BicubicTest(parameterized.TestCase):
  @parameterized.parameters(np.uint8, np.uint16)
  def test_gray_is_a_channel(self, dtype):
    rgb = _image(5, 7, 3, dtype=dtype)
    sr = upscaler.bicubic(rgb)
    self.assertEqual((sr.shape, sr.dtype), ((20, 28, 3), dtype))
    np.testing.assert_array_equal(upscaler.bicubic(rgb[..., 1]), sr[..., 1])

  def test_sixteen_bits_are_finer(self):
    lr = 64 + _image(9, 9, 3) // 2  # leaves room for overshoots
    coarse = upscaler.bicubic(lr).astype(float)
    fine = upscaler.bicubic(lr.astype(np.uint16) * 257)
    self.assertLess(np.abs(fine / 257 - coarse).max(), 1.5)
    self.assertGreater(len(np.unique(fine % 257)), 200)

  def test_scale_and_progress(self):
    finished = []
    sr = upscaler.bicubic(_image(5, 7, 3), 2, on_pixels=finished.append)
    self.assertEqual((sr.shape, finished), ((10, 14, 3), [35]))


if __name__ == "__main__":
  absltest.main()
