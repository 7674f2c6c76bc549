"""Tests of srfeat_jax.inference.tiling, with a simple network and real ones."""

import functools
import unittest

import jax
import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax import models
from srfeat_jax.image_io import images
from srfeat_jax.inference import overlap, tiling
from srfeat_jax.interchange import generator_file
from tests.support import paths

_RADIUS = 3
_SIZES = ((1, 1), (3, 70), (70, 3), (13, 13), (14, 13), (37, 53), (64, 31))


def _image(*shape: int) -> np.ndarray:
  return np.random.default_rng(7).integers(0, 256, shape, dtype=np.uint8)


def _cut_by(tile, margin=_RADIUS, feather=0, unshuffle=1, batch=1):
  by = overlap.Overlap(margin, feather, unshuffle)
  return tiling.Tiling(4, tile, by, batch)


def _exact_network(lr: np.ndarray) -> np.ndarray:
  """Sums of what lies within `_RADIUS`, zero outside, modulo 256, x4."""
  padded = np.pad(lr, [(_RADIUS, _RADIUS)] * 2 + [(0, 0)])
  sides = (2 * _RADIUS + 1,) * 2
  windows = np.lib.stride_tricks.sliding_window_view(padded, sides, (0, 1))
  # The last pixel of a window counts twice: the sum is not symmetric.
  sums = windows.sum((-1, -2)) + windows[..., -1, -1]
  return sums.astype(np.uint8).repeat(4, axis=0).repeat(4, axis=1)


def _of_tiles(tiles: np.ndarray, valid: tuple[int, int]) -> np.ndarray:
  """The network on the valid part of tiles; beyond it nonsense."""
  height, width = valid
  b, h, w, channels = tiles.shape
  sr = np.full((b, 4 * h, 4 * w, channels), 99, np.uint8)
  for i, each in enumerate(tiles):
    sr[i, : 4 * height, : 4 * width] = _exact_network(each[:height, :width])
  return sr


class ExactTest(parameterized.TestCase):
  @parameterized.product(
    size=_SIZES,
    tile=((7, 7), (13, 8), (16, 25), (40, 40)),
    batch=(1, 3),
  )
  def test_equals_the_whole(self, size, tile, batch):
    lr = _image(*size, 3)
    shapes, finished, computed = set(), [], []

    def network(tiles, valid):
      shapes.add(tiles.shape)
      computed.append(tiles[..., 0].size)
      return _of_tiles(tiles, valid)

    cut = _cut_by(tile, batch=batch)
    sr = tiling.upscale_tiled(network, lr, cut, finished.append)
    np.testing.assert_array_equal(sr, _exact_network(lr))
    self.assertEqual(sr.dtype, np.uint8)
    self.assertEqual(shapes, {(batch, *tile, 3)})
    self.assertEqual(sum(finished), size[0] * size[1])
    self.assertEqual(sum(computed), tiling.num_computed(size, cut))

  def test_less_overlap_than_the_radius_is_not_enough(self):
    lr = _image(37, 53, 3)
    cut = _cut_by((16, 16), _RADIUS - 1)
    sr = tiling.upscale_tiled(_of_tiles, lr, cut)
    self.assertFalse(np.array_equal(sr, _exact_network(lr)))

  @parameterized.product(
    size=((1, 1), (33, 54), (31, 29), (70, 3)), tile=((20, 20), (36, 12))
  )
  def test_tiles_begin_where_unshuffled_blocks_do(self, size, tile):
    lr = _image(*size, 3)
    # Every pixel its place within a block: wrong unless blocks are aligned.
    place = np.arange(72, dtype=np.uint8) % 4

    def network(tiles, valid):
      self.assertEqual([length % 4 for length in valid], [0, 0])
      height, width = tiles.shape[1:3]
      places = (4 * place[:height, None] + place[:width])[..., None]
      sr = np.broadcast_to(places, (*tiles.shape[1:3], 3)) + 0 * tiles
      return sr.repeat(4, axis=1).repeat(4, axis=2)

    cut = _cut_by(tile, 4, unshuffle=4)
    sr = tiling.upscale_tiled(network, lr, cut)
    places = 4 * place[: size[0], None] + place[: size[1]]
    np.testing.assert_array_equal(
      sr[..., 0], places.repeat(4, axis=0).repeat(4, axis=1)
    )

  def test_small_images_are_mirrored_to_fill_a_tile(self):
    lr = _image(2, 3, 3)
    seen = []

    def network(tiles, valid):
      seen.append((tiles, valid))
      return _of_tiles(tiles, valid)

    tiling.upscale_tiled(network, lr, _cut_by((7, 7)))
    ((tiles, valid),) = seen
    self.assertEqual(valid, (2, 3))
    rows, columns = [0, 1, 1, 0, 0, 1, 1], [0, 1, 2, 2, 1, 0, 0]
    np.testing.assert_array_equal(tiles[0], lr[rows][:, columns])

  def test_the_next_batch_is_started_before_the_last_is_awaited(self):
    events = []

    class Running:
      def __init__(self, name, sr):
        self.name, self.sr = name, sr

      def __array__(self, dtype=None, copy=None):
        events.append(f"read {self.name}")
        return self.sr

    def network(tiles, valid):
      name = sum(event.startswith("start") for event in events)
      events.append(f"start {name}")
      return Running(name, _of_tiles(tiles, valid))

    cut = _cut_by((16, 16))
    tiling.upscale_tiled(network, _image(10, 45, 3), cut)
    self.assertEqual(
      ", ".join(events),
      "start 0, start 1, read 0, start 2, read 1, start 3, read 2, read 3",
    )

  def test_tile_of_nothing_but_overlap(self):
    with self.assertRaisesRegex(ValueError, "side 6 must be 7 or more"):
      tiling.upscale_tiled(_of_tiles, _image(9, 6, 3), _cut_by((6, 6)))


