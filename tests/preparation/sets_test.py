"""Whole sets: what they hold, interruptions, and what goes wrong."""

import dataclasses
import os
import pathlib
import shutil
from unittest import mock

import numpy as np
from absl.testing import absltest

from srfeat_jax import errors
from srfeat_jax.data import manifest, prepared
from srfeat_jax.image_io import images
from srfeat_jax.preparation import planning, recipes, sets, shard_task
from tests.support import disk, image_files


def bytes_of(folder: pathlib.Path) -> dict[str, bytes]:
  """All that is in a folder, by name."""
  return {
    path.relative_to(folder).as_posix(): path.read_bytes()
    for path in folder.rglob("*")
    if path.is_file()
  }


class SetsTestCase(image_files.FolderTestCase):
  def setUp(self):
    super().setUp()
    rng = np.random.default_rng(0)
    self.photos = self.folder / "photos"
    for i in range(8):
      shape = (40 + 4 * i, 60, 3)
      images.write(
        self.photos / f"{i}.png", rng.integers(0, 256, shape, np.uint8)
      )
    self.output = self.folder / "set"

  def request(self, **options) -> planning.Request:
    settings = {
      "folders": [str(self.photos)],
      "output": str(self.output),
      "preset": "coco",
      "recipe": recipes.Center(24),
      "processes": 1,
      "shard_bytes": 6500,  # three images
    }
    return planning.Request(**settings | options)

  def prepare(self, **options) -> manifest.Manifest:
    return sets.prepare(self.request(**options))

  def refused(self, sentence: str, **options):
    with self.assertRaisesRegex(errors.InputError, sentence) as caught:
      self.prepare(**options)
    self.assertNotIn("\n", str(caught.exception))


class ContentTest(SetsTestCase):
  def test_counts_and_files(self):
    images.write(self.photos / "small.png", np.zeros((23, 99, 3), np.uint8))
    made = self.prepare()
    self.assertEqual(
      made.counts,
      {"files": 9, "used": 8, "unreadable": 0, "too_small": 1, "records": 8},
    )
    self.assertEqual([shard.records for shard in made.shards], [3, 3, 2])
    self.assertEqual(manifest.read(self.output), made)
    entries = manifest.read_files(self.output, manifest.read(self.output))
    self.assertLen(entries, 9)
    self.assertEqual(entries[0]["height"], 40)
    self.assertEqual(
      entries[8],
      {
        "file": "small.png",
        "skipped": "is 99x23, smaller than 24x24",
        "damaged": False,
      },
    )
    # Nothing is left behind.
    names = sorted(path.name for path in self.output.iterdir())
    self.assertEqual(
      names,
      [f"coco-0000{i}-of-00003.array_record" for i in range(3)]
      + ["files.jsonl", "manifest.json"],
    )

  def test_the_same_with_more_processes(self):
    self.prepare()
    other = self.folder / "other"
    self.prepare(output=str(other), processes=2)
    self.assertEqual(bytes_of(other), bytes_of(self.output))

  def test_several_folders(self):
    other = self.folder / "other"
    images.write(other / "0.png", np.full((30, 30, 3), 7, np.uint8))
    made = self.prepare(folders=[str(self.photos), str(other)])
    self.assertEqual(made.counts["records"], 9)
    source = prepared.Prepared(self.output, 24)
    self.assertEqual(source[8].max(), 7)
    self.assertEqual(source.record(8).about["file"], "1/0.png")

  def test_again_is_nothing_to_do(self):
    made = self.prepare()
    with mock.patch.object(shard_task, "run") as run:
      self.assertEqual(self.prepare(), made)
      # As completed by a shell.
      self.assertEqual(self.prepare(folders=[f"{self.photos}/"]), made)
      run.assert_not_called()


class RepairedTest(SetsTestCase):
  """Complete sets, of which shards were lost or damaged since."""

  def setUp(self):
    super().setUp()
    self.made = self.prepare()
    self.whole = bytes_of(self.output)
    first, second, self.last = sorted(self.output.glob("*.array_record"))
    data = bytearray(first.read_bytes())
    data[1000] ^= 1
    first.write_bytes(data)
    second.unlink()

  def test_only_what_is_damaged_is_made_again(self):
    before = self.last.stat().st_mtime_ns
    with self.assertLogs("absl", "WARNING") as log:
      self.assertEqual(self.prepare(), self.made)
    self.assertIn("2 of 3 shards", log.output[0])
    self.assertEqual(bytes_of(self.output), self.whole)
    self.assertEqual(self.last.stat().st_mtime_ns, before)

  def test_files_that_have_changed(self):
    images.write(self.photos / "0.png", np.zeros((40, 60, 3), np.uint8))
    self.refused("00000-of-00003.array_record cannot .*have changed")
    # What its manifest does not describe is not left there to be trained on.
    with self.assertRaisesRegex(errors.InputError, "00000-of.* cannot be read"):
      prepared.Prepared(self.output, 24)
    # Nor can a set of other shards be made of more files.
    for i in range(3):
      images.write(self.photos / f"a{i}.png", np.zeros((40, 60, 3), np.uint8))
    self.refused("cannot be made again .*have changed")
    self.assertEqual(bytes_of(self.output).keys() - self.whole.keys(), set())


