"""Files and folders are written atomically, by all writers."""

import concurrent.futures

from absl.testing import absltest, parameterized

from srfeat_jax import atomic, errors
from srfeat_jax.evaluation import report
from srfeat_jax.training import writers
from tests.support import disk, image_files


class FilesTest(image_files.FolderTestCase, parameterized.TestCase):
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

  def test_a_new_folder_is_whole_or_not_there(self):
    path = self.folder / "new/deep/study"
    with atomic.new_folder(path) as folder:
      atomic.replace(folder / "page/x", b"1")
      self.assertFalse(path.exists())
    self.assertEqual((path / "page/x").read_bytes(), b"1")
    self.assertEqual(list(path.parent.iterdir()), [path])

  @parameterized.parameters(KeyboardInterrupt, ValueError)
  def test_of_a_folder_that_was_not_finished_nothing_is_left(self, kind):
    self.file("other")
    empty = self.folder / "empty"
    empty.mkdir()
    for name in ("new/deep/study", "study", "empty"):
      with (
        self.assertRaises(kind),
        atomic.new_folder(self.folder / name) as folder,
      ):
        atomic.replace(folder / "page/x", b"1")
        raise kind
      left = {path.name for path in self.folder.rglob("*")}
      self.assertEqual(left, {"other", "empty"})

  def test_an_empty_folder_is_filled(self):
    (self.folder / "mount").mkdir()
    (self.folder / "link").symlink_to("mount")
    with atomic.new_folder(self.folder / "link") as folder:
      atomic.replace(folder / "page/x", b"1")
      atomic.replace(folder / "key", b"2")
    found = {str(p.relative_to(self.folder)) for p in self.folder.rglob("*")}
    self.assertEqual(
      found, {"mount", "link", "mount/page", "mount/page/x", "mount/key"}
    )

  def test_what_another_has_put_into_an_empty_folder_stays(self):
    study = self.folder / "study"
    study.mkdir()
    theirs = {"page/x": b"theirs", "a": b"theirs", "z": b"theirs"}
    with (
      self.refused("study", "Directory not empty"),
      atomic.new_folder(study) as folder,
    ):
      for name, data in theirs.items():
        atomic.replace(folder / name, b"ours")
        atomic.replace(study / name, data)
    files = [path for path in self.folder.rglob("*") if path.is_file()]
    found = {str(path.relative_to(study)): path.read_bytes() for path in files}
    self.assertEqual(found, theirs)

  def test_a_new_folder_that_cannot_be_names_the_one_asked_for(self):
    self.file("file")
    study = self.folder / "study"
    for path, why in (
      (self.folder / "file/study", "file/study cannot be made: Not a dir"),
      (self.folder / "file", "file cannot be made: Not a directory"),
    ):
      with (
        self.assertRaisesRegex(errors.InputError, why),
        atomic.new_folder(path),
      ):
        pass
    with (
      disk.full(10),
      self.refused("study/x", "File too large"),
      atomic.new_folder(study) as folder,
    ):
      atomic.replace(folder / "x", bytes(100))
    self.assertEqual([p.name for p in self.folder.iterdir()], ["file"])

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