class FeatherTest(parameterized.TestCase):
  @parameterized.parameters((7,), (23,), (60,))
  def test_agreeing_tiles_are_not_changed(self, width):
    lr = _image(41, width, 3)
    finished = []
    cut = _cut_by((16, 18), feather=2)
    sr = tiling.upscale_tiled(_of_tiles, lr, cut, finished.append)
    np.testing.assert_array_equal(sr, _exact_network(lr))
    self.assertEqual(sum(finished), lr.shape[0] * width)

  @parameterized.parameters((np.uint8,), (np.float32,))
  def test_no_seam_is_left_between_tiles_that_differ(self, dtype):
    levels = []

    def network(tiles, valid):
      levels.append(20 * len(levels))  # every tile of another brightness
      b, tile, _, channels = tiles.shape
      return np.full((b, 4 * tile, 4 * tile, channels), levels[-1], dtype)

    cut = _cut_by((40, 40), 8, feather=8)
    lr = _image(70, 70, 3).astype(dtype)
    sr = tiling.upscale_tiled(network, lr, cut).astype(float)
    self.assertLen(levels, 9)
    self.assertEqual((sr[0, 0, 0], sr[-1, -1, 0]), (0, 160))
    # Steps of 20 and 60 over 32 pixels, and one level of rounding.
    self.assertLess(np.abs(np.diff(sr, axis=1)).max(), 20 / 32 + 1.01)
    self.assertLess(np.abs(np.diff(sr, axis=0)).max(), 60 / 32 + 1.01)


class RealWeightsTest(parameterized.TestCase):
  @parameterized.parameters((4, 64, 0), (6, 48, 8), (23, 72, 8))
  def test_margins_of_rrdbnet(self, num_blocks, margin, feather):
    for scale, unshuffle in ((4, 1), (2, 2)):
      config = {"architecture": "rrdbnet", "num_blocks": num_blocks}
      cut = overlap.of(models.build(config | {"scale": scale}))
      lengths = (margin * unshuffle, feather * unshuffle)
      self.assertEqual((cut.margin, cut.feather), lengths)

  @unittest.skipIf(paths.DATA is None, paths.NO_DATA)
  def test_tiles_of_a_photograph_are_within_two_levels(self):
    read = self._read("realesrgan_x4plus_anime")
    generator = models.build(read.config)
    cut = overlap.of(generator)
    # A strip that two tiles of the least width share.
    width = cut.min_tile + 8
    photo = np.asarray(images.read(paths.DATA / "real" / "OST_009.png"))
    lr = photo[432:448, 240 : 240 + width].astype(np.float32) / 255
    apply = jax.jit(functools.partial(generator.apply, read.variables))
    tiles = tiling.Tiling(4, (len(lr), cut.min_tile), cut)
    tiled = tiling.upscale_tiled(lambda x, _: apply(x), lr, tiles)
    difference = _levels_apart(tiled, apply(lr[None])[0])
    self.assertLessEqual(difference.max(), 2)
    self.assertLess(np.mean(difference > 1), 1e-4)

  @unittest.skipIf(paths.DATA is None, paths.NO_DATA)
  def test_what_a_tile_of_x4plus_keeps_is_within_two_levels(self):
    read = self._read("realesrgan_x4plus")
    generator = models.build(read.config)
    self.assertEqual(read.config["num_blocks"], 23)
    margin, kept, cut_off = overlap.of(generator).margin, 25, 24
    photo = np.asarray(images.read(paths.DATA / "real" / "OST_009.png"))
    width = kept + margin + cut_off
    whole = photo[200:216, 164 : 164 + width].astype(np.float32) / 255
    # Not compiled as one: all of its 23 blocks are alike.
    upscale = functools.partial(generator.apply, read.variables)
    difference = _levels_apart(
      upscale(whole[None, :, :-cut_off])[0],
      upscale(whole[None])[0, :, : -4 * cut_off],
    )
    within = difference[:, : 4 * kept]
    self.assertLessEqual(within.max(), 2)
    self.assertLess(np.mean(within > 1), 1e-4)
    # The margin of 32 that random weights allow is not enough.
    self.assertGreater(difference[:, : -4 * 32].max(), 2)

  def _read(self, name: str) -> generator_file.Generator:
    path = paths.DATA / "models" / f"{name}.safetensors"
    if not path.exists():
      self.skipTest(f"there is no {path}")
    return generator_file.load(path)


def _levels_apart(a, b) -> np.ndarray:
  """By how many of 255 levels images in [0, 1] differ."""
  a, b = (np.round(255 * np.clip(x, 0, 1)) for x in (a, b))
  return np.abs(a - b)


if __name__ == "__main__":
  absltest.main()
