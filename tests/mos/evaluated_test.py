"""What `evaluate --save_images` wrote, and what only lies beside it."""

import json

from absl.testing import absltest

from srfeat_jax import errors
from srfeat_jax.mos import evaluated
from tests.support import image_files, opinion_studies


class EvaluatedTest(image_files.FolderTestCase):
  def change(self, **fields) -> None:
    path = self.folder / "results.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | fields))

  def test_images_of_earlier_evaluations_in_the_same_folder(self):
    methods = ["runs/old", "runs/mine"]
    opinion_studies.write_results(self.folder, methods, ["A/x", "B/y"])
    opinion_studies.write_results(self.folder, ["other"], ["A/x", "A/old"])
    opinion_studies.write_results(self.folder, ["runs/mine"], ["A/x"], 2)
    found = evaluated.load(self.folder)
    self.assertEqual(found.scale, 2)
    path = self.folder / "images/A/x.png"
    self.assertEqual(found.methods, {"mine": {("A", "x"): path}})
    # What was evaluated last has no images, though there are some of its name.
    self.change(images={})
    with self.assertRaisesRegex(errors.InputError, "saved no images"):
      evaluated.load(self.folder)

  def test_what_methods_are_called(self):
    methods = ["a/b", "c/b"]
    places = ["images/a_b", "images/c_b"]
    opinion_studies.write_results(self.folder, methods, ["A/x"], 4, places)
    self.assertEqual([*evaluated.load(self.folder).methods], ["a_b", "c_b"])
    opinion_studies.write_results(self.folder, ["a/b"], ["A/x"])
    self.assertEqual([*evaluated.load(self.folder).methods], ["b"])

  def test_damaged_results(self):
    opinion_studies.write_results(self.folder, ["mine"], ["A/x"])
    file = self.folder / "results.json"
    good = json.loads(file.read_bytes())
    for content, part in (
      ('{"weights": "mi', "cannot be read"),
      ("[" * 99999, "cannot be read"),
      ("[]", "not what `evaluate` writes"),
      ("{}", "it has no 'protocol'"),
      (good | {"protocol": {"scale": "4"}}, "its scale is '4'"),
      (good | {"sets": []}, "other types"),
      (good | {"images": ["images"]}, "other types"),
      (good | {"images": {"x": "images"}}, "it has no 'x'"),
      (good | {"images": {"mine": ".."}}, "is not in its folder"),
      (good | {"sets": {"A": {"images": {"y": {}}}}}, "A/y.png is missing"),
    ):
      text = content if isinstance(content, str) else json.dumps(content)
      file.write_text(text)
      with self.assertRaisesRegex(errors.InputError, part) as raised:
        evaluated.load(self.folder)
      self.assertIn("METHOD=FOLDER", str(raised.exception))
    file.unlink()
    with self.assertRaisesRegex(errors.InputError, "results.json cannot be"):
      evaluated.load(self.folder)


if __name__ == "__main__":
  absltest.main()
