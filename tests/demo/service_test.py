"""What the page of srfeat_jax.demo does with images."""

import importlib.util

import jax
import numpy as np
from absl.testing import absltest, parameterized

import srfeat_jax
from srfeat_jax import errors, models
from srfeat_jax.image_io import images, pictures
from srfeat_jax.interchange.containers import safetensors_file
from srfeat_jax.upscaling import options as options_lib
from tests.support import demo_service, image_files, programs

WITHOUT_GRADIO = importlib.util.find_spec("gradio") is None


NO_GRADIO = "gradio is not installed: launch/install.sh demo"


class ServiceTest(demo_service.ServiceTestCase):
  @parameterized.parameters(
    ({}, ()),
    ({"outscale": 2.5}, ("--outscale=2.5",)),
    ({"ensemble": True}, ("--ensemble",)),
  )
  def test_the_file_is_that_of_the_command_line(self, options, flags):
    source = self.write("a.jpg", 13, 17, 3)
    result = self.service().upscale(
      source, options_lib.Options(self.small, **options)
    )
    expected = self.folder / "expected.png"
    ran = programs.run(
      *("upscale", source, f"--weights={self.small}", f"--output={expected}"),
      *flags,
    )
    self.assertEqual(ran.returncode, 0, ran.stderr)
    self.assertEqual(result.file.read_bytes(), expected.read_bytes())

  def test_blend(self):
    other = self.variant(1.5)
    source = self.write("a.png", 13, 17, 3)
    result = self.service(self.small, other).upscale(
      source, options_lib.Options(self.small, blend=other, alpha=0.25)
    )
    np.testing.assert_array_equal(
      images.read(result.file),
      srfeat_jax.upscale(
        images.read(source), self.small, blend=other, alpha=0.25
      ),
    )

  def test_what_can_be_blended(self):
    other = self.variant(0.5)
    wider = self.folder / "wider.safetensors"
    config = programs.GENERATOR | {"features": 8}
    variables = models.init(models.build(config), jax.random.key(0))
    safetensors_file.save(wider, config, variables)
    service = self.service(self.small, other, str(wider))
    self.assertEqual(service.partners(self.small), [other])
    self.assertEmpty(service.partners(str(wider)))
    self.assertEmpty(service.partners("bicubic"))

  def test_names(self):
    names = self.service().names
    self.assertEqual(names[0], self.small)
    self.assertEqual(names[-1], "bicubic")
    self.assertIn("srfeat-lite", names)

  def test_sixteen_bits_and_transparency_are_kept(self):
    deep = np.random.default_rng(0).integers(0, 65536, (6, 5, 4), np.uint16)
    source = self.folder / "a.tif"
    pictures.write(source, pictures.Picture([deep[..., :3]], [deep[..., 3]]))
    result = self.service().upscale(source, options_lib.Options(self.small))
    read = pictures.read(result.file)
    expected = srfeat_jax.upscale(deep, self.small)
    np.testing.assert_array_equal(read.frames[0], expected[..., :3])
    np.testing.assert_array_equal(read.alphas[0], expected[..., 3])

  def test_what_is_shown(self):
    source = self.write("photo.png", 12, 20, 3)
    preview = self.service().preview(source)
    self.assertEqual(images.size(preview.image), (12, 20))
    self.assertEqual(preview.sentence, "20 x 12 pixels")
    result = self.service().upscale(source, options_lib.Options("bicubic"))
    self.assertEqual(images.size(result.before), (48, 80))
    self.assertEqual(images.size(result.after), (48, 80))
    self.assertEqual(result.file.name, "photo_x4.png")
    self.assertStartsWith(result.sentence, "80 x 48 pixels, ")
    # With bicubic there is no difference to show, but what JPEG makes of it.
    shown = (images.read(path) for path in (result.before, result.after))
    np.testing.assert_array_equal(*shown)

  def test_large_results_are_shown_smaller(self):
    source = self.write("a.png", 3, 1000, 3)
    result = self.service().upscale(source, options_lib.Options("bicubic"))
    self.assertEqual(images.size(result.file), (12, 4000))
    self.assertEqual(images.size(result.after), (10, 3200))
    self.assertEqual(images.size(result.before), (10, 3200))

  def test_an_animation_stays_one(self):
    frames = [programs.image(6, 8, 3, seed=seed) for seed in range(3)]
    source = self.folder / "a.webp"
    animation = pictures.Picture(frames, durations=[50.0] * 3)
    pictures.write(source, animation, quality=100)
    preview = self.service().preview(source)
    self.assertEqual(preview.sentence, "8 x 6 pixels, 3 frames")
    shares = []
    result = self.service().upscale(
      source, options_lib.Options(self.small), shares.append
    )
    self.assertLen(pictures.read(result.file).frames, 3)
    self.assertEqual(shares, sorted(shares))
    self.assertEqual(shares[-1], 1)
    self.assertGreaterEqual(len(shares), 3)

  @parameterized.parameters("preview", "upscale")
  def test_too_large(self, method):
    source = self.write("a.png", 20, 30, 3)
    service = self.service(max_megapixels=599e-6)
    arguments = [options_lib.Options(self.small)] * (method == "upscale")
    with self.assertRaisesRegex(
      errors.InputError,
      r"^a\.png is too large .*30 x 20.* the limit is 0\.0005",
    ):
      getattr(service, method)(source, *arguments)
    getattr(self.service(max_megapixels=6e-4), method)(source, *arguments)

  def test_frames_count_too(self):
    frames = [np.full((10, 10, 3), 80 * i, np.uint8) for i in range(3)]
    source = self.folder / "a.png"
    pictures.write(source, pictures.Picture(frames, durations=[50.0] * 3))
    with self.assertRaisesRegex(errors.InputError, "3 x 10 x 10"):
      self.service(max_megapixels=2e-4).preview(source)

  @parameterized.parameters(
    (b"", "^a.png is empty"),
    (b"no image at all", "^a.png is not a readable"),
    (
      image_files.encode(programs.image(9, 9), "PNG")[:60],
      "^a.png is damaged",
    ),
  )
  def test_damaged(self, content, sentence):
    source = self.file("a.png", content)
    with self.assertRaisesRegex(errors.InputError, sentence):
      self.service().preview(source)
    with self.assertRaisesRegex(errors.InputError, sentence):
      self.service().upscale(source, options_lib.Options(self.small))

  @parameterized.parameters(
    ({"weights": "/etc/passwd"}, "no weights /etc/passwd"),
    ({"blend": "/etc/passwd", "alpha": 0.5}, "no weights /etc/passwd"),
    ({"outscale": 0}, "above 0"),
    ({"outscale": 5}, "at most 4"),
    ({"outscale": float("nan")}, "above 0"),
  )
  def test_wrong_options(self, options, sentence):
    source = self.write("a.png", 5, 5, 3)
    options = {"weights": self.small} | options
    with self.assertRaisesRegex(errors.InputError, sentence):
      self.service().upscale(source, options_lib.Options(**options))

  def test_weights_that_are_none(self):
    with self.assertRaisesRegex(errors.InputError, "missing.safetensors"):
      self.service("missing.safetensors")


if __name__ == "__main__":
  absltest.main()
