"""What the page of srfeat_jax.demo does with images."""

import importlib.util
from unittest import mock

import numpy as np
from absl.testing import absltest, parameterized

import srfeat_jax
from srfeat_jax import errors
from srfeat_jax.data import free_memory
from srfeat_jax.demo import speed
from srfeat_jax.image_io import images, pictures
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

  def test_of_large_results_a_part_is_shown(self):
    source = self.write("a.png", 3, 1000, 3)
    result = self.service().upscale(source, options_lib.Options("bicubic"))
    self.assertEqual(images.size(result.file), (12, 4000))
    self.assertIn("shown is its middle, 3200 x 12 pixels", result.sentence)
    shown = [images.read(path) for path in (result.before, result.after)]
    self.assertEqual([x.shape for x in shown], [(12, 3200, 3)] * 2)
    np.testing.assert_array_equal(*shown)
    whole = images.read(result.file)[:, 400:3600]
    difference = np.abs(whole.astype(float) - shown[1])
    self.assertLess(difference.mean(), 3)  # what JPEG changes

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

  @parameterized.parameters("preview", "estimate", "upscale")
  def test_too_large(self, method):
    source = self.write("a.png", 20, 30, 3)
    service = self.service(max_megapixels=599e-6)
    arguments = [options_lib.Options(self.small)] * (method != "preview")
    with self.assertRaisesRegex(
      errors.InputError,
      r"^a\.png is too large .*30 x 20.* the limit is 0\.0005.*"
      "--max_megapixels",
    ):
      getattr(service, method)(source, *arguments)
    getattr(self.service(max_megapixels=6e-4), method)(source, *arguments)

  @parameterized.parameters("estimate", "upscale")
  def test_too_slow(self, method):
    source = self.write("a.png", 20, 30, 3)
    options = options_lib.Options(self.small)
    with self.assertRaisesRegex(
      errors.InputError, r"^a\.png would take .*30 x 20.*--max_minutes"
    ):
      getattr(self.service(max_minutes=0), method)(source, options)

  @parameterized.parameters("estimate", "upscale")
  def test_too_little_memory(self, method):
    source = self.write("a.png", 20, 30, 3)
    options = options_lib.Options(self.small)
    with mock.patch.object(free_memory, "of_host", lambda: 10**6):
      with self.assertRaisesRegex(
        errors.InputError, r"^a\.png is too large .* memory.*0\.0 GB are free"
      ):
        getattr(self.service(), method)(source, options)
      getattr(self.service(max_megapixels=1), method)(source, options)

  def test_estimate(self):
    small, large = self.write("a.png", 20, 30, 3), self.folder / "b.png"
    pictures.write(large, pictures.Picture([programs.image(400, 600, 3)]))
    service = self.service(max_minutes=1e9)

    def seconds(path, weights=self.small, **options):
      options = options_lib.Options(weights, **options)
      estimate = service.estimate(path, options)
      self.assertIn("of memory", estimate.sentence)
      return estimate.seconds

    with mock.patch.object(speed.Speed, "seconds_per_pixel") as per_pixel:
      per_pixel.return_value = 1.0
      first = seconds(large)
      # Tiles overlap; and writing takes much less than a second a pixel.
      self.assertBetween(first, 400 * 600, 1.5 * 400 * 600)
      self.assertLess(seconds(small), first / 100)
      ensemble = seconds(large, ensemble=True)
      self.assertBetween(ensemble / first, 7, 10)
      bicubic = seconds(large, "bicubic", ensemble=True)
      self.assertBetween(bicubic, 400 * 600, 400 * 600 + 100)

  def test_an_exception_stops_it(self):
    frames = [programs.image(6, 8, 3, seed=seed) for seed in range(3)]
    source = self.folder / "a.webp"
    pictures.write(source, pictures.Picture(frames, durations=[50.0] * 3))
    service, shares = self.service(), []

    def on_progress(share):
      shares.append(share)
      raise KeyboardInterrupt

    options = options_lib.Options(self.small)
    with self.assertRaises(KeyboardInterrupt):
      service.upscale(source, options, on_progress)
    self.assertEqual(shares, [1 / 3])
    stages = []
    result = service.upscale(source, options, on_stage=stages.append)
    self.assertLen(pictures.read(result.file).frames, 3)
    self.assertLen(stages, 2)

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


if __name__ == "__main__":
  absltest.main()
