"""16 bits of every channel, read and written."""

import struct
import zlib

import numpy as np
from absl.testing import absltest, parameterized
from PIL import Image

from srfeat_jax.image_io import pictures
from tests.support import input_kinds, picture_files
from tests.support.input_kinds import DEEP_ALPHA, DEEP_GRAY, DEEP_RGB, RGB

_DEEP = np.random.default_rng(0).integers(0, 65536, (9, 7, 4), dtype=np.uint16)


class DeepTest(picture_files.PicturesTestCase):
  @parameterized.parameters(
    ("PNG, gray, 16 bits", DEEP_GRAY, None),
    ("PNG, gray with alpha, 16 bits", DEEP_GRAY, DEEP_ALPHA),
    ("PNG, RGB, 16 bits", DEEP_RGB, None),
    ("PNG, RGB with alpha, 16 bits", DEEP_RGB, DEEP_ALPHA),
    ("TIFF, gray, 16 bits", DEEP_GRAY, None),
    ("TIFF, RGB, 16 bits", DEEP_RGB, None),
    ("TIFF, RGB, 16 bits, big-endian", DEEP_RGB, None),
    ("TIFF, RGB with alpha, 16 bits", DEEP_RGB, DEEP_ALPHA),
  )
  def test_reads_every_bit(self, kind, color, alpha):
    picture = self.read(kind)
    np.testing.assert_array_equal(picture.frames[0], color)
    self.assertEqual(picture.frames[0].dtype, np.uint16)
    self.assertLen(picture.alphas, alpha is not None)
    if alpha is not None:
      np.testing.assert_array_equal(picture.alphas[0], alpha)
    self.assertEmpty(picture.warnings)

  def test_one_transparent_color(self):
    alpha = self.read("PNG, RGB, 16 bits, one transparent color").alphas[0]
    self.assertEqual(alpha[0, 0], 0)
    self.assertEqual((alpha == 0).sum(), 1)

  def test_premultiplied(self):
    color, alpha = DEEP_RGB.astype(np.float64), np.full(RGB.shape[:2], 40000)
    mixed = np.rint(color * 40000 / 65535)
    data = input_kinds.deep_tiff(np.dstack([mixed, alpha]), "<", 1)
    picture = pictures.read(self.file("a.tif", data))
    difference = picture.frames[0] - color
    self.assertLessEqual(np.abs(difference).max(), 1)
    np.testing.assert_array_equal(picture.alphas[0], alpha)

  @parameterized.product(
    name=["a.png", "a.tif"], depth=[1, 3], has_alpha=[False, True]
  )
  def test_written_and_read(self, name, depth, has_alpha):
    color = _DEEP[..., 0] if depth == 1 else _DEEP[..., :3]
    picture = pictures.Picture([color], [_DEEP[..., 3]] * has_alpha)
    read = self.again(picture, name)
    if name == "a.tif" and has_alpha and depth == 1:
      color = np.repeat(color[..., None], 3, axis=-1)
    np.testing.assert_array_equal(read.frames[0], color)
    if has_alpha:
      np.testing.assert_array_equal(read.alphas[0], _DEEP[..., 3])

  def test_png_is_as_the_specification_has_it(self):
    pictures.write(self.folder / "a.png", pictures.Picture([_DEEP[..., :3]]))
    data = (self.folder / "a.png").read_bytes()
    place, body = 8, b""
    while place < len(data):
      length = struct.unpack(">I", data[place : place + 4])[0]
      name = data[place + 4 : place + 8]
      chunk = data[place + 8 : place + 8 + length]
      check = struct.unpack(">I", data[place + 8 + length :][:4])[0]
      self.assertEqual(check, zlib.crc32(name + chunk))
      body += chunk if name == b"IDAT" else b""
      place += 12 + length
    rows = np.frombuffer(zlib.decompress(body), np.uint8).reshape(9, -1)
    plain = np.zeros((10, 6 + 7 * 6), np.uint8)  # a row and a pixel of zeros
    for y, (kind, *values) in enumerate(rows.tolist(), 1):
      for x, value in enumerate(values, 6):
        a, b, c = (
          int(each)
          for each in (plain[y, x - 6], plain[y - 1, x], plain[y - 1, x - 6])
        )
        nearest = min((a, b, c), key=lambda n, p=a + b - c: abs(p - n))
        added = {0: 0, 1: a, 2: b, 4: nearest}[kind]
        plain[y, x] = (value + added) % 256
    numbers = np.ascontiguousarray(plain[1:, 6:]).view(">u2").reshape(9, 7, 3)
    np.testing.assert_array_equal(numbers, _DEEP[..., :3])

  def test_gradients_are_compressed(self):
    ramp = np.add.outer(np.arange(300), np.arange(300)).astype(np.uint16) * 99
    for name in ("a.png", "a.tif"):
      pictures.write(self.folder / name, pictures.Picture([ramp]))
      self.assertLess((self.folder / name).stat().st_size, ramp.nbytes / 8)

  def test_metadata_of_16_bits(self):
    picture = self.read("JPEG on its side (EXIF), with place and date")
    picture.frames, picture.icc = [DEEP_RGB], input_kinds.SRGB
    picture.xmp = b"<x/>"
    for name in ("a.png", "a.tif"):
      read = self.again(picture, name)
      self.assertEqual(read.frames[0].dtype, np.uint16)
      self.assertEqual(read.icc, picture.icc)
      self.assertEqual(read.xmp, picture.xmp)
      self.assert_noted(read.exif)

  def assert_noted(self, exif: bytes):
    block = Image.Exif()
    block.load(exif)
    self.assertEqual(block[0x0112], 1)
    self.assertEqual(block[0x010F], "Camera")
    self.assertEqual(block.get_ifd(0x8825)[2], (52, 30, 0))
    self.assertEqual(block.get_ifd(0x8769), {0x9003: "2020:01:02 03:04:05"})


if __name__ == "__main__":
  absltest.main()
