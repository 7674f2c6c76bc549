"""Keeping submissions in a folder."""

import concurrent.futures
import dataclasses

from absl.testing import absltest

from srfeat_jax import errors
from srfeat_jax.mos import store, submission
from tests.support import image_files, opinion_studies

STUDY = opinion_studies.draw()


def new(**changes) -> submission.Submission:
  data = opinion_studies.encode(opinion_studies.submission(STUDY, **changes))
  return submission.parse(data, STUDY)


class StoreTest(image_files.FolderTestCase):
  def files(self) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in self.folder.glob("*")}

  def test_each_submission_has_a_file(self):
    one = new()
    other = dataclasses.replace(one, submission="f" * 32, revision=3)
    with store.opened(self.folder / "new") as opened:
      self.assertTrue(opened.add(one))
      self.assertTrue(opened.add(other))
      self.assertFalse(opened.add(one))
    files = [*(self.folder / "new").glob("*.json")]
    self.assertCountEqual(
      [each.read_bytes() for each in files], [one.encode(), other.encode()]
    )
    for each in files:
      self.assertNotIn(one.rater, each.name)

  def test_nothing_is_overwritten(self):
    opened = store.Store(self.folder)
    one = new()
    opened.add(one)
    before = self.files()
    with self.assertRaises(store.Conflict):
      opened.add(dataclasses.replace(one, revision=99))
    # Nor by the next server.
    with self.assertRaises(store.Conflict):
      store.Store(self.folder).add(dataclasses.replace(one, ratings=()))
    self.assertFalse(store.Store(self.folder).add(one))
    self.assertEqual(self.files(), before)

  def test_many_at_once(self):
    opened = store.Store(self.folder)
    different = [new() for _ in range(20)]
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
      added = list(pool.map(opened.add, different * 3))
    self.assertEqual(sum(added), 20)
    self.assertCountEqual(
      self.files().values(), [each.encode() for each in different]
    )

  def test_limits(self):
    opened = store.Store(self.folder, most=1)
    one = new()
    opened.add(one)
    self.assertFalse(opened.add(one))
    with self.assertRaisesRegex(store.Full, "1 submissions"):
      opened.add(new())
    with self.assertRaises(store.Full):
      store.Store(self.folder, most=1).add(new())

  def test_one_server_a_folder(self):
    with (
      store.opened(self.folder),
      self.assertRaisesRegex(errors.InputError, "another server"),
      store.opened(self.folder),
    ):
      pass
    file = self.file("file", b"")
    with (
      self.assertRaisesRegex(errors.InputError, "--results"),
      store.opened(file),
    ):
      pass


if __name__ == "__main__":
  absltest.main()
