"""Tests of srfeat_jax.data.pictures: pictures with all that is in them."""

import io
import struct
import zlib

import numpy as np
from absl.testing import absltest, parameterized
from PIL import Image, ImageCms

from srfeat_jax import errors
from srfeat_jax.image_io import pictures
from tests.support import image_files, paths, picture_kinds
from tests.support.image_files import encode
from tests.support.picture_kinds import DEEP_ALPHA, DEEP_GRAY, DEEP_RGB, RGB

_DEEP = np.random.default_rng(0).integers(0, 65536, (9, 7, 4), dtype=np.uint16)


class PicturesTestCase(image_files.FolderTestCase):
  def read(self, kind: str) -> pictures.Picture:
    name, content = picture_kinds.KINDS[kind]
    return pictures.read(self.file(name, content()))

  def again(self, picture, name, **options) -> pictures.Picture:
    """Writes and reads."""
    pictures.write(self.folder / name, picture, **options)
    return pictures.read(self.folder / name)


class DeepTest(PicturesTestCase):
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
    self.assertEmpty(picture.notes)

  def test_one_transparent_color(self):
    alpha = self.read("PNG, RGB, 16 bits, one transparent colour").alphas[0]
    self.assertEqual(alpha[0, 0], 0)
    self.assertEqual((alpha == 0).sum(), 1)

  def test_premultiplied(self):
    color, alpha = DEEP_RGB.astype(np.float64), np.full(RGB.shape[:2], 40000)
    mixed = np.rint(color * 40000 / 65535)
    data = picture_kinds.deep_tiff(np.dstack([mixed, alpha]), "<", 1)
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

  def test_notes_of_16_bits(self):
    picture = self.read("JPEG on its side (EXIF), with place and date")
    picture.frames, picture.icc = [DEEP_RGB], picture_kinds.SRGB
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


class NotesTest(PicturesTestCase):
  @parameterized.parameters(*range(1, 9))
  def test_orientation(self, orientation):
    corners = np.zeros((5, 4), np.uint8)
    corners[0, 0], corners[0, -1] = 255, 128
    # The stored picture is the seen one under the opposite of the turn.
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
    picture.icc, picture.xmp = picture_kinds.SRGB, b"<x/>"
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
    picture.icc, picture.text = picture_kinds.SRGB, {"Title": "x"}
    for name, parts in (
      ("a.jpg", ("transparency", "16", "JPEG holds no text")),
      ("a.webp", ("16", "WEBP holds no text")),
      ("a.bmp", ("transparency", "16", "colour profile, text")),
      ("a.gif", ("256", "16", "colour profile, text")),
      ("a.tif", ("TIFF holds no text",)),
      ("a.png", ()),
    ):
      said = pictures.write(self.folder / name, picture)
      self.assertLen(said, len(parts), said)
      for part in parts:
        self.assertIn(part, " ".join(said))

  def test_exif_too_long_for_jpeg(self):
    exif = Image.Exif()
    exif[0x010E] = "x" * 70000
    picture = pictures.Picture([RGB], exif=exif.tobytes())
    said = pictures.write(self.folder / "a.jpg", picture)
    self.assertIn("too long", said[0])


class ColorTest(PicturesTestCase):
  def test_palette_becomes_rgb_and_gray_stays(self):
    for kind, shape in (("PNG, palette", (8, 12, 3)), ("PNG, gray", (8, 12))):
      self.assertEqual(self.read(kind).frames[0].shape, shape)

  def test_cmyk_by_its_profile(self):
    for name, kind in (("a.jpg", "JPEG"), ("a.tif", "TIFF")):
      # Cyan, black and paper; as sRGB of Lab 55, -37, -50 (colorimetry).
      inks = np.repeat([[255, 0, 0, 0], [0, 0, 0, 255], [0, 0, 0, 0]], 8, 0)
      image = Image.fromarray(np.tile(inks.astype(np.uint8), (8, 1, 1)), "CMYK")
      options = {"quality": 100} if kind == "JPEG" else {}
      profile = picture_kinds.cmyk_profile()
      data = encode(image, kind, icc_profile=profile, **options)
      picture = pictures.read(self.file(name, data))
      cyan, black, paper = picture.frames[0][4, [3, 12, 20]].astype(int)
      np.testing.assert_allclose(cyan, [0, 149, 218], atol=8)
      np.testing.assert_allclose(black, 0, atol=4)
      np.testing.assert_allclose(paper, 255, atol=4)
      self.assertEqual(picture.icc, b"")
      self.assertEqual(picture.notes, ["CMYK became sRGB by its profile"])

  def test_cmyk_with_a_damaged_profile(self):
    profile = picture_kinds.profile(b"CMYK", {})
    image = Image.new("CMYK", (4, 4), (255, 0, 0, 0))
    data = encode(image, "TIFF", icc_profile=profile)
    picture = pictures.read(self.file("a.tif", data))
    self.assertEqual(picture.frames[0][0, 0].tolist(), [0, 255, 255])
    self.assertIn("without a usable profile", picture.notes[0])

  def test_profile_is_carried_to_the_letter(self):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for kind in ("PNG", "JPEG", "WEBP", "TIFF"):
      data = encode(RGB, kind, icc_profile=profile)
      picture = pictures.read(self.file("a", data))
      self.assertEqual(picture.icc, profile)

  def test_over_white(self):
    gray = np.full((1, 3), 100, np.uint8)
    alpha = np.array([[0, 51, 255]], np.uint8)
    read = self.again(pictures.Picture([gray], [alpha]), "a.bmp")
    self.assertEqual(read.frames[0].tolist(), [[255, 224, 100]])


