"""Tests of srfeat_jax.inference.tile_shape: few shapes, and little waste."""

import itertools

from absl.testing import absltest, parameterized

from srfeat_jax.inference import overlap, tile_shape


def _computed(length: int, side: int, by: overlap.Overlap) -> int:
  """LR pixels along an axis, the overlaps counted as often as computed."""
  count = 1
  end = side
  while end < length:
    end += side - 2 * by.margin - by.feather
    count += 1
  return count * side


class TileShapeTest(parameterized.TestCase):
  @parameterized.product(
    largest=(21, 60, 192, 448),
    by=(overlap.Overlap(10), overlap.Overlap(6, 2), overlap.Overlap(8, 0, 4)),
    square=(False, True),
  )
  def test_is_one_that_tiles_can_have(self, largest, by, square):
    largest -= largest % by.unshuffle
    if largest < by.min_tile:
      self.assertLess(largest, 21)
      return
    lengths = (1, 3, 20, 22, 31, 59, 60, 61, 191, 192, 193, 500, 3001)
    for shape in itertools.product(lengths, lengths):
      tile = tile_shape.choose(shape, largest, by, square)
      if square:
        self.assertEqual(*tile)
      else:
        self.assertLessEqual(tile[0] * tile[1], largest**2)
      for length, side in zip(shape, tile, strict=True):
        length = by.round_up(length)
        self.assertEqual(side % by.unshuffle, 0)
        self.assertLessEqual(side, largest + 2 if square else largest**2)
        self.assertTrue(length <= side or side >= by.min_tile)
        # A residual base needs two mirrored pixels, or none.
        self.assertNotEqual(side - length, 1)

  @parameterized.parameters((448, 22), (192, 40), (320, 40))
  def test_wastes_little(self, largest, margin):
    by, computed = overlap.Overlap(margin), []
    for length in range(largest // 6, 2000, 29):
      side, _ = tile_shape.choose((length, 5000), largest, by, square=False)
      sides = range(by.min_tile, largest + 1)
      best = min(_computed(length, each, by) for each in sides)
      if length <= largest:
        best = length
      computed.append(_computed(length, side, by) / best)
    self.assertLess(max(computed), 1.5)
    self.assertLess(sum(computed) / len(computed), 1.15)

  def test_large_images_share_few_tiles(self):
    by = overlap.Overlap(22)
    sides = {
      side
      for height in range(1500, 4000, 101)
      for side in tile_shape.choose((height, 5000), 448, by, square=False)
    }
    self.assertLessEqual(sides, {336, 364, 392, 420, 448})

  @parameterized.parameters((448, 22), (512, 23), (640, 22))
  def test_photos_are_computed_with_little_more_than_the_least(
    self, largest, margin
  ):
    by = overlap.Overlap(margin)
    for shape in ((3000, 4000), (2250, 3000), (4000, 6000)):
      tile = tile_shape.choose(shape, largest, by, square=False)
      for length, side in zip(shape, tile, strict=True):
        least = min(
          _computed(length, each, by)
          for each in range(largest // 4, largest + 1)
        )
        self.assertLess(_computed(length, side, by), 1.06 * least)

  def test_an_image_that_fits_is_one_tile(self):
    by = overlap.Overlap(40)
    for shape in ((270, 480), (3, 2000), (1, 1), (384, 384)):
      tile = tile_shape.choose(shape, 384, by, square=False)
      self.assertTrue(tile[0] >= shape[0] and tile[1] >= shape[1])
    self.assertEqual(
      tile_shape.choose((270, 480), 384, by, square=False), (288, 480)
    )

  def test_a_few_square_tiles_are_round_ones(self):
    by = overlap.Overlap(22)
    for shape, side in (((100, 328), 112), ((124, 364), 168)):
      tile = tile_shape.choose(shape, 448, by, square=True)
      self.assertEqual(tile, (side, side))


if __name__ == "__main__":
  absltest.main()
