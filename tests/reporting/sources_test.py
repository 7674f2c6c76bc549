"""What folders hold, and what is said of those that hold something else."""

import json
import math

from absl.testing import absltest

from srfeat_jax import errors
from srfeat_jax.reporting import sources
from tests.support import image_files

_NULL = dict.fromkeys(("psnr_y", "niqe", "checkerboard"))
_SCORES = {"psnr_y": 30.5, "images": {"a": _NULL}}
_RESULTS = {
  "protocol": {"description": "all pixels"},
  "weights": "runs/x/generator.safetensors",
  "sets": {"Set": _SCORES},
  "bicubic": {"Set": _SCORES},
  "baselines": {"lanczos": {"Set": _SCORES}},
  "others": {"other": {"Set": _SCORES}},
  "speed": {"other": {"Set": {"megapixels_per_second": 2.5}}},
  "published": [
    {
      **{"method": "EDSR", "protocol": "Y", "source": "a paper"},
      "sets": {"Set": {"psnr_y": 32.46}},
    }
  ],
}


class SourcesTest(image_files.FolderTestCase):
  def folder_with(self, name: str, content, file: str) -> str:
    data = (
      content if isinstance(content, bytes) else json.dumps(content).encode()
    )
    return str(self.file(f"{name}/{file}", data).parent)

  def run_of(self, name: str, batch_norm) -> str:
    config = {"generator": {"batch_norm": batch_norm}}
    folder = self.folder_with(name, config, "config.json")
    self.folder_with(name, {"step": 1, "loss/pixel": 0.5}, "metrics.jsonl")
    return folder

  def test_results(self):
    folder = self.folder_with("evaluated", _RESULTS, "results.json")
    (found,) = sources.load([folder]).results
    self.assertEqual(found.name, "evaluated")
    self.assertEqual(
      list(found.titles.values()), ["bicubic", "lanczos", "x", "other"]
    )
    scores = found.methods["other"]["Set"]
    self.assertEqual(scores["psnr_y"], 30.5)
    self.assertEqual(scores[sources.SPEED], 2.5)
    # Null in JSON is infinite as PSNR or ratio, and otherwise not defined.
    self.assertEqual(scores["images"]["a"]["checkerboard"], math.inf)
    self.assertEqual(scores["images"]["a"]["psnr_y"], math.inf)
    self.assertTrue(math.isnan(scores["images"]["a"]["niqe"]))
    self.assertEqual(
      list(found.published),
      [("EDSR", "Y", "a paper", "Set", {"psnr_y": 32.46})],
    )

  def test_runs_and_sweeps_and_what_is_left_out(self):
    point = {"set": "Set5", "alpha": 0, "psnr_y": 30, "lpips": 0.1}
    changes = [{"step": 5, "changes": {"batch_size": {"was": 4, "is": 8}}}]
    resumed = self.run_of("b/one", True)
    self.folder_with("b/one", changes, "config_changes.json")
    self.folder_with("b/one", {"devices": ["cpu"]}, "environment.json")
    self.folder_with("other", b"", "notes.txt")
    found = sources.load(
      [
        *(resumed, self.run_of("c/one", False)),
        self.folder_with("sweep", [point], "sweep.json"),
        str(self.folder / "other"),
      ]
    )
    self.assertEqual(
      dict(found.titles), {"b/one": "b/one (BN)", "c/one": "c/one (NotBN)"}
    )
    self.assertEqual(found.changes, {"b/one": [(5, "batch_size", "4", "8")]})
    self.assertEqual(found.environments, {"b/one": {"devices": ["cpu"]}})
    self.assertEqual(list(found.sweeps[0].points), [point])
    self.assertEqual(found.left_out, [str(self.folder / "other")])

  def test_runs_that_have_just_begun(self):
    begun = self.folder_with("begun", {"num_steps": 9}, "config.json")
    with self.assertRaisesRegex(
      errors.InputError, "metrics.jsonl is not there"
    ):
      sources.load([begun])
    found = sources.load([self.run_of("old", True), begun])
    self.assertEqual([run.name for run in found.runs], ["old", "begun"])
    (remark,) = found.remarks
    self.assertIn("begun/metrics.jsonl is not there yet", remark)
    results = self.folder_with("evaluated", _RESULTS, "results.json")
    self.assertLen(sources.load([begun, results]).remarks, 1)

  def test_bad_input(self):
    results = {key: _RESULTS[key] for key in ("weights", "protocol")}
    for content, file, message in (
      (b"{", "results.json", "results.json cannot be read"),
      (b"3", "results.json", "cannot be read .it holds something else"),
      (
        results,
        "results.json",
        "is not what evaluate writes .it has no 'sets'",
      ),
      ([], "results.json", "is not what evaluate writes .its parts are of oth"),
      ([{"set": "A"}], "sweep.json", "is not what sweep writes"),
    ):
      folder = self.folder_with("bad", content, file)
      with self.assertRaisesRegex(errors.InputError, message):
        sources.load([folder])
      (self.folder / "bad" / file).unlink()
    self.file("notes.txt", b"")
    for name, message in (
      ("gone", "gone: there is no such file or folder"),
      ("notes.txt", "notes.txt is a file: name folders"),
      ("bad", "it has no config.json, results.json or sweep.json"),
    ):
      with self.assertRaisesRegex(errors.InputError, message) as caught:
        sources.load([str(self.folder / name)])
      self.assertNotIn("Errno", str(caught.exception))
    text = {"Set": {"psnr_y": "abc", "images": {}}}
    folder = self.folder_with("text", _RESULTS | {"sets": text}, "results.json")
    with self.assertRaisesRegex(
      errors.InputError, "psnr_y of Set is 'abc', not a number"
    ):
      sources.load([folder])
    with self.assertRaisesRegex(errors.InputError, "none has a config.json"):
      sources.load([str(self.folder / "bad"), str(self.folder)])
    good = self.folder_with("good", _RESULTS, "results.json")
    with self.assertRaisesRegex(errors.InputError, "good is named twice"):
      sources.load([good, f"{good}/../good"])
    for each in ("gone", "gone too"):
      with self.assertRaisesRegex(errors.InputError, f"{each}: there is no su"):
        sources.load([good, str(self.folder / each)])
    with self.assertRaisesRegex(errors.InputError, "'': there is no such"):
      sources.load([good, ""])


if __name__ == "__main__":
  absltest.main()
