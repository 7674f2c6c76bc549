"""Tests of `srfeat_jax.upscale`."""

import io

import numpy as np
from absl.testing import absltest, parameterized
from PIL import Image

import srfeat_jax
from srfeat_jax import errors
from srfeat_jax.image_io import images
from tests.support import input_kinds, programs

_BICUBIC = "--weights=bicubic"


class OneCallTest(programs.ProgramTestCase):
  @parameterized.product(
    shape=[(5, 6), (5, 6, 3), (5, 6, 4)], dtype=[np.uint8, np.uint16]
  )
  def test_numpy_in_numpy_out(self, shape, dtype):
    image = programs.image(*shape).astype(dtype)
    sr = srfeat_jax.upscale(image, "bicubic")
    self.assertEqual(sr.shape, (20, 24, *shape[2:]))
    self.assertEqual(sr.dtype, dtype)
    sr = srfeat_jax.upscale(image, "bicubic", outscale=1.5)
    self.assertEqual(sr.shape, (8, 9, *shape[2:]))

  @parameterized.parameters(
    *(("L", "L"), ("LA", "LA"), ("RGB", "RGB"), ("RGBA", "RGBA")),
    *(("P", "RGB"), ("1", "L"), ("CMYK", "RGB"), ("I;16", "I;16")),
  )
  def test_pil_in_pil_out(self, mode, expected):
    image = Image.new(mode, (6, 5))
    image.info = {"exif": b"Exif\0\0", "icc_profile": b""}
    sr = srfeat_jax.upscale(image, "bicubic")
    self.assertIsInstance(sr, Image.Image)
    self.assertEqual(sr.mode, expected)
    self.assertEqual(sr.size, (24, 20))
    self.assertEqual(sr.info["exif"], b"Exif\0\0")

  def test_equals_the_program(self):
    source, weights = self.write("a.png", 9, 8, 3), self.weights()
    target = self.folder / "b.png"
    programs.run(
      *("upscale", source, f"--weights={weights}", f"--output={target}")
    )
    sr = srfeat_jax.upscale(images.read(source), weights)
    np.testing.assert_array_equal(sr, images.read(target))

  def test_weights_that_have_changed_are_loaded_anew(self):
    weights, lr = self.weights(), programs.image(8, 8, 3)
    first = srfeat_jax.upscale(lr, weights)
    data = bytearray(weights.read_bytes())
    data[-400:] = bytes(400)
    weights.write_bytes(data)
    self.assertTrue((srfeat_jax.upscale(lr, weights) != first).any())

  @parameterized.parameters(
    (np.zeros((4, 4, 3), np.float32), "float32"),
    (np.zeros((4, 4, 2), np.uint8), "(4, 4, 2)"),
    (np.zeros((0, 4), np.uint8), "(0, 4)"),
    (3, "int"),
  )
  def test_not_an_image(self, image, part):
    with self.assertRaises(errors.InputError) as caught:
      srfeat_jax.upscale(image, "bicubic")
    self.assertIn(part, str(caught.exception))

  def test_a_file_by_its_path(self):
    buffer, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6  # on its side
    exif[0x010F] = "Maker"
    lr = Image.fromarray(programs.image(5, 6, 3))
    lr.save(buffer, "PNG", exif=exif)
    path = self.file("a.png", buffer.getvalue())
    expected = srfeat_jax.upscale(images.read(path), "bicubic")
    for each in (path, str(path)):
      sr = srfeat_jax.upscale(each, "bicubic")
      self.assertIsInstance(sr, Image.Image)
      np.testing.assert_array_equal(np.asarray(sr), expected)
      self.assertEqual(sr.size, (20, 24))
      self.assertIn(b"Maker", sr.info["exif"])
    with self.assertRaisesRegex(errors.InputError, "nowhere.png cannot be"):
      srfeat_jax.upscale("nowhere.png", "bicubic")

  def test_an_animation_is_not_cut_short(self):
    path = self.file("a.gif", input_kinds.animation("GIF"))
    sentence = "a.gif is an animation of 3 frames, .*image.copy()"
    with self.assertRaisesRegex(errors.InputError, sentence):
      srfeat_jax.upscale(path, "bicubic")
    with Image.open(path) as image:
      with self.assertRaisesRegex(errors.InputError, sentence):
        srfeat_jax.upscale(image, "bicubic")
      image.seek(1)
      sr = srfeat_jax.upscale(image.copy(), "bicubic")
    self.assertEqual(sr.size, (48, 32))

  def test_what_is_left_out_is_said(self):
    frame = Image.fromarray(programs.image(5, 6, 3))
    path = self.folder / "a.tif"
    frame.save(path, save_all=True, append_images=[frame])
    with self.assertWarnsRegex(UserWarning, "a.tif: of its 2 pages, only the"):
      srfeat_jax.upscale(path, "bicubic")
    with (
      Image.open(path) as image,
      self.assertWarnsRegex(UserWarning, "a.tif: of its 2 images, one was"),
    ):
      srfeat_jax.upscale(image, "bicubic")

  def test_a_file_that_no_pil_image_can_hold(self):
    path = self.file("deep.png", input_kinds.deep_png(input_kinds.DEEP_RGB))
    with self.assertRaisesRegex(errors.InputError, "deep.png has 16-bit color"):
      srfeat_jax.upscale(path, "bicubic")
    path = self.file("gray.png", input_kinds.deep_png(input_kinds.DEEP_GRAY))
    self.assertEqual(srfeat_jax.upscale(path, "bicubic").mode, "I;16")

  def test_any_byte_order(self):
    image = programs.image(4, 4, 3).astype(np.uint16)
    sr = srfeat_jax.upscale(image.astype(">u2"), "bicubic")
    self.assertEqual(sr.dtype, ">u2")
    np.testing.assert_array_equal(sr, srfeat_jax.upscale(image, "bicubic"))

  def test_a_file_cut_short(self):
    path = self.write("a.jpg", 40, 40, 3)
    with (
      Image.open(io.BytesIO(path.read_bytes()[:-300])) as image,
      self.assertRaisesRegex(errors.InputError, "damaged or truncated"),
    ):
      srfeat_jax.upscale(image, "bicubic")

  def test_unknown_option(self):
    sentence = (
      r"^upscale\(\) has no option 'foo': expected any of alpha, .*tile"
    )
    with self.assertRaisesRegex(TypeError, sentence):
      srfeat_jax.upscale(programs.image(4, 4), "bicubic", foo=[])

  def test_bad_options(self):
    image = programs.image(4, 4, 3)
    for options, part in (
      *(({"outscale": x}, "outscale is") for x in (0, 17, np.nan, np.inf, "2")),
      ({"blend": "x"}, "alpha"),
      ({"blend": "x", "alpha": "half"}, "alpha is 'half'"),
      ({"blend": 3, "alpha": 0.5}, "blend is 3"),
      ({"weights": "nowhere"}, "nowhere"),
      ({"weights": 3}, "weights is 3"),
      ({"tile": "auto"}, "tile is 'auto'"),
      ({"tile": [64]}, "tile is [64]"),
      ({"tile": -3}, "tile is -3"),
      (
        {"memory": "2GiB"},
        "memory is '2GiB': expected a whole number of bytes",
      ),
      ({"precision": "fp16"}, "precision is 'fp16'"),
    ):
      with self.assertRaises(errors.InputError) as caught:
        srfeat_jax.upscale(image, **{"weights": "bicubic"} | options)
      self.assertIn(part, str(caught.exception))

  def test_importing_the_package_is_cheap(self):
    code = "import sys\nimport srfeat_jax\nprint(*sys.modules)\n"
    modules = programs.run(code).stdout.split()
    self.assertNoCommonElements(modules, ["jax", "numpy", "PIL"])


if __name__ == "__main__":
  absltest.main()