class AnimationTest(PicturesTestCase):
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

  @parameterized.parameters(
    "PNG, animated", "WebP, animated", "GIF, animated, frames that vanish"
  )
  def test_every_frame_is_read_as_it_is_seen(self, kind):
    picture = self.read(kind)
    for index, (frame, alpha) in enumerate(
      zip(picture.frames, picture.alphas, strict=True)
    ):
      square = np.s_[2:6, 4 * index : 4 * index + 4]
      self.assertTrue((frame[square] == (200, 40, 90 * index)).all())
      self.assertTrue((alpha[square] == 255).all())
      self.assertEqual((alpha == 255).sum(), 16 + 4 * (kind[0] == "G"))

  def test_frames_drawn_over_those_before(self):
    frames = [np.zeros((6, 6), np.uint8) for _ in range(3)]
    frames[1][1, 1] = frames[2][1, 1] = frames[2][4, 4] = 255
    first, *others = map(Image.fromarray, frames)
    # Of each frame only what differs from the one before is stored.
    data = encode(
      first, "GIF", save_all=True, append_images=others, duration=50
    )
    picture = pictures.read(self.file("a.gif", data))
    for frame, expected in zip(picture.frames, frames, strict=True):
      np.testing.assert_array_equal(frame[..., 0], expected)

  def test_still_beside_the_animation_is_left_out(self):
    path = self.file(
      "a.png", picture_kinds.animation("PNG", default_image=True)
    )
    self.assertEqual(pictures.size(path), (8, 12, 2))
    self.assertLen(pictures.read(path).frames, 2)

  def test_first_frame_where_there_is_no_animation(self):
    picture = self.read("GIF, animated")
    said = pictures.write(self.folder / "b.tif", picture)
    self.assertIn("the first of 3 frames", said[0])
    read = pictures.read(self.folder / "b.tif")
    np.testing.assert_array_equal(read.frames[0], picture.frames[0])
    np.testing.assert_array_equal(read.alphas[0], picture.alphas[0])

  def test_gif_knows_no_half_transparency(self):
    alpha = np.where(np.arange(12) < 6, 100, 200) * np.ones((8, 1))
    picture = pictures.Picture([RGB], [alpha.astype(np.uint8)])
    read = self.again(picture, "a.gif").alphas[0]
    np.testing.assert_array_equal(read, np.where(alpha < 128, 0, 255))


class BadInputTest(PicturesTestCase):
  @parameterized.parameters(
    *[
      kind
      for kind in picture_kinds.KINDS
      if any(
        word in kind
        for word in ("cut", "claims", "bomb", "called .", "empty", "checksum")
      )
      and kind != "JPEG called .png"
    ]
  )
  def test_one_sentence_that_names_the_file(self, kind):
    with self.assertRaisesRegex(errors.InputError, r"a\.\w+ (is|has) .*\.$"):
      self.read(kind)

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

  def test_unknown_ending(self):
    with self.assertRaisesRegex(errors.InputError, r"a\.pdf .*\.png"):
      pictures.write(self.folder / "a.pdf", pictures.Picture([RGB]))


class KindsTest(parameterized.TestCase):
  def test_the_documented_table_is_what_comes_out(self):
    document = paths.REPOSITORY / "docs" / "input_kinds.md"
    self.assertGreater(len(picture_kinds.KINDS), 50)
    self.assertEqual(document.read_text(), picture_kinds.table())

  def test_srgb_of_the_test_profile_is_read_by_others(self):
    profile = io.BytesIO(picture_kinds.cmyk_profile())
    opened = ImageCms.ImageCmsProfile(profile)
    self.assertEqual(opened.profile.xcolor_space.strip(), "CMYK")


if __name__ == "__main__":
  absltest.main()
