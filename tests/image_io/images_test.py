"""Tests of how srfeat_jax.image_io.images finds and writes images."""

import concurrent.futures
import resource

import numpy as np
from absl.testing import absltest, parameterized
from PIL import Image

from srfeat_jax import errors
from srfeat_jax.image_io import images
from tests.support import image_files


class FindTest(image_files.FolderTestCase):
  def test_lists_the_tree_in_order_without_hidden_and_other_files(self):
    names = ["B.PNG", "a/zz.jpeg", "a/c/d.TIFF", "a.webp", "a-b.bmp", "z.tif"]
    others = [".x.png", ".git/x.png", "a/.cache/x.png", "notes.txt", "png"]
    for name in names + others:
      self.file(name)
    found = [
      path.relative_to(self.folder).as_posix()
      for path in images.find(str(self.folder))
    ]
    self.assertEqual(found, sorted(names))

  def test_follows_a_link_once(self):
    self.file("a/x.png")
    (self.folder / "a" / "up").symlink_to(self.folder)
    (self.folder / "b").symlink_to(self.folder / "a")
    outside = self.file("outside/x.png").parent
    (self.folder / "a" / "out").symlink_to(outside)
    top = self.folder / "a"
    self.assertEqual(images.find(top), [top / "out/x.png", top / "x.png"])
    self.assertLen(images.find(self.folder), 2)

  def test_missing_folder(self):
    with self.assertRaisesRegex(errors.InputError, "nowhere.* No such"):
      images.find(self.folder / "nowhere")

  def test_file_for_a_folder(self):
    with self.assertRaisesRegex(errors.InputError, r"x\.png .*Not a directory"):
      images.find(self.file("x.png"))

  def test_empty_folder(self):
    self.file("notes.txt")
    with self.assertRaisesRegex(errors.InputError, rf"{self.folder}.*\.webp"):
      images.find(self.folder)

  def test_unreadable_folder_below_is_not_passed_over(self):
    self.file("a/x.png")
    secret = self.file("b/x.png").parent
    secret.chmod(0)
    with (
      image_files.without_rights(self.folder / "a"),
      self.assertRaisesRegex(errors.InputError, "b cannot be read: Permission"),
    ):
      images.find(self.folder)


class WriteTest(image_files.FolderTestCase):
  @parameterized.product(
    extension=[".png", ".bmp", ".tif", ".TIFF", ".webp"], gray=[False, True]
  )
  def test_lossless(self, extension, gray):
    image = image_files.RGB[..., 0] if gray else image_files.RGB
    path = self.folder / "new" / "folder" / f"x{extension}"
    images.write(path, image)
    if gray and extension == ".webp":
      image = np.stack([image] * 3, axis=-1)
    np.testing.assert_array_equal(images.read(path), image)

  @parameterized.parameters(".jpg", ".JPEG")
  def test_jpeg_keeps_color_resolution(self, extension):
    path = self.folder / f"x{extension}"
    images.write(path, image_files.RGB)
    with Image.open(path) as image:
      self.assertEqual(image.format, "JPEG")
      self.assertEqual([layer[1:3] for layer in image.layer], [(1, 1)] * 3)
      # The first luminance step of the standard's table, 16, at quality 95.
      self.assertEqual(image.quantization[0][0], 2)
    error = images.read(path).astype(int) - image_files.RGB
    self.assertLess(np.abs(error).mean(), 4)

  def test_replaces_and_leaves_nothing_else(self):
    path = self.file("x.png", b"old")
    images.write(str(path), image_files.RGB)
    np.testing.assert_array_equal(images.read(path), image_files.RGB)
    self.assertEqual(list(self.folder.iterdir()), [path])

  def test_rights_are_those_of_any_new_file(self):
    images.write(self.folder / "x.png", image_files.RGB)
    other = self.file("other")
    self.assertEqual(
      (self.folder / "x.png").stat().st_mode, other.stat().st_mode
    )

  def test_many_threads_one_file(self):
    path = self.folder / "x.png"
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
      list(pool.map(lambda _: images.write(path, image_files.RGB), range(40)))
    np.testing.assert_array_equal(images.read(path), image_files.RGB)
    self.assertEqual(list(self.folder.iterdir()), [path])

  @parameterized.parameters(
    *(("x.gif", True), ("x.HEIC", True), ("x.avif", True)),
    *(("x.PNG", False), ("x", False), ("run.v2", False), ("gif", False)),
  )
  def test_foreign_extension(self, name, expected):
    self.assertEqual(images.has_foreign_extension(name), expected)

  @parameterized.parameters("x.gif", "x", "x.png.txt")
  def test_unknown_extension(self, name):
    with self.assertRaisesRegex(errors.InputError, rf"{name} .*\.png.*\.tiff"):
      images.write(self.folder / name, image_files.RGB)

  @parameterized.parameters(("x.webp", 16384), ("x.jpg", 65501))
  def test_too_large_for_the_format(self, name, side):
    with self.assertRaisesRegex(errors.InputError, f"{name} .*{side} x 1"):
      images.write(self.folder / name, np.zeros((1, side), np.uint8))
    images.write(self.folder / name, np.zeros((1, side - 1), np.uint8))

  @parameterized.parameters(
    ((4, 4, 4), np.uint8),
    ((4, 4, 3), np.float32),
    ((4,), np.uint8),
    ((0, 4), np.uint8),
  )
  def test_not_an_image(self, shape, dtype):
    with self.assertRaisesRegex(ValueError, "uint8"):
      images.write(self.folder / "x.png", np.zeros(shape, dtype))

  def test_no_right_to_write(self):
    with (
      image_files.without_rights(self.folder),
      self.assertRaisesRegex(errors.InputError, r"x\.png .*Permission"),
    ):
      images.write(self.folder / "x.png", image_files.RGB)
    self.assertEmpty(list(self.folder.iterdir()))

  def test_folder_is_a_file(self):
    path = self.file("notes.txt") / "x.png"
    with self.assertRaisesRegex(
      errors.InputError, r"x\.png .*notes\.txt: File exists"
    ):
      images.write(path, image_files.RGB)

  def test_target_is_a_folder(self):
    (self.folder / "x.png").mkdir()
    with self.assertRaisesRegex(errors.InputError, r"x\.png .*directory"):
      images.write(self.folder / "x.png", image_files.RGB)
    self.assertLen(list(self.folder.iterdir()), 1)

  def test_disk_full_keeps_the_old_file(self):
    path = self.file("x.bmp", b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, hard))
    try:
      with self.assertRaisesRegex(errors.InputError, r"x\.bmp .*too large"):
        images.write(path, image_files.RGB)
    finally:
      resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    self.assertEqual(path.read_bytes(), b"old")
    self.assertEqual(list(self.folder.iterdir()), [path])


if __name__ == "__main__":
  absltest.main()
