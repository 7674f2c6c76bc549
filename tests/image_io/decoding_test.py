"""Tests of what srfeat_jax.image_io.images reads, and refuses to read."""

import io
import struct
import subprocess
import sys
import unittest
import warnings
from unittest import mock

import hypothesis
import numpy as np
import PIL
from absl.testing import absltest, parameterized
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from srfeat_jax import errors
from srfeat_jax.image_io import images
from tests.support import image_files, paths


class ReadTest(image_files.FolderTestCase):
  @parameterized.named_parameters(
    (name, *kind) for name, kind in image_files.KINDS.items()
  )
  def test_kind(self, data, expected):
    path = self.file("x.png", data)
    pixels = images.read(path)
    self.assertEqual(pixels.dtype, np.uint8)
    np.testing.assert_array_equal(pixels, expected)
    self.assertEqual(images.size(path), pixels.shape[:2])
    rgb = images.read_rgb(path)
    if pixels.ndim == 2:
      pixels = np.stack([pixels] * 3, axis=-1)
    np.testing.assert_array_equal(rgb, pixels)

  @unittest.skipIf(
    PIL.__version__ < "13", "Pillow 12 cannot read premultiplied gray"
  )
  def test_premultiplied_gray(self):
    # Tag 338, value 1: associated alpha. 20 at half is 40 over white.
    data = image_files.encode(image_files.GRAY_ALPHA, "TIFF")
    data = data.replace(
      struct.pack("<HHIH", 338, 3, 1, 2), struct.pack("<HHIH", 338, 3, 1, 1)
    )
    self.assertEqual(Image.open(io.BytesIO(data)).mode, "La")
    self.assertEqual(images.read(self.file("x.tif", data))[0, 0], 40)

  def test_lab(self):
    lab = Image.new("LAB", (2, 1), (255, 128, 128))
    path = self.file("x.tif", image_files.encode(lab, "TIFF"))
    np.testing.assert_allclose(
      images.read(path), np.full((1, 2, 3), 255), atol=1
    )

  # Which stored row and column is shown first, from the EXIF specification:
  # 6, for one, has the stored top row at the right.
  @parameterized.product(
    orientation=[
      (1, lambda x: x),
      (2, np.fliplr),
      (3, lambda x: np.rot90(x, 2)),
      (4, np.flipud),
      (5, lambda x: np.rot90(np.fliplr(x))),
      (6, lambda x: np.rot90(x, -1)),
      (7, lambda x: np.rot90(np.fliplr(x), -1)),
      (8, np.rot90),
    ],
    kind=["PNG", "JPEG", "WEBP", "TIFF"],
  )
  def test_orientation(self, orientation, kind):
    code, turn = orientation
    noted = Image.Exif()
    noted[0x0112] = code
    options = {"lossless": True} if kind == "WEBP" else {}
    plain = images.read(
      self.file("plain", image_files.encode(image_files.RGB, kind, **options))
    )
    path = self.file(
      "x", image_files.encode(image_files.RGB, kind, exif=noted, **options)
    )
    upright = images.read(path)
    np.testing.assert_array_equal(upright, turn(plain))
    self.assertEqual(images.size(path), upright.shape[:2])

  @parameterized.parameters(0, 9, 65535)
  def test_unknown_orientation_is_ignored(self, code):
    noted = Image.Exif()
    noted[0x0112] = code
    path = self.file(
      "x.png", image_files.encode(image_files.RGB, "PNG", exif=noted)
    )
    np.testing.assert_array_equal(images.read(path), image_files.RGB)

  def test_damaged_exif_is_ignored(self):
    text = PngImagePlugin.PngInfo()
    text.add_text("Raw profile type exif", "\nexif\n4\nrubbish")
    path = self.file(
      "x.png", image_files.encode(image_files.RGB, "PNG", pnginfo=text)
    )
    with Image.open(path) as image, self.assertRaises(ValueError):
      image.getexif()
    np.testing.assert_array_equal(images.read(path), image_files.RGB)

  def test_pixels_are_writable(self):
    images.read(self.file("x.png", image_files.encode(image_files.RGB, "PNG")))[
      0, 0
    ] = 0

  def test_size_does_not_need_the_pixels(self):
    path = self.file("x.png", image_files.encode(image_files.RGB, "PNG")[:45])
    with mock.patch.object(PngImagePlugin.PngImageFile, "load") as load:
      self.assertEqual(images.size(path), (6, 4))
    load.assert_not_called()
    with self.assertRaises(errors.InputError):
      images.read(path)

  @parameterized.named_parameters(
    ("empty", b"", "empty"),
    ("text", b"<html>no</html>", "PNG.*begins with b'<html>no'"),
    (
      "gif",
      image_files.encode(image_files.RGB[..., 0], "GIF"),
      "PNG.*GIF89a|PNG.*GIF87a",
    ),
    ("no_pixels", image_files.png(0, 3, 8, 2, b""), "PNG"),
    (
      "truncated_png",
      image_files.encode(image_files.RGB, "PNG")[:-30],
      "damaged or truncated",
    ),
    (
      "truncated_jpeg",
      image_files.encode(image_files.RGB, "JPEG")[:-30],
      "damaged or truncated",
    ),
    (
      "truncated_webp",
      image_files.encode(image_files.RGB, "WEBP")[:-30],
      "damaged or truncated",
    ),
    (
      "truncated_bmp",
      image_files.encode(image_files.RGB, "BMP")[:-30],
      "damaged or truncated",
    ),
    (
      "truncated_tiff",
      image_files.encode(image_files.RGB, "TIFF")[:-30],
      "damaged or truncated",
    ),
    ("bomb", image_files.png(30000, 30000, 1, 0, b""), "pixels"),
    (
      "bomb_of_warning",
      image_files.png(10000, 10000, 1, 0, b""),
      "89,478,485 pixels",
    ),
    (
      "floats",
      image_files.tiff(32, 1, struct.pack("<2f", 0, 90), 3),
      "0.0 to 90.0",
    ),
    (
      "nan",
      image_files.tiff(32, 1, struct.pack("<2f", 0, np.nan), 3),
      "float32 .* nan",
    ),
    (
      "negative",
      image_files.tiff(32, 1, struct.pack("<2i", -5, 0), 2),
      "int32 .* -5",
    ),
  )
  def test_bad_file(self, data, words):
    path = self.file("x.png", data)
    with self.assertRaisesRegex(errors.InputError, f"^{path} .*({words})"):
      images.read(path)

  @parameterized.parameters(images.read, images.read_rgb, images.size)
  def test_unopenable(self, function):
    with self.assertRaisesRegex(errors.InputError, r"x\.png .*No such file"):
      function(self.folder / "x.png")
    with self.assertRaisesRegex(errors.InputError, "Is a directory"):
      function(self.folder)
    path = self.file("x.png", image_files.encode(image_files.RGB, "PNG"))
    with (
      image_files.without_rights(self.folder),
      self.assertRaisesRegex(errors.InputError, r"x\.png .*Permission"),
    ):
      function(path)

  def test_out_of_memory(self):
    path = self.file("x.png", image_files.encode(image_files.RGB, "PNG"))
    with (
      mock.patch.object(
        PngImagePlugin.PngImageFile, "load", side_effect=MemoryError
      ),
      self.assertRaisesRegex(errors.InputError, r"x\.png .*memory"),
    ):
      images.read(path)

  def test_pillow_warnings_stay_off_the_screen(self):
    entry = struct.pack("<HHHIII", 1, 0x010F, 2, 1000, 200, 0)
    odd = image_files.encode(
      image_files.RGB, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0" + entry
    )
    path = self.file("x.jpg", odd)
    with warnings.catch_warnings(record=True) as warned:
      warnings.simplefilter("always")
      with Image.open(path) as image:
        image.getexif()
    self.assertNotEmpty(warned)
    program = (
      "import sys; from srfeat_jax.image_io import images;"
      " images.read(sys.argv[1])"
    )
    done = subprocess.run(
      [sys.executable, "-c", program, path],
      cwd=paths.REPOSITORY,
      capture_output=True,
      text=True,
      check=False,
    )
    self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

  @hypothesis.given(
    kind=st.sampled_from(sorted(image_files.FUZZED)),
    changes=st.lists(
      st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=6
    ),
    kept=st.floats(0.2, 2),
  )
  @hypothesis.settings(
    max_examples=400, deadline=None, derandomize=True, database=None
  )
  def test_damage_gives_an_image_or_an_input_error(self, kind, changes, kept):
    data = bytearray(image_files.FUZZED[kind])
    for place, value in changes:
      data[int(place * (len(data) - 1))] = value
    path = self.file("x.png", data[: int(kept * len(data))])
    try:
      images.size(path)
      pixels = images.read(path)
    except errors.InputError as error:
      self.assertStartsWith(str(error), f"{path} ")
      self.assertNotIn("\n", str(error))
    else:
      self.assertEqual(pixels.dtype, np.uint8)
      self.assertIn(pixels.shape[2:], ((), (3,)))
      self.assertEqual(images.size(path), pixels.shape[:2])


if __name__ == "__main__":
  absltest.main()
