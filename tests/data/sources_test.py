"""Folders of images, good and bad, as sources of training data."""

import concurrent.futures
import contextlib
import io
import os
import pickle
import shutil
import subprocess
import sys
import textwrap
from unittest import mock

import numpy as np
from absl.testing import absltest, parameterized
from PIL import Image

from srfeat_jax import errors
from srfeat_jax.data import skipped_files, sources, synthetic
from srfeat_jax.image_io import images
from tests.support import image_files, paths


def noise(height: int = 12, width: int = 16, seed: int = 0) -> np.ndarray:
  rng = np.random.default_rng(seed)
  return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def png(*size: int, seed: int = 0) -> bytes:
  return image_files.encode(noise(*size, seed=seed), "PNG")


def cut_short() -> bytes:
  """A PNG with a valid header and damaged pixels."""
  whole = png(64, 64)
  return whole[: len(whole) // 2]


class SourceTestCase(image_files.FolderTestCase):
  def folder_source(self, min_size: int = 8) -> sources.Folder:
    """The source of the test's folder; its log is discarded."""
    with mock.patch.object(skipped_files.logging, "warning"):
      return sources.Folder(str(self.folder), min_size)

  def logged(self, log, *names: str) -> list[int]:
    """The number of lines of the log that name each file."""
    return [sum(name in line for line in log.output) for name in names]


class ScanTest(SourceTestCase):
  def test_bad_files_are_named_once_and_skipped(self):
    self.file("a.png", png())
    self.file("b.png")
    self.file("c.jpg", b"a letter, not an image")
    self.file("d.png", png(7, 16))
    self.file("e.png", png(16, 7))
    self.file("f.png", png()[:20])
    self.file("g.txt", b"not the extension of an image")
    self.file("sub/h.png", png(8, 8))
    with self.assertLogs("absl", "WARNING") as log:
      source = sources.Folder(str(self.folder), min_size=8)
    self.assertLen(source, 2)
    self.assertEqual(source[0].shape, (12, 16, 3))
    self.assertEqual(source[1].shape, (8, 8, 3))
    bad = ["b.png", "c.jpg", "d.png", "e.png", "f.png"]
    self.assertEqual(self.logged(log, *bad), [1] * 5)
    self.assertEqual(self.logged(log, "a.png", "g.txt", "h.png"), [0] * 3)
    self.assertIn("d.png is 16x7", "\n".join(log.output))
    self.assertEqual(
      self.logged(log, "3 files cannot be read", "2 files smaller than a crop"),
      [1, 1],
    )

  def test_many_bad_files_are_counted(self):
    self.file("good.png", png())
    for i in range(30):
      self.file(f"bad{i:02d}.png")
    with self.assertLogs("absl", "WARNING") as log:
      sources.Folder(str(self.folder), min_size=8)
    self.assertLen(log.output, 21)
    self.assertRegex(log.output[-1], "30 files cannot .* first 20 are named")

  def test_unusual_images_are_converted(self):
    kinds = {
      name: image_files.KINDS[name][0]
      for name in ("gray", "palette", "jpeg_cmyk", "rgb_16_bits", "one_bit")
    }
    kinds["png_16_bits"] = image_files.encode(image_files.DEEP, "PNG")
    for name, data in sorted(kinds.items()):
      self.file(f"{name}.png", data)
    with self.assertNoLogs("absl", "WARNING"):
      source = sources.Folder(str(self.folder), min_size=1)
    for i, name in enumerate(sorted(kinds)):
      with self.subTest(name):
        self.assertEqual(source[i].dtype, np.uint8)
        self.assertEqual(source[i].shape[2:], (3,))
        expected = images.read_rgb(self.folder / f"{name}.png")
        np.testing.assert_array_equal(source[i], expected)

  def test_size_is_that_after_turning(self):
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    Image.fromarray(noise(8, 20)).save(buffer, "PNG", exif=exif)
    self.file("a.png", buffer.getvalue())
    source = self.folder_source(min_size=8)
    self.assertEqual(source[0].shape, (20, 8, 3))

  def test_mean_bytes(self):
    self.file("a.png", png(10, 10))
    self.file("b.png", png(10, 30))
    self.assertEqual(self.folder_source().mean_bytes, 3 * 200)

  def test_nothing_usable(self):
    self.file("a.png", png(7, 7))
    self.file("b.png")
    with self.assertRaisesRegex(
      errors.InputError, "no usable image: 1 of 2 .* 1 are smaller .*crop"
    ):
      self.folder_source()

  def test_empty_folder(self):
    with self.assertRaisesRegex(errors.InputError, str(self.folder)):
      self.folder_source()

  def test_missing_folder(self):
    with self.assertRaisesRegex(errors.InputError, "nowhere"):
      sources.Folder(str(self.folder / "nowhere"), 8)


class DamagedTest(SourceTestCase):
  """Files with a valid header whose damage shows when they are decoded."""

  def setUp(self):
    super().setUp()
    self.file("a.png", png(seed=1))
    self.file("b.png", cut_short())
    self.file("c.png", cut_short())
    self.file("d.png", png(seed=4))
    self.source = self.folder_source()

  def test_next_good_image_is_returned(self):
    self.assertLen(self.source, 4)
    with self.assertLogs("absl", "WARNING") as log:
      received = [self.source[i] for i in range(4)]
    for i, seed in enumerate((1, 4, 4, 4)):
      np.testing.assert_array_equal(received[i], noise(seed=seed))
    self.assertEqual(self.logged(log, "b.png", "c.png"), [1, 1])
    with self.assertNoLogs("absl", "WARNING"):
      np.testing.assert_array_equal(self.source[1], received[1])

  def test_next_good_image_after_the_last_is_the_first(self):
    self.file("d.png", cut_short())
    with self.assertLogs("absl", "WARNING"):
      np.testing.assert_array_equal(self.source[3], noise(seed=1))

  def test_file_removed_while_training(self):
    (self.folder / "a.png").unlink()
    with self.assertLogs("absl", "WARNING") as log:
      np.testing.assert_array_equal(self.source[0], noise(seed=4))
    self.assertEqual(self.logged(log, "a.png"), [1])

  def test_folder_lost_while_training(self):
    shutil.rmtree(self.folder)
    with (
      self.assertNoLogs("absl", "WARNING"),  # of each file
      self.assertRaisesRegex(
        errors.InputError, f"{self.folder} with training images has gone"
      ),
    ):
      self.source[2]
    self.folder.mkdir()  # for the end of the test

  def test_all_damaged(self):
    for name in ("a.png", "d.png"):
      self.file(name, cut_short())
    with (
      self.assertLogs("absl", "WARNING") as log,
      self.assertRaisesRegex(errors.InputError, "none of the 4 .*data.train"),
    ):
      self.source[2]
    self.assertEqual(
      self.logged(log, *(f"{name}.png" for name in "abcd")), [1] * 4
    )

  def test_threads_name_a_file_once(self):
    with (
      self.assertLogs("absl", "WARNING") as log,
      concurrent.futures.ThreadPoolExecutor(8) as pool,
    ):
      list(pool.map(self.source.__getitem__, [1, 2] * 20))
    self.assertEqual(self.logged(log, "b.png", "c.png"), [1, 1])

  def test_copies_name_a_file_once(self):
    copies = [pickle.loads(pickle.dumps(self.source)) for _ in range(2)]
    with self.assertLogs("absl", "WARNING") as log:
      received = [copy[1] for copy in copies]
    np.testing.assert_array_equal(*received)
    self.assertEqual(self.logged(log, "b.png"), [1])

  def test_goes_on_when_temporary_files_are_cleaned_up(self):
    shutil.rmtree(self.source._skipped._folder)
    with self.assertLogs("absl", "WARNING") as log:
      np.testing.assert_array_equal(self.source[1], noise(seed=4))
    self.assertEqual(self.logged(log, "b.png", "c.png"), [1, 1])

  def test_worker_processes_name_a_file_once(self):
    program = self.file(
      "program.py",
      textwrap.dedent("""
        import sys
        from absl import app
        from srfeat_jax.data import pipeline, sources

        def main(argv):
          parts, weights = sources.create(argv[1], 8, 1e6)
          batches = pipeline.create(
            parts, weights, crop_size=8, crop="random", augment=True,
            batch_size=4, seed=0, num_workers=2)
          print(sum(next(batches).shape[0] for _ in range(8)))
          batches.close()

        if __name__ == "__main__":
          app.run(main)
      """).encode(),
    )
    result = subprocess.run(
      [sys.executable, program, self.folder],
      env=os.environ | {"PYTHONPATH": str(paths.REPOSITORY)},
      capture_output=True,
      text=True,
      check=False,
    )
    self.assertEqual(result.stdout, "32\n", result.stderr)
    for name in ("b.png", "c.png"):
      self.assertEqual(result.stderr.count(name), 1, result.stderr)


class CachedTest(SourceTestCase):
  def setUp(self):
    super().setUp()
    self.inner = mock.MagicMock()
    self.inner.__len__.return_value = 5
    self.inner.__getitem__.side_effect = lambda i: np.full((2, 2, 3), i)

  def test_keeps_the_most_recently_used(self):
    cached = sources.Cached(self.inner, 2)
    self.assertLen(cached, 5)
    for i in (0, 0, 1, 0, 1):
      self.assertEqual(cached[i].max(), i)
    self.assertEqual(self.inner.__getitem__.call_count, 2)
    for i in (2, 1, 2, 0):
      self.assertEqual(cached[i].max(), i)
    self.assertEqual(self.inner.__getitem__.call_count, 4)

  def test_room_for_none(self):
    cached = sources.Cached(self.inner, 0)
    self.assertEqual([cached[3].max(), cached[3].max()], [3, 3])
    self.assertEqual(self.inner.__getitem__.call_count, 2)

  def test_crops_without_the_rest_of_the_image(self):
    kinds = {name: data for name, (data, _) in image_files.KINDS.items()}
    for name, data in (kinds | image_files.FUZZED).items():
      self.file(f"{name}.png", data)
    folder = self.folder_source(min_size=1)
    cached = sources.Cached(folder, 0)
    kept_whole = set()
    for i, path in enumerate(images.find(self.folder)):
      expected, found = folder[i], cached[i]
      with self.subTest(path.stem):
        self.assertEqual(found.shape, expected.shape)
        height, width, _ = found.shape
        for cut in np.s_[height // 2 :, : (width + 1) // 2], np.s_[:1, -1:]:
          np.testing.assert_array_equal(found[cut], expected[cut])
      if isinstance(found, np.ndarray):
        kept_whole.add(path.stem)
    # Upright photos in color are not made an array.
    self.assertContainsSubset(
      {"gray", "rgb_one_transparent", "png"}, kept_whole
    )
    self.assertNoCommonElements({"tiff", "bmp", "webp_lossless"}, kept_whole)

  def test_pickled_without_its_images(self):
    for name in "abc":
      self.file(f"{name}.png", png(64, 64, seed=ord(name)))
    cached = sources.Cached(self.folder_source(), 3)
    expected = [cached[i] for i in range(3)]
    data = pickle.dumps(cached)
    self.assertLess(len(data), expected[0].nbytes)
    copy = pickle.loads(data)
    self.assertLen(copy, 3)
    for i in range(3):
      np.testing.assert_array_equal(copy[i], expected[i])
    self.assertIs(copy[0], copy[0])


class ScenesTest(parameterized.TestCase):
  def test_are_the_synthetic_ones(self):
    source = sources.Scenes(64, length=3)
    self.assertLen(source, 3)
    self.assertEqual(source.mean_bytes, source[0].nbytes)
    np.testing.assert_array_equal(source[2], synthetic.scene(2, 64))


class CreateTest(SourceTestCase):
  def setUp(self):
    super().setUp()
    self.file("one/a.png", png())
    self.file("two/a.png", png())
    self.file("two/b.png", png())

  def create(self, train: str, cache_bytes: float = 1e6):
    return sources.create(train, crop_size=8, cache_bytes=cache_bytes)

  @parameterized.parameters(
    "gs://bucket/a", "gs://bucket/a=2", "hr=gs://bucket/a,lr=gs://bucket/b"
  )
  def test_addresses_are_refused(self, train):
    with self.assertRaisesRegex(
      errors.InputError, "config.data.train=gs://bucket/a is an address: name"
    ):
      self.create(train)

  def test_synthetic(self):
    (source,), weights = self.create("synthetic")
    self.assertEqual(weights, [1.0])
    self.assertLen(source, sources.NUM_SCENES)

  def test_scenes_hold_a_large_crop(self):
    (source,), _ = sources.create("synthetic", 300, 0)
    self.assertEqual(source[0].shape, (300, 300, 3))

  @parameterized.parameters(
    ("{0}/one", [1], [1.0]),
    ("{0}/one,{0}/two", [1, 2], [0.5, 0.5]),
    ("{0}/one=3, {0}/two", [1, 2], [0.75, 0.25]),
    ("{0}/one=.5,{0}/two=1e0", [1, 2], [1 / 3, 2 / 3]),
    ("{0}/two=7", [2], [1.0]),
    ("synthetic=1,{0}/two=4", [sources.NUM_SCENES, 2], [0.2, 0.8]),
  )
  def test_folders_and_weights(self, train, lengths, weights):
    created, received = self.create(train.format(self.folder))
    self.assertEqual([len(source) for source in created], lengths)
    np.testing.assert_allclose(received, weights)

  def test_equals_sign_in_a_folder(self):
    self.file("k=v/three/a.png", png())
    (source,), _ = self.create(f"{self.folder}/k=v/three=2")
    self.assertLen(source, 1)
    (source,), _ = self.create(f"{self.folder}/k=v/three")
    self.assertLen(source, 1)

  @parameterized.parameters(
    "", "one,", "one=0", "one=-1", "one=nan", "one=inf", "one=x", "one=", "=2"
  )
  def test_not_understood(self, train):
    with (
      contextlib.chdir(self.folder),
      self.assertRaisesRegex(
        errors.InputError, 'config.data.train has ".*": expected'
      ),
    ):
      self.create(train)

  def test_the_cache_is_shared_out(self):
    nbytes = noise().nbytes
    for budget, cached in ((nbytes * 4, True), (nbytes * 1, False)):
      created, _ = self.create(f"{self.folder}/one,{self.folder}/two", budget)
      for source in created:
        self.assertEqual(source[0] is source[0], cached)


if __name__ == "__main__":
  absltest.main()
