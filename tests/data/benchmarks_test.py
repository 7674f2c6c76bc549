"""Tests of srfeat_jax.data.benchmarks."""

import dataclasses
import pathlib
import unittest

import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax import errors, places
from srfeat_jax.data import benchmarks, synthetic
from srfeat_jax.image_io import images
from tests.support import image_files, object_store, paths


def _image(*shape: int) -> np.ndarray:
  return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


class LoadTest(image_files.FolderTestCase):
  def write(self, name: str, *shape: int) -> np.ndarray:
    image = _image(*shape)
    images.write(self.folder / name, image)
    return image

  def load_one(self, scale: int = 4) -> tuple[benchmarks.BenchmarkImage, ...]:
    (found,) = benchmarks.load(self.folder, scale=scale)
    return found.images

  def test_every_folder_with_hr_by_name(self):
    for name in ("B", "A", ".hidden"):
      self.write(f"{name}/HR/x.png", 8, 8, 3)
    self.write("C/LRx4/x.png", 2, 2, 3)
    self.file("README")
    found = benchmarks.load(str(self.folder))
    self.assertEqual([one.name for one in found], ["A", "B"])

  def test_sets_in_the_order_asked_for(self):
    for name in "ABC":
      self.write(f"{name}/HR/{name}.png", 8, 8, 3)
    found = benchmarks.load(self.folder, ["C", "A"])
    self.assertEqual([one.name for one in found], ["C", "A"])
    self.assertEqual(found[0].images[0].hr_path.name, "C.png")

  @parameterized.parameters((4, (8, 12)), (3, (9, 12)), (2, (10, 14)))
  def test_hr_is_cropped_at_bottom_and_right(self, scale, shape):
    hr = self.write("A/HR/x.png", 11, 14, 3)
    (image,) = self.load_one(scale)
    np.testing.assert_array_equal(image.hr(), hr[: shape[0], : shape[1]])
    self.assertEqual((image.name, image.scale), ("x", scale))
    self.assertIsNone(image.lr())

  def test_lr_of_the_scale(self):
    self.write("A/HR/x.png", 9, 13, 3)
    lr = {4: self.write("A/LRx4/x.png", 2, 3, 3)}
    lr[2] = self.write("A/LRx2/x.png", 4, 6, 3)
    for scale, expected in lr.items():
      (image,) = self.load_one(scale)
      np.testing.assert_array_equal(image.lr(), expected)
    self.assertIsNone(self.load_one(3)[0].lr())

  def test_hr_decides_whether_lr_is_gray(self):
    self.write("A/HR/both.png", 8, 8)
    both = self.write("A/LRx4/both.png", 2, 2)
    self.write("A/HR/hr.png", 8, 8)
    hr = np.arange(0, 256, 64, dtype=np.uint8).reshape(2, 2)
    images.write(self.folder / "A/LRx4/hr.png", np.stack([hr] * 3, axis=-1))
    self.write("A/HR/lr.png", 8, 8, 3)
    lr = self.write("A/LRx4/lr.png", 2, 2)
    found = self.load_one()
    np.testing.assert_array_equal(found[0].lr(), both)
    np.testing.assert_array_equal(found[1].lr(), hr)
    np.testing.assert_array_equal(found[2].lr(), np.stack([lr] * 3, axis=-1))
    self.assertEqual([image.hr().ndim for image in found], [2, 2, 3])

  def test_pixels_are_read_late(self):
    self.write("A/HR/x.png", 64, 64, 3)
    path = self.folder / "A/HR/x.png"
    path.write_bytes(path.read_bytes()[:100])
    (image,) = self.load_one()
    with self.assertRaisesRegex(errors.InputError, str(path)):
      image.hr()

  def test_images_are_frozen(self):
    self.write("A/HR/x.png", 8, 8, 3)
    with self.assertRaises(dataclasses.FrozenInstanceError):
      self.load_one()[0].name = "y"

  def fails(self, words: str, *args) -> None:
    with self.assertRaisesRegex(errors.InputError, words):
      benchmarks.load(*args or (self.folder,))

  def test_missing_folder(self):
    self.fails("nowhere.*No such file", self.folder / "nowhere")

  def test_file_for_a_folder(self):
    self.fails("notes.*Not a directory", self.file("notes"))

  def test_a_folder_of_hr_images_is_a_set(self):
    for name in ("b.png", "a.JPG", "LRbicx4/a.png", "results/x.png"):
      self.write(f"My set/{name}", 8, 8, 3)
    (one,) = benchmarks.load(self.folder / "My set")
    self.assertEqual(one.name, "My set")
    self.assertEqual([image.name for image in one.images], ["a", "b"])
    self.assertIsNone(one.images[0].lr())

  def test_one_set_by_its_own_folder(self):
    self.write("A/HR/x.png", 8, 8, 3)
    lr = self.write("A/LRx4/x.png", 2, 2, 3)
    for folder in ("A", "A/HR"):
      (one,) = benchmarks.load(self.folder / folder)
      self.assertEqual(one.name, "A")
      np.testing.assert_array_equal(one.images[0].lr(), lr)

  def test_several_folders_of_hr_images(self):
    for name in ("GTmod12", "LRbicx4", "more"):
      self.write(f"{name}/x.png", 8, 8, 3)
    found = benchmarks.load(self.folder)
    self.assertEqual([one.name for one in found], ["GTmod12", "more"])
    # Beside sets with an HR folder they must be named.
    self.write("Set5/HR/x.png", 8, 8, 3)
    self.assertEqual(
      [one.name for one in benchmarks.load(self.folder)], ["Set5"]
    )
    found = benchmarks.load(self.folder, ["more", "Set5"])
    self.assertEqual([one.name for one in found], ["more", "Set5"])

  def test_no_set(self):
    self.write("deep/er/x.png", 8, 8, 3)
    self.fails(f"{self.folder} holds no set.*SET/HR.* or HR images")

  def test_missing_set_lists_those_there_are(self):
    self.write("A/HR/x.png", 8, 8, 3)
    self.write("B/HR/x.png", 8, 8, 3)
    self.fails(
      "no benchmark set Set5 .* expected some of A, B",
      self.folder,
      ["A", "Set5"],
    )

  def test_empty_hr(self):
    self.file("A/HR/notes.txt")
    self.fails("A/HR contains no image")

  def test_names_that_lack_a_partner(self):
    for name in ("a", "b", "both"):
      self.write(f"A/HR/{name}.png", 8, 8, 3)
    for name in ("both", "c", "d"):
      self.write(f"A/LRx4/{name}.png", 2, 2, 3)
    self.fails(r"HR lacks c\.png, d\.png; .*LRx4 lacks a\.png, b\.png$")

  def test_empty_lr(self):
    self.write("A/HR/x.png", 8, 8, 3)
    (self.folder / "A/LRx4").mkdir()
    self.fails("LRx4 contains no image")

  def test_lr_of_another_size(self):
    self.write("A/HR/x.png", 9, 13, 3)
    self.write("A/LRx4/x.png", 3, 2, 3)
    self.fails(r"LRx4/x\.png has 3 x 2 .*expected 2 x 3, .* 9 x 13")

  def test_hr_smaller_than_the_scale(self):
    self.write("A/HR/x.png", 3, 90, 3)
    self.fails(r"HR/x\.png has 3 x 90 .* 4 x 4")

  def test_one_name_twice(self):
    self.write("A/HR/x.png", 8, 8, 3)
    self.write("A/HR/x.bmp", 8, 8, 3)
    self.fails(r"HR/x\.bmp and .*HR/x\.png differ only in their")


