"""How images are written, and what is refused."""

import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.image_io import pictures
from tests.support import picture_files
from tests.support.input_kinds import RGB


class BadInputTest(picture_files.PicturesTestCase):
  @parameterized.parameters(
    ("a.webp", 16384), ("a.jpg", 65501), ("a.gif", 65536)
  )
  def test_too_large_for_the_format(self, name, side):
    picture = pictures.Picture([np.zeros((1, side), np.uint8)])
    with self.assertRaisesRegex(errors.InputError, rf"{name} .*{side} x 1"):
      pictures.write(self.folder / name, picture)
    with self.assertRaisesRegex(errors.InputError, rf"{name} .*{side} x 1"):
      pictures.check_size(self.folder / name, 1, side)
    pictures.check_size(self.folder / name, 1, side - 1)

  def test_what_the_encoder_refuses(self):
    picture = pictures.Picture([RGB, 255 - RGB], durations=[1e9, 1e9])
    with self.assertRaisesRegex(errors.InputError, r"a\.gif cannot be written"):
      pictures.write(self.folder / "a.gif", picture)
    self.assertEmpty(list(self.folder.iterdir()))

  def test_unknown_extension(self):
    with self.assertRaisesRegex(errors.InputError, r"a\.pdf .*\.png"):
      pictures.write(self.folder / "a.pdf", pictures.Picture([RGB]))


class AnimationTest(picture_files.PicturesTestCase):
  @parameterized.product(
    name=["a.gif", "a.png", "a.webp"], plays=[0, 1, 3], has_alpha=[True, False]
  )
  def test_written_and_read(self, name, plays, has_alpha):
    frames = [np.full((8, 12, 3), level, np.uint8) for level in (10, 200, 90)]
    alphas = []
    for index in range(3 * has_alpha):
      alpha = np.zeros((8, 12), np.uint8)
      alpha[:, 4 * index : 4 * index + 4] = 255
      alphas.append(alpha)
    picture = pictures.Picture(frames, alphas, [100, 250, 70], plays)
    read = self.again(picture, name, quality=100)
    self.assertEqual(read.durations, [100, 250, 70])
    self.assertEqual(read.plays, plays)
    self.assertLen(read.frames, 3)
    np.testing.assert_array_equal(read.alphas, alphas)
    for index, frame in enumerate(read.frames):
      seen = alphas[index] > 0 if alphas else np.full((8, 12), True)
      np.testing.assert_array_equal(frame[seen], frames[index][seen])

  def test_first_frame_where_there_is_no_animation(self):
    picture = self.read("GIF, animated")
    warnings = pictures.write(self.folder / "b.tif", picture)
    self.assertIn("the first of 3 frames", warnings[0])
    read = pictures.read(self.folder / "b.tif")
    np.testing.assert_array_equal(read.frames[0], picture.frames[0])
    np.testing.assert_array_equal(read.alphas[0], picture.alphas[0])

  def test_gif_knows_no_half_transparency(self):
    alpha = np.where(np.arange(12) < 6, 100, 200) * np.ones((8, 1))
    picture = pictures.Picture([RGB], [alpha.astype(np.uint8)])
    read = self.again(picture, "a.gif").alphas[0]
    np.testing.assert_array_equal(read, np.where(alpha < 128, 0, 255))


class ColorTest(picture_files.PicturesTestCase):
  def test_over_white(self):
    gray = np.full((1, 3), 100, np.uint8)
    alpha = np.array([[0, 51, 255]], np.uint8)
    read = self.again(pictures.Picture([gray], [alpha]), "a.bmp")
    self.assertEqual(read.frames[0].tolist(), [[255, 224, 100]])


if __name__ == "__main__":
  absltest.main()