class DamagedTest(SetsTestCase):
  def setUp(self):
    super().setUp()
    whole = (self.photos / "3.png").read_bytes()
    (self.photos / "3.png").write_bytes(whole[: len(whole) // 2])

  def test_more_than_accepted(self):
    self.refused(
      r"1 of 8 files are damaged \(3.png is damaged or truncated.*--max_damaged"
    )
    self.assertFalse((self.output / manifest.FILE).exists())

  def test_accepted(self):
    made = self.prepare(max_damaged=0.2)
    self.assertEqual(made.counts["unreadable"], 1)
    self.assertEqual(made.counts["records"], 7)
    self.assertLen(prepared.Prepared(self.output, 24), 7)
    entries = manifest.read_files(self.output, manifest.read(self.output))
    self.assertIn("truncated", entries[3]["skipped"])

  def test_by_their_headers_nothing_is_begun(self):
    (self.photos / "3.png").write_bytes(b"")
    self.refused("1 of 8 files are damaged .*is empty")
    self.assertFalse(self.output.exists())

  def test_all_of_them(self):
    for path in self.photos.iterdir():
      path.write_bytes(path.read_bytes()[:200])
    self.refused("none of the 8 files is whole", max_damaged=1)


class InterruptedTest(SetsTestCase):
  def interrupted(self, after: int):
    """Fails at a shard, as when the disk is full."""
    run = shard_task.run
    seen = []

    def fail(task):
      if len(seen) == after:
        raise errors.InputError("the disk is full")
      seen.append(task.name)
      run(task)

    with mock.patch.object(shard_task, "run", fail):
      self.refused(f"full; {after} of 3 shards .* are complete: the same")
    return seen

  def test_goes_on_and_ends_with_the_same_bytes(self):
    whole = self.folder / "whole"
    self.prepare(output=str(whole))
    self.interrupted(2)
    with self.assertRaisesRegex(errors.InputError, "not finished"):
      prepared.Prepared(self.output, 24)
    done = []
    run = shard_task.run
    with mock.patch.object(
      shard_task, "run", lambda task: (done.append(task.name), run(task))
    ):
      self.prepare()
    self.assertLen(done, 1)
    self.assertEqual(bytes_of(self.output), bytes_of(whole))

  def test_other_settings_or_files(self):
    self.interrupted(1)
    self.refused("begun with other files", recipe=recipes.Center(25))
    self.refused("begun with other files", encoding="png")
    os.utime(self.photos / "0.png", ns=(1, 1))
    self.refused("begun with other files")

  def test_what_was_being_written_is_removed(self):
    self.interrupted(1)
    part = self.output / f".123{shard_task.PART}"
    part.write_bytes(b"half")
    self.prepare()
    self.assertFalse(part.exists())

  def test_a_shard_without_its_note_is_made_again(self):
    self.interrupted(2)
    (first, _) = (self.output / manifest.PROGRESS).glob("coco-*.json")
    first.unlink()
    self.prepare()
    self.assertLen(prepared.Prepared(self.output, 24), 8)

  def test_another_process_makes_it(self):
    self.interrupted(1)
    with sets._held(self.output):
      self.refused("another process prepares")


class BadInputTest(SetsTestCase):
  def test_set_that_was_made_otherwise(self):
    self.prepare()
    self.refused("size is 24 there and 25 now", recipe=recipes.Center(25))
    self.refused("made from", folders=[str(self.folder)])

  def test_output_holds_something_else(self):
    self.refused("is not empty", output=str(self.photos))
    file = self.file("file")
    self.refused("cannot be used: Not a directory", output=str(file))

  def test_nothing_to_use(self):
    self.refused(
      "none of the 8 files can be used.*0.png is 60x40, smaller than 99x99",
      recipe=recipes.Center(99),
    )
    missing = [str(self.folder / "set2")]
    self.refused("set2 cannot be read: No such", folders=missing)
    self.assertFalse(self.output.exists())

  def test_no_room(self):
    usage = shutil.disk_usage(self.folder)._replace(free=5000)
    with mock.patch.object(shutil, "disk_usage", return_value=usage):
      self.refused("0.0 GB free, and the set needs about")
    self.assertFalse(self.output.exists())

  def test_disk_that_fills(self):
    with disk.full(4000):
      self.refused("of-00003.array_record cannot be written: .*0 of 3")
    self.assertEmpty(list(self.output.glob("*.array_record")))
    self.assertEmpty(list(self.output.glob(f".*{shard_task.PART}")))
    self.assertFalse((self.output / manifest.FILE).exists())
    self.assertEqual(self.prepare().counts["records"], 8)

  def test_a_worker_that_is_killed(self):
    request = self.request(
      processes=2, recipe=_Deadly(24), preset="folder", shard_bytes=1
    )
    with self.assertRaisesRegex(errors.InputError, "ended from outside"):
      sets.prepare(request)


@dataclasses.dataclass(frozen=True)
class _Deadly(recipes.Center):
  def cut(self, image, name):
    os._exit(9)
    yield


if __name__ == "__main__":
  absltest.main()
