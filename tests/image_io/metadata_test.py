"""EXIF, XMP, text and profiles: kept, upright, or named as lost."""

import numpy as np
from absl.testing import absltest, parameterized
from PIL import Image

from srfeat_jax.image_io import pictures
from tests.support import input_kinds, picture_files
from tests.support.image_files import encode
from tests.support.input_kinds import RGB


class MetadataTest(picture_files.PicturesTestCase):
  @parameterized.parameters(*range(1, 9))
  def test_orientation(self, orientation):
    corners = np.zeros((5, 4), np.uint8)
    corners[0, 0], corners[0, -1] = 255, 128
    # The stored image is the seen one under the opposite of the turn.
    stored = {
      1: corners,
      2: corners[:, ::-1],
      3: corners[::-1, ::-1],
      4: corners[::-1],
      5: corners.T,
      6: np.rot90(corners),
      7: corners[::-1, ::-1].T,
      8: np.rot90(corners, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    for kind in ("PNG", "TIFF"):
      data = encode(np.ascontiguousarray(stored), kind, exif=exif)
      path = self.file("a", data)
      picture = pictures.read(path)
      np.testing.assert_array_equal(picture.frames[0], corners)
      self.assertEqual(pictures.size(path), (5, 4, 1))
      block = Image.Exif()
      block.load(picture.exif)
      self.assertEqual(block.get(0x0112, 1), 1)

  def test_orientation_of_xmp_too(self):
    exif = Image.Exif()
    exif[0x0112] = 6
    packet = b'<x tiff:Orientation="6"><tiff:Orientation>6</tiff:Orientation/>'
    data = encode(RGB, "JPEG", exif=exif, xmp=packet)
    picture = pictures.read(self.file("a.jpg", data))
    self.assertEqual(picture.size, RGB.shape[1::-1])
    self.assertEqual(picture.xmp, packet.replace(b"6", b"1"))

  @parameterized.parameters("a.png", "a.jpg", "a.webp", "a.tif")
  def test_all_that_a_format_holds_returns(self, name):
    picture = self.read("JPEG on its side (EXIF), with place and date")
    picture.icc, picture.xmp = input_kinds.SRGB, b"<x/>"
    read = self.again(picture, name)
    self.assertEqual(read.icc, picture.icc)
    self.assertEqual(read.xmp, picture.xmp)
    self.assertEqual(read.exif, picture.exif)

  def test_text(self):
    picture = self.read("PNG with title and XMP")
    self.assertEqual(picture.text, {"Title": "A slope"})
    self.assertEqual(self.again(picture, "b.png").text, picture.text)

  def test_no_thumbnail_and_no_layout_in_exif(self):
    picture = self.read("TIFF, on its side")
    block = Image.Exif()
    block.load(picture.exif)
    self.assertNoCommonElements(block, [256, 257, 258, 259, 273, 278, 279])

  def test_what_is_not_held_is_said(self):
    picture = self.read("PNG, RGB with alpha, 16 bits")
    picture.icc, picture.text = input_kinds.SRGB, {"Title": "x"}
    for name, parts in (
      ("a.jpg", ("transparency", "16", "JPEG holds no text")),
      ("a.webp", ("16", "WEBP holds no text")),
      ("a.bmp", ("transparency", "16", "color profile, text")),
      ("a.gif", ("256", "16", "color profile, text")),
      ("a.tif", ("TIFF holds no text",)),
      ("a.png", ()),
    ):
      warnings = pictures.write(self.folder / name, picture)
      self.assertLen(warnings, len(parts), warnings)
      for part in parts:
        self.assertIn(part, " ".join(warnings))

  def test_exif_too_long_for_jpeg(self):
    exif = Image.Exif()
    exif[0x010E] = "x" * 70000
    picture = pictures.Picture([RGB], exif=exif.tobytes())
    warnings = pictures.write(self.folder / "a.jpg", picture)
    self.assertIn("too long", warnings[0])


if __name__ == "__main__":
  absltest.main()