class StoreTest(image_files.FolderTestCase):
  def test_sets_by_address(self):
    self.enterContext(object_store.running())
    made = {
      name: _image(*shape)
      for name, shape in (
        ("A/HR/x.png", (8, 12, 3)),
        ("A/LRx4/x.png", (2, 3, 3)),
        ("A/LRx2/x.png", (4, 6, 3)),
        ("B/HR/y.png", (8, 8, 3)),
      )
    }
    for name, image in made.items():
      images.write(self.folder / name, image)
    address = places.path(f"{object_store.ADDRESS}/sets")
    places.upload(self.folder, address)
    for place, sets in (
      (address, ("A",)),
      (address / "A", ()),
      (address / "A" / "HR", ()),
    ):
      (found,) = benchmarks.load(place, sets)
      self.assertEqual(found.name, "A")
      (image,) = found.images
      np.testing.assert_array_equal(image.hr(), made["A/HR/x.png"])
      np.testing.assert_array_equal(image.lr(), made["A/LRx4/x.png"])
    copies = image.hr_path.parents[2]
    self.assertFalse((copies / "A" / "LRx2").exists())
    self.assertFalse((copies / "B").exists())
    with self.assertRaisesRegex(errors.InputError, "nothing cannot be read"):
      benchmarks.load(address / "nothing")


class SyntheticTest(parameterized.TestCase):
  def test_ten_scenes_that_training_does_not_see(self):
    (found,) = benchmarks.load("synthetic")
    self.assertEqual(found.name, "Synthetic")
    self.assertLen({image.name for image in found.images}, 10)
    for index, image in enumerate(found.images):
      self.assertIsNone(image.lr())
      self.assertEqual((image.hr_path, image.scene), (None, index))
    hr = found.images[3].hr()
    scene = synthetic.scene(3, 256, seed=benchmarks.HELD_OUT_SEED)
    np.testing.assert_array_equal(hr, scene)
    self.assertFalse(np.array_equal(hr, synthetic.scene(3)))

  def test_scale(self):
    (found,) = benchmarks.load("synthetic", ["Synthetic"], scale=3)
    self.assertEqual(found.images[0].hr().shape, (255, 255, 3))

  def test_other_sets(self):
    with self.assertRaisesRegex(
      errors.InputError, "Set5 .*expected some of Synthetic"
    ):
      benchmarks.load("synthetic", ["Set5"])


@unittest.skipIf(paths.DATA is None, paths.NO_DATA)
class RealTest(absltest.TestCase):
  def test_published_sets(self):
    found = benchmarks.load(pathlib.Path(paths.DATA, "benchmarks"))
    sizes = {one.name: len(one.images) for one in found}
    self.assertEqual(sizes, {"BSD100": 100, "Set14": 14, "Set5": 5})
    self.assertEqual(found[2].images[0].name, "img_001")
    gray = [image.name for image in found[1].images if image.hr().ndim == 2]
    self.assertEqual(gray, ["img_003"])
    for image in (*found[2].images, found[1].images[2], found[0].images[0]):
      hr, lr = image.hr(), image.lr()
      self.assertEqual(
        hr.shape, (4 * lr.shape[0], 4 * lr.shape[1], *lr.shape[2:])
      )
      # The files belong together: means over 4 x 4 pixels resemble LR.
      height, width = lr.shape[:2]
      means = hr.reshape(height, 4, width, 4, -1).mean((1, 3))
      error = means - lr.reshape(means.shape)
      self.assertLess(np.sqrt(np.square(error).mean()), 8)


if __name__ == "__main__":
  absltest.main()
