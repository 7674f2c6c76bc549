"""HEIC files, with pillow-heif and without."""

import io
import unittest

import numpy as np
from absl.testing import absltest
from PIL import Image

from srfeat_jax import errors
from srfeat_jax.image_io import heif, pictures
from tests.support import image_files


class HeifTest(image_files.FolderTestCase):
  @unittest.skipIf(heif.AVAILABLE, "pillow-heif is installed")
  def test_without_the_package_a_sentence_says_so(self):
    start = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
    path = self.file("a.jpg", start + bytes(100))
    with self.assertRaisesRegex(
      errors.InputError, "a.jpg is a HEIC file: .*pip install pillow-heif"
    ):
      pictures.read(path)
    self.assertNotIn(".heic", pictures.READ_EXTENSIONS)

  @unittest.skipUnless(heif.AVAILABLE, "pillow-heif is not installed")
  def test_with_it_they_are_read_upright(self):
    wide = np.zeros((32, 48, 3), np.uint8)
    wide[:, :24] = 200
    buffer, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    exif[0x010F] = "Maker"
    Image.fromarray(wide).save(buffer, "HEIF", quality=90, exif=exif.tobytes())
    path = self.file("a.HEIC", buffer.getvalue())
    self.assertEqual(pictures.size(path), (48, 32, 1))
    picture = pictures.read(path)
    (color,) = picture.frames
    self.assertEqual(color.shape, (48, 32, 3))
    expected = np.rot90(wide, -1).astype(int)
    self.assertLess(np.abs(color - expected).mean(), 4)
    self.assertIn(b"Maker", picture.exif)
    self.assertIn(".heic", pictures.READ_EXTENSIONS)

  def test_other_files_are_not_heic(self):
    for start in (b"\x89PNG\r\n\x1a\n0000", b"", b"\0\0\0\x18ftypavif"):
      self.assertFalse(heif.is_heif(start))


if __name__ == "__main__":
  absltest.main()
