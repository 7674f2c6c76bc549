"""Reading a folder of submissions, whatever else is in it."""

import os

import numpy as np
from absl.testing import absltest

from srfeat_jax import errors
from srfeat_jax.mos import collected
from tests.support import image_files, opinion_studies

STUDY = opinion_studies.draw()
IDS = [item.id for item in STUDY.items]


class CollectedTest(image_files.FolderTestCase):
  def add(self, name: str, scores: dict, **changes) -> None:
    sent = opinion_studies.submission(STUDY, scores, **changes)
    self.file(name, opinion_studies.encode(sent))

  def test_the_latest_of_each_rater_counts(self):
    for name, scores, revision in (
      ("c.json", {IDS[0]: 1}, 1),
      ("a.json", {IDS[0]: 2, IDS[1]: 3}, 7),
      ("b.json", {IDS[0]: 5, IDS[1]: 5, IDS[2]: 5}, 3),
    ):
      self.add(name, scores, rater="a" * 32, revision=revision)
    self.add("d.json", dict.fromkeys(IDS, 4), rater="0" * 32)
    self.add("e.json", {}, rater="e" * 32)
    found = collected.read(STUDY, self.folder)
    self.assertEqual(found.raters, ("0" * 32, "a" * 32))
    self.assertEqual(found.files, 5)
    self.assertEmpty(found.left_out)
    np.testing.assert_array_equal(found.scores[0], 4)
    np.testing.assert_array_equal(found.scores[1, :2], [2, 3])
    self.assertTrue(np.isnan(found.scores[1, 2:]).all())
    self.assertEqual(found.seconds[0, 0], 0.9)

  def test_damaged_and_hostile_files(self):
    self.add("right.json", {IDS[0]: 1})
    whole = (self.folder / "right.json").read_bytes()
    for name, data in (
      ("half.json", whole[:-40]),
      ("deep.json", b"[" * 3000),
      ("nan.json", whole.replace(b'"score": 1', b'"score": NaN')),
      ("large.json", b" " * 1_000_000),
      ("binary.json", bytes(range(256))),
      ("notes.txt", b"hello"),
    ):
      self.file(name, data)
    os.mkfifo(self.folder / "pipe.json")
    (self.folder / "folder.json").mkdir()
    (self.folder / "link.json").symlink_to("/dev/zero")
    self.add("other.json", {IDS[0]: 1}, study="0" * 16)
    self.file(".part", b"hidden")
    found = collected.read(STUDY, self.folder)
    self.assertLen(found.raters, 1)
    self.assertEqual(
      {name: reason[:12] for name, reason in found.left_out.items()},
      {
        "half.json": "it is not JS",
        "deep.json": "it is nested",
        "nan.json": "it has NaN, ",
        "large.json": "it is larger",
        "binary.json": "it is not UT",
        "notes.txt": "its name doe",
        "pipe.json": "it is no pla",
        "folder.json": "it is no pla",
        "link.json": "it is no pla",
        "other.json": "it belongs t",
      },
    )

  def test_nothing_to_read(self):
    with self.assertRaisesRegex(errors.InputError, "no ratings of this study"):
      collected.read(STUDY, self.folder)
    self.file("x.json", b"{}")
    with self.assertRaisesRegex(errors.InputError, "x.json: the submission la"):
      collected.read(STUDY, self.folder)
    with self.assertRaisesRegex(errors.InputError, "No such file"):
      collected.read(STUDY, self.folder / "nowhere")


if __name__ == "__main__":
  absltest.main()
