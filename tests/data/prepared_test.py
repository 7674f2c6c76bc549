"""Prepared sets as sources of training images."""

import json
import pickle

import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.data import manifest, pairs, prepared, sources
from srfeat_jax.image_io import images
from srfeat_jax.preparation import planning, recipes, sets
from tests.support import image_files


class PreparedTest(image_files.FolderTestCase):
  def setUp(self):
    super().setUp()
    rng = np.random.default_rng(0)
    self.sizes = [(20, 30), (40, 12), (25, 25), (50, 60)]
    self.images = [
      rng.integers(0, 256, (*size, 3), np.uint8) for size in self.sizes
    ]
    for i, image in enumerate(self.images):
      images.write(self.folder / "photos" / f"{i}.png", image)
    self.set = self.folder / "set"

  def prepare(self, **options):
    sets.prepare(
      planning.Request(
        folders=[str(self.folder / "photos")],
        output=str(self.set),
        preset="folder",
        recipe=recipes.Whole(1),
        processes=1,
        shard_bytes=8000,
        **options,
      )
    )

  def test_the_images_in_the_order_of_the_folder(self):
    for encoding in ("raw", "png"):
      with self.subTest(encoding):
        self.set = self.folder / encoding
        self.prepare(encoding=encoding)
        source = prepared.Prepared(self.set, 10)
        self.assertLen(source, 4)
        for copy in (source, pickle.loads(pickle.dumps(source))):
          for i, expected in enumerate(self.images):
            np.testing.assert_array_equal(copy[i], expected)
        self.assertEqual(source.record(1).about, {"file": "1.png"})
        self.assertIsNone(source.record(1).lr)

  def test_same_as_the_folder_for_any_crop(self):
    self.prepare()
    for size in (10, 13, 21, 30):
      source = prepared.Prepared(self.set, size)
      folder = sources.Folder(str(self.folder / "photos"), size)
      self.assertLen(source, len(folder))
      self.assertEqual(source.sizes, folder.sizes)
      for i in range(len(folder)):
        np.testing.assert_array_equal(source[i], folder[i])

  def test_small_images_are_counted(self):
    self.prepare()
    with self.assertLogs("absl", "WARNING") as log:
      prepared.Prepared(self.set, 13)
    self.assertIn("1 of 4 images are left out", log.output[0])
    with self.assertRaisesRegex(errors.InputError, "no image of 51x51 or more"):
      prepared.Prepared(self.set, 51)

  def test_by_the_config_with_other_sources(self):
    self.prepare()
    created, weights = sources.create(
      f"{self.set}=3,{self.folder / 'photos'}", 10, 1e6
    )
    self.assertEqual(weights, [0.75, 0.25])
    self.assertEqual([len(source) for source in created], [4, 4])
    np.testing.assert_array_equal(created[0][2], created[1][2])

  def test_identity_is_that_of_the_content(self):
    self.prepare()
    first = prepared.Prepared(self.set, 10).identity
    self.set = self.folder / "again"
    self.prepare()
    self.assertEqual(prepared.Prepared(self.set, 10).identity, first)
    images.write(self.folder / "photos" / "0.png", self.images[0][::-1])
    self.set = self.folder / "other"
    self.prepare()
    self.assertNotEqual(prepared.Prepared(self.set, 10).identity, first)

  def test_damage_is_noticed_when_it_is_read(self):
    self.prepare()
    (first, *_) = sorted(self.set.glob("*.array_record"))
    data = bytearray(first.read_bytes())
    data[1000] ^= 1
    first.write_bytes(data)
    source = prepared.Prepared(self.set, 10)
    with self.assertRaisesRegex(errors.InputError, f"{first.name} is damaged"):
      source[0]


class PairsTest(image_files.FolderTestCase):
  """Sets of HR images with LR images, and perhaps a teacher's output."""

  def setUp(self):
    super().setUp()
    rng = np.random.default_rng(0)
    for i, (hr, lr) in enumerate(
      # As cropped images have it, as MATLAB has it, and of another scale.
      [((37, 46), (12, 15)), ((37, 46), (13, 16)), ((36, 45), (9, 11))]
    ):
      upscaled = 3 * lr[0], 3 * lr[1]
      for name, size in (
        (f"hr/{i}.png", hr),
        (f"lr/{i}x3.png", lr),
        (f"teacher/{i}x3.png", upscaled),
      ):
        image = rng.integers(0, 256, (*size, 3), np.uint8)
        images.write(self.folder / name, image)
    images.write(self.folder / "hr/alone.png", image)
    self.hr, self.lr, self.teacher = (
      str(self.folder / name) for name in ("hr", "lr", "teacher")
    )
    self.set = self.folder / "set"

  def prepare(self, *teacher_folders: str) -> manifest.Manifest:
    with self.assertLogs("absl", "WARNING"):
      return sets.prepare(
        planning.Request(
          folders=[self.hr],
          output=str(self.set),
          preset="folder",
          recipe=recipes.Whole(1),
          processes=1,
          lr_folders=[self.lr],
          lr_scale=3,
          teacher_folders=teacher_folders,
        )
      )

  @parameterized.parameters(False, True)
  def test_as_the_folders_are(self, taught):
    teachers = [self.teacher] if taught else []
    made = self.prepare(*teachers)
    self.assertEqual(made.counts["records"], 2)
    self.assertEqual((made.lr_scale, made.min_size), (3, 36))
    self.assertEqual(made.has_teacher, taught)
    self.assertEqual(f"teacher={self.teacher}" in made.folders[0], taught)
    skipped = [
      entry["skipped"]
      for entry in manifest.read_files(self.set, made)
      if "skipped" in entry
    ]
    self.assertRegex(skipped[0], "not of scale 3: HR is 45x36 and LR 11x9")
    others = f"lr or {self.teacher}" if taught else "lr"
    self.assertRegex(skipped[1], f"has no partner in .*{others}$")
    with self.assertLogs("absl", "WARNING"):
      expected = pairs.Folders(self.hr, self.lr, 3, 36, *teachers)
    (source,), _ = sources.create(str(self.set), 36, 0, 3)
    self.assertEqual((len(source), source.pair_scale), (2, 3))
    self.assertEqual(source.has_teacher, taught)
    self.assertEqual(source.mean_bytes, 3 * ((1 + taught) * 36 * 45 + 12 * 15))
    self.assertEqual(source.source.sizes, expected.sizes)
    for i in range(2):
      self.assertEqual(source[i].teacher is not None, taught)
      for ours, theirs in zip(source[i], expected[i], strict=True):
        np.testing.assert_array_equal(ours, theirs)

  def test_manifest_of_an_earlier_version(self):
    self.prepare()
    path = self.set / "manifest.json"
    content = json.loads(path.read_bytes())
    del content["has_teacher"]
    path.write_text(json.dumps(content))
    self.assertFalse(prepared.Prepared(self.set, 36).has_teacher)

  def test_a_teacher_s_output_of_another_size_is_left_out(self):
    images.write(f"{self.teacher}/0x3.png", np.zeros((36, 44, 3), np.uint8))
    made = self.prepare(self.teacher)
    self.assertEqual(made.counts["records"], 1)
    first = manifest.read_files(self.set, made)[0]
    self.assertRegex(first["skipped"], "scale 3: the teacher's output is 44x36")

  def test_another_scale(self):
    self.prepare()
    with self.assertRaisesRegex(
      errors.InputError, "set holds pairs of scale 3, and config.gen.* is 4"
    ):
      sources.create(str(self.set), 36, 0, 4)


if __name__ == "__main__":
  absltest.main()
