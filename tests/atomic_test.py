"""Files are written atomically, by all writers."""

import concurrent.futures

from absl.testing import absltest

from srfeat_jax import atomic, errors
from srfeat_jax.evaluation import report
from srfeat_jax.training import writers
from tests.support import disk, image_files


class FilesTest(image_files.FolderTestCase):
  def refused(self, name: str, reason: str):
    """A context in which the named file cannot be written, for that reason."""
    return self.assertRaisesRegex(
      errors.InputError, f"{self.folder}/{name} cannot be .*{reason}"
    )

  def test_writes_replaces_and_leaves_nothing_else(self):
    path = self.folder / "new/deep/x"
    for data in (b"old", b"", memoryview(b"new")):
      atomic.replace(path, data)
      self.assertEqual(path.read_bytes(), data)
    self.assertEqual(list(path.parent.iterdir()), [path])

  def test_rights_are_those_of_any_new_file(self):
    atomic.replace(self.folder / "x", b"")
    mode = self.file("other").stat().st_mode
    self.assertEqual((self.folder / "x").stat().st_mode, mode)

  def test_many_threads_one_file(self):
    path = self.folder / "x"
    contents = [bytes([i]) * 50_000 for i in range(20)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
      list(pool.map(lambda data: atomic.replace(path, data), contents))
    self.assertIn(path.read_bytes(), contents)
    self.assertEqual(list(self.folder.iterdir()), [path])

  def test_disk_full_keeps_the_old_file(self):
    path = self.file("x", b"old")
    with disk.full(1000), self.refused("x", "File too large"):
      atomic.replace(path, bytes(100_000))
    self.assertEqual(path.read_bytes(), b"old")
    self.assertEqual(list(self.folder.iterdir()), [path])

  def test_no_right_to_write(self):
    with (
      image_files.without_rights(self.folder),
      self.refused("x", "Permission denied"),
    ):
      atomic.replace(self.folder / "x", b"")

  def test_a_folder_in_its_place(self):
    (self.folder / "x").mkdir()
    with self.refused("x", "directory"):
      atomic.replace(self.folder / "x", b"")
    self.assertLen(list(self.folder.iterdir()), 1)

  def test_a_full_disk_names_the_results(self):
    results = {
      "weights": "bicubic",
      "protocol": {"name": "n", "description": "d", "scale": 4},
      "sets": {"S": {"psnr_y": 30.0, "images": {"a": {"psnr_y": 30.0}}}},
    }
    with disk.full(10), self.refused("results.json", "File too large"):
      report.write(results, self.folder)
    self.assertEmpty(list(self.folder.iterdir()))

  def test_a_full_disk_names_the_metrics(self):
    path = self.file("metrics.jsonl", b'{"step": 1, "x": 0.25}\n')
    with disk.full(10), self.refused("metrics.jsonl", "File too large"):
      writers.JsonlWriter(path, first_step=1)
    self.assertEqual(path.read_bytes(), b'{"step": 1, "x": 0.25}\n')
    self.assertEqual(list(self.folder.iterdir()), [path])


if __name__ == "__main__":
  absltest.main()
