"""What is kept of scans, and when it counts no more."""

import os
import pathlib
from unittest import mock

from absl.testing import absltest

from srfeat_jax.data import scan_cache
from tests.support import image_files


class ScanCacheTest(image_files.FolderTestCase):
  def setUp(self):
    super().setUp()
    self.path = self.folder / "deep" / "scan.json"

  def test_kept_for_the_same_file_alone(self):
    cache = scan_cache.ScanCache(self.path)
    cache.put("a.png", 10, 1, [3, "x"])
    cache.save()
    again = scan_cache.ScanCache(self.path)
    self.assertEqual(again.get("a.png", 10, 1), [3, "x"])
    self.assertIsNone(again.get("a.png", 11, 1))
    self.assertIsNone(again.get("a.png", 10, 2))
    self.assertIsNone(again.get("b.png", 10, 1))

  def test_nothing_new_is_not_written(self):
    scan_cache.ScanCache(self.path).save()
    self.assertFalse(self.path.exists())

  def test_damaged_or_of_another_version(self):
    for data in (b"", b"[]", b'{"version": 0, "files": {"a": [1, 1, 1]}}'):
      self.file("deep/scan.json", data)
      self.assertIsNone(scan_cache.ScanCache(self.path).get("a", 1, 1))

  def test_no_place_to_write(self):
    self.file("file")
    cache = scan_cache.ScanCache(self.folder / "file" / "scan.json")
    cache.put("a", 1, 1, 1)
    cache.save()

  def test_kept_for_large_folders_outside_of_them(self):
    home = {"XDG_CACHE_HOME": str(self.folder / "cache")}
    with mock.patch.dict(os.environ, home):
      self.assertIsNone(scan_cache.user_path(self.folder, 10, "headers"))
      path = scan_cache.user_path(self.folder, 10_000, "headers")
      other = scan_cache.user_path(self.folder / "x", 10_000, "headers")
    self.assertIn(self.folder / "cache" / "srfeat_jax", path.parents)
    self.assertNotEqual(path, other)

  def test_no_home(self):
    with mock.patch.object(
      pathlib.Path, "expanduser", side_effect=RuntimeError
    ):
      self.assertIsNone(scan_cache.user_path(self.folder, 10_000, "headers"))


if __name__ == "__main__":
  absltest.main()
