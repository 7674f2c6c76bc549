"""Drawing a study, and its key."""

import json

from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.mos import study as study_lib
from tests.support import image_files, opinion_studies


class StudyTest(image_files.FolderTestCase, parameterized.TestCase):
  def test_items(self):
    study = opinion_studies.draw(num_images=3, repeats=5, sets=("A", "B"))
    firsts = [item for item in study.items if item.repeat_of is None]
    made = {(item.method, *item.source) for item in firsts}
    self.assertLen(firsts, len(study.methods) * 6)
    self.assertLen(made, len(firsts))
    self.assertLen(study.ids, len(firsts) + 5)
    by_id = {item.id: item for item in study.items}
    for item in study.items:
      if item.repeat_of is not None:
        other = by_id[item.repeat_of]
        self.assertIsNone(other.repeat_of)
        self.assertEqual(item.method, other.method)
        self.assertEqual(item.source, other.source)
    # The order tells nothing: it is not that of the methods.
    self.assertNotEqual([item.method for item in firsts][:4], [*study.methods])

  def test_the_seed(self):
    sources, methods = [("A", "x"), ("A", "y")], ["a", "b"]

    def draw(seed, names=sources):
      return study_lib.draw(names, methods, 1, seed, "")

    self.assertEqual(draw(1), draw(1))
    self.assertNotEqual(draw(1).id, draw(2).id)
    self.assertNotEqual(draw(1).ids, draw(2).ids)
    self.assertNotEqual(draw(1).id, draw(1, sources[:1]).id)
    with self.assertRaisesRegex(errors.InputError, "--repeats=5.* 0 to 4"):
      study_lib.draw(sources, methods, 5, 0, "")

  def test_fewer_images(self):
    sources = [(name, str(i)) for name in "AB" for i in range(9)]
    drawn = study_lib.limit(sources, 4, 0)
    self.assertEqual([name for name, _ in drawn], ["A"] * 4 + ["B"] * 4)
    self.assertContainsSubset(drawn, sources)
    self.assertEqual(study_lib.limit(sources, 0, 0), sources)

  def test_the_key(self):
    study = opinion_studies.draw()
    study_lib.save_key(study, self.folder)
    self.assertEqual(study_lib.load(self.folder), study)

  def test_damaged_keys(self):
    with self.assertRaisesRegex(errors.InputError, "cannot be read"):
      study_lib.load(self.folder)
    study_lib.save_key(opinion_studies.draw(), self.folder)
    path = self.folder / study_lib.KEY
    key = json.loads(path.read_bytes())
    item = key["items"][0]
    for data in (
      b"",
      b"\xff",
      b"[" * 100_000,
      b"[]",
      *(
        opinion_studies.encode(key | changes)
        for changes in (
          {"format": "other"},
          {"study": "../x"},
          {"items": []},
          {"items": [item, item]},
          {"items": [item | {"id": "../../x"}]},
          {"items": [item | {"method": "none"}]},
          {"items": [item | {"repeat_of": "none"}]},
          {"items": [item | {"other": 1}]},
        )
      ),
    ):
      path.write_bytes(data)
      with self.assertRaisesRegex(errors.InputError, str(path)):
        study_lib.load(self.folder)


if __name__ == "__main__":
  absltest.main()
