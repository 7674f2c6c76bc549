"""The manifest of a prepared set, and what is wrong with one."""

import json

from absl.testing import absltest

from srfeat_jax import errors
from srfeat_jax.data import manifest
from tests.support import image_files


class ManifestTest(image_files.FolderTestCase):
  def setUp(self):
    super().setUp()
    self.file("a.array_record", b"12345")
    self.made = manifest.Manifest(
      preset="coco",
      parameters={"size": 296},
      folders=["photos"],
      counts={"files": 2, "records": 3},
      min_size=296,
      mean_bytes=3.5,
      lr_scale=None,
      shards=[manifest.Shard("a.array_record", 3, 5, "0")],
      files_sha256="",
    )
    self.lines = ['{"file": "a.png"}', '{"file": "b.png"}']
    manifest.write(self.folder, self.made, self.lines)

  def refused(self, *parts: str):
    with self.assertRaises(errors.InputError) as caught:
      manifest.read(self.folder)
    for part in parts:
      self.assertIn(part, str(caught.exception))

  def change(self, **fields):
    path = self.folder / manifest.FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))

  def test_read_as_written(self):
    received = manifest.read(self.folder)
    self.assertEqual(received.shards, self.made.shards)
    self.assertEqual(received.parameters, {"size": 296})
    self.assertEqual(received.records, 3)
    self.assertEqual(
      manifest.read_files(self.folder, received),
      [{"file": "a.png"}, {"file": "b.png"}],
    )

  def test_what_a_set_is(self):
    self.assertTrue(manifest.is_set(self.folder))
    (self.folder / manifest.FILE).unlink()
    self.assertTrue(manifest.is_set(self.folder))
    self.refused("without manifest.json", "same command")
    (self.folder / "a.array_record").unlink()
    self.assertFalse(manifest.is_set(self.folder))
    self.assertFalse(manifest.is_set(self.folder / "nowhere"))
    (self.folder / manifest.PROGRESS).mkdir()
    self.assertTrue(manifest.is_set(self.folder))

  def test_another_version(self):
    self.change(version=2)
    self.refused("version 2", "reads version 1: delete the folder")

  def test_damaged(self):
    self.change(format="something")
    self.refused("manifest.json is not the manifest")
    self.change(format="srfeat_jax prepared set", shards=[{"name": "a"}])
    self.refused("manifest.json is not the manifest")
    self.file(manifest.FILE, b"{")
    self.refused("manifest.json is not the manifest")

  def test_missing_shard(self):
    (self.folder / "a.array_record").unlink()
    self.refused("a.array_record", "No such file", "copy it again")

  def test_truncated_shard(self):
    self.file("a.array_record", b"1234")
    self.refused("a.array_record has 4 bytes", "manifest says 5")

  def test_damaged_list_of_files(self):
    received = manifest.read(self.folder)
    self.file(manifest.FILES, b"{}\n")
    with self.assertRaisesRegex(errors.InputError, "files.jsonl is not what"):
      manifest.read_files(self.folder, received)
    (self.folder / manifest.FILES).unlink()
    with self.assertRaisesRegex(errors.InputError, "files.jsonl cannot be"):
      manifest.read_files(self.folder, received)


if __name__ == "__main__":
  absltest.main()
