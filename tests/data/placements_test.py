"""Placements against the arrays that they stand for."""

import numpy as np
from absl.testing import absltest

from srfeat_jax import errors
from srfeat_jax.data import packing, placements


class Two:
  """A source of two images."""

  location = "photos"
  sizes = ((7, 9), (6, 5))

  def __len__(self):
    return 2


def source(*damaged: int) -> placements.Placements:
  places = packing.Places(np.array([0, 3]), np.array([4, 1]))
  return placements.Placements(Two(), places, damaged)


class PlacementsTest(absltest.TestCase):
  def test_cut_like_an_array(self):
    memory = np.random.default_rng(0).integers(0, 256, (4, 300), np.uint8)
    image = memory[0, 4 : 4 + 3 * 7 * 9].reshape(7, 9, 3)
    placement = source()[0]
    self.assertEqual(placement.shape, image.shape)
    for index in np.index_exp[2:6, 3:7], np.index_exp[:4, -4:]:
      expected = image[index]
      row, start, stride, turns, flips = placements.numbers(placement[index])
      for line in range(4):
        np.testing.assert_array_equal(
          memory[row, start + line * stride :][:12], expected[line].ravel()
        )
      self.assertEqual((turns, flips), (0, 0))
    np.testing.assert_array_equal(
      placements.numbers(source()[1].oriented(3, 1)), [3, 1, 15, 3, 1]
    )

  def test_the_next_good_image_stands_in(self):
    self.assertEqual(source(1)[1], source()[0])
    self.assertEqual(source(0)[0], source()[1])
    with self.assertRaisesRegex(errors.InputError, "none of the 2 images in p"):
      source(0, 1)


if __name__ == "__main__":
  absltest.main()
