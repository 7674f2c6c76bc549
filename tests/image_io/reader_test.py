"""Colors, animations and damaged files, as they are read."""

import numpy as np
from absl.testing import absltest, parameterized
from PIL import Image, ImageCms

from srfeat_jax import errors
from srfeat_jax.image_io import pictures
from tests.support import input_kinds, picture_files
from tests.support.image_files import encode
from tests.support.input_kinds import RGB


class ColorTest(picture_files.PicturesTestCase):
  def test_palette_becomes_rgb_and_gray_stays(self):
    for kind, shape in (("PNG, palette", (8, 12, 3)), ("PNG, gray", (8, 12))):
      self.assertEqual(self.read(kind).frames[0].shape, shape)

  def test_cmyk_by_its_profile(self):
    for name, kind in (("a.jpg", "JPEG"), ("a.tif", "TIFF")):
      # Cyan, black and paper; as sRGB of Lab 55, -37, -50 (colorimetry).
      inks = np.repeat([[255, 0, 0, 0], [0, 0, 0, 255], [0, 0, 0, 0]], 8, 0)
      image = Image.fromarray(np.tile(inks.astype(np.uint8), (8, 1, 1)), "CMYK")
      options = {"quality": 100} if kind == "JPEG" else {}
      profile = input_kinds.cmyk_profile()
      data = encode(image, kind, icc_profile=profile, **options)
      picture = pictures.read(self.file(name, data))
      cyan, black, paper = picture.frames[0][4, [3, 12, 20]].astype(int)
      np.testing.assert_allclose(cyan, [0, 149, 218], atol=8)
      np.testing.assert_allclose(black, 0, atol=4)
      np.testing.assert_allclose(paper, 255, atol=4)
      self.assertEqual(picture.icc, b"")
      self.assertEqual(picture.warnings, ["CMYK became sRGB by its profile"])

  def test_cmyk_with_a_damaged_profile(self):
    profile = input_kinds.profile(b"CMYK", {})
    image = Image.new("CMYK", (4, 4), (255, 0, 0, 0))
    data = encode(image, "TIFF", icc_profile=profile)
    picture = pictures.read(self.file("a.tif", data))
    self.assertEqual(picture.frames[0][0, 0].tolist(), [0, 255, 255])
    self.assertIn("without a usable profile", picture.warnings[0])

  def test_profile_is_carried_to_the_letter(self):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for kind in ("PNG", "JPEG", "WEBP", "TIFF"):
      data = encode(RGB, kind, icc_profile=profile)
      picture = pictures.read(self.file("a", data))
      self.assertEqual(picture.icc, profile)


class AnimationTest(picture_files.PicturesTestCase):
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
    path = self.file("a.png", input_kinds.animation("PNG", default_image=True))
    self.assertEqual(pictures.size(path), (8, 12, 2))
    self.assertLen(pictures.read(path).frames, 2)


class BadInputTest(picture_files.PicturesTestCase):
  @parameterized.parameters(
    *[
      kind
      for kind in input_kinds.KINDS
      if any(
        word in kind
        for word in ("cut", "claims", "bomb", "called .", "empty", "checksum")
      )
      and kind != "JPEG called .png"
    ]
  )
  def test_one_sentence_that_names_the_file(self, kind):
    with self.assertRaisesRegex(errors.InputError, r"a\.\w+ (is|has) .*[^.]$"):
      self.read(kind)


if __name__ == "__main__":
  absltest.main()
