"""Tests of benchmarks.held_out: evaluation sets of a person's own photos."""

import functools
import hashlib
import io
import json
import subprocess
import sys

import numpy as np
from absl.testing import absltest, parameterized
from PIL import Image

from benchmarks import degraded
from srfeat_jax import errors
from srfeat_jax.evaluation import evaluator, protocol
from srfeat_jax.image_io import images
from srfeat_jax.inference import upscaler
from tests.support import image_files, paths


def _scene(height: int, width: int, seed: int = 0) -> np.ndarray:
  rng = np.random.default_rng(seed)
  small = rng.integers(0, 256, (9, 11, 3), dtype=np.uint8)
  return np.asarray(Image.fromarray(small).resize((width, height)))


class HeldOutTest(image_files.FolderTestCase):
  def setUp(self):
    super().setUp()
    self.sources = [str(self.folder / "a"), str(self.folder / "b")]
    images.write(self.folder / "a/x.png", _scene(150, 203))
    images.write(self.folder / "a/deep/y.jpg", _scene(96, 90, seed=1))
    images.write(self.folder / "b/x.png", _scene(128, 128, seed=2)[..., 0])

  def make(self, name="sets", sources=None, **options):
    output = self.folder / name
    degraded.make(sources or self.sources, str(output), side=128, **options)
    return output

  def test_evaluate_reads_them_and_each_strength_is_worse(self):
    found = protocol.MATLAB.load(self.make(), tuple(degraded.STRENGTHS))
    names = ["a-deep-y", "a-x", "b-x"]
    for each in found:
      self.assertEqual([image.name for image in each.images], names)
    shapes = [image.hr().shape for image in found[0].images]
    self.assertEqual(shapes, [(96, 88, 3), (128, 128, 3), (128, 128, 3)])
    sets = evaluator.evaluate(upscaler.bicubic, found)["sets"]
    scores = [sets[name]["psnr_y"] for name in degraded.STRENGTHS]
    self.assertEqual(scores, sorted(scores, reverse=True))
    self.assertLen(set(scores), 4)

  def test_crops_and_clean_images_by_hand(self):
    folder = self.make()
    hr = images.read(folder / "strong/HR/a-x.png")
    expected = _scene(150, 203)[11:139, 37:165]
    np.testing.assert_array_equal(hr, expected)
    lr = Image.fromarray(expected).resize((32, 32), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(
      images.read(folder / "clean/LRx4/a-x.png"), np.asarray(lr)
    )

  def test_the_same_bytes_whatever_is_beside_it(self):
    def digests(folder, glob):
      return {
        path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob(glob)
      }

    first, again = self.make(), self.make("again")
    self.assertLen(digests(first, "*.png"), 24)
    self.assertEqual(digests(first, "*.*"), digests(again, "*.*"))
    alone = self.make("alone", sources=self.sources[1:])
    self.assertContainsSubset(
      digests(alone, "*.png").items(), digests(first, "*.png").items()
    )
    other = self.make("other", seed=1)
    name = "strong/LRx4/a-x.png"
    self.assertNotEqual(
      (first / name).read_bytes(), (other / name).read_bytes()
    )

  def test_what_was_drawn_is_written_and_gives_the_image_again(self):
    folder = self.make()
    record = json.loads((folder / degraded.PARAMETERS).read_text())
    self.assertEqual(record["seed"], 0)
    for strength in degraded.STRENGTHS:
      drawn = record["sets"][strength]["a-deep-y"]
      self.assertEqual(
        (drawn["source"], drawn["box"]), ("y.jpg", [1, 0, 89, 96])
      )
      hr = images.read(folder / strength / "HR/a-deep-y.png")
      np.testing.assert_array_equal(
        degraded.degrade(hr, drawn),
        images.read(folder / strength / "LRx4/a-deep-y.png"),
      )

  @parameterized.parameters(*degraded.STRENGTHS)
  def test_draws_keep_to_their_ranges_and_fill_them(self, strength):
    ranges = degraded.STRENGTHS[strength]
    drawn = [degraded.draw(strength, str(i), 0) for i in range(400)]
    for field in ("blur", "detour", "noise"):
      least, most = getattr(ranges, field)
      values = [each[field] for each in drawn]
      self.assertBetween(min(values), least, least + 0.1 * (most - least))
      self.assertBetween(max(values), most - 0.1 * (most - least), most)
    self.assertEqual({each["filter"] for each in drawn}, set(ranges.filters))
    qualities = {each["quality"] for each in drawn}
    if ranges.quality is None:
      self.assertEqual(qualities, {None})
      return
    self.assertEqual((min(qualities), max(qualities)), ranges.quality)
    for places in zip(*(each["grid"] for each in drawn), strict=True):
      self.assertEqual(set(places), set(range(16)))

  def test_jpeg_blocks_do_not_begin_at_the_corner(self):
    """JPEG hardly changes an image that is cropped to the old blocks."""
    hr = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    drawn = degraded.draw("clean", "x", 0)
    drawn |= {"quality": 30, "subsampling": "4:4:4", "grid": [3, 6]}
    lr = degraded.degrade(hr, drawn).astype(float)

    def change(left, top):
      image = Image.fromarray(lr[top:, left:].astype(np.uint8))
      buffer = io.BytesIO()
      image.save(buffer, "JPEG", quality=30, subsampling="4:4:4")
      return np.abs(np.asarray(Image.open(buffer)) - lr[top:, left:]).mean()

    changes = {(x, y): change(x, y) for x in range(8) for y in range(8)}
    self.assertEqual(min(changes, key=changes.get), (5, 2))

  def test_most_detail(self):
    image = np.full((200, 300, 3), 90, np.uint8)
    image[72:200, 160:288] = _scene(128, 128) // 2
    image[72:200:2, 160:288] += 60
    images.write(self.folder / "c/one.png", image)
    output = self.make(sources=[str(self.folder / "c")], crop="detail")
    record = json.loads((output / degraded.PARAMETERS).read_text())
    left, top, right, bottom = record["sets"]["clean"]["c-one"]["box"]
    self.assertEqual((right - left, bottom - top), (128, 128))
    self.assertAlmostEqual(left, 160, delta=2)
    self.assertAlmostEqual(top, 72, delta=2)

  def test_bad_input(self):
    self.make()
    images.write(self.folder / "small/tiny.png", _scene(63, 200))
    for suffix in ("png", "jpg"):
      images.write(self.folder / f"doubles/t.{suffix}", _scene(70, 70))
    (self.folder / "empty").mkdir()
    for sources, options, sentence in (
      (self.sources, {}, "sets/clean exists already: remove it"),
      (
        ["small"],
        {"name": "1"},
        r"tiny\.png has 63 x 200 .* expected 64 x 64 or",
      ),
      (["doubles"], {"name": "2"}, r"t\.png would both be called doubles-t"),
      (["empty"], {"name": "3"}, "empty contains no image"),
      (["nowhere"], {"name": "4"}, "nowhere cannot be read"),
    ):
      with (
        self.subTest(sentence),
        self.assertRaisesRegex(errors.InputError, sentence),
      ):
        self.make(
          sources=[str(self.folder / each) for each in sources], **options
        )
    with self.assertRaisesRegex(
      errors.InputError, "--side=126 is not a multiple"
    ):
      degraded.make(self.sources, str(self.folder / "5"), side=126)

  def test_program(self):
    output = self.folder / "sets"
    run = functools.partial(
      subprocess.run,
      cwd=paths.REPOSITORY,
      capture_output=True,
      text=True,
      check=False,
    )
    program = [sys.executable, "-m", "benchmarks.held_out"]
    result = run([*program, *self.sources, f"--output={output}"])
    self.assertEqual(result.returncode, 0, result.stderr)
    self.assertIn("strong, 3 images each", result.stdout)
    self.assertEqual(images.size(output / "light/HR/a-x.png"), (148, 200))
    for arguments, sentence in (
      ([], "error: no photos are named"),
      (self.sources, "error: "),
    ):
      result = run([*program, *arguments, f"--output={output}"])
      self.assertEqual(result.returncode, 1)
      self.assertStartsWith(result.stderr, sentence)
      self.assertLen(result.stderr.splitlines(), 1)


if __name__ == "__main__":
  absltest.main()
