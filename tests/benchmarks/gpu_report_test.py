"""The file of gpu_suite, which a later call completes."""

import json
import pathlib

from absl.testing import absltest, parameterized

from benchmarks import gpu_jobs, gpu_report
from srfeat_jax import errors

HERE = {
  "python": "3.12.3",
  "versions": {"jax": "0.11.2", "torch": "2.11.0"},
  "cpu": "x",
  "cores": 16,
  "gpu": "NVIDIA H200, 580",
  "xla_flags": "",
  "time": "2026-12-01T00:00:00Z",
}
BOTH = gpu_jobs.Job("train", "a", "m", who=("ours", "eager"))
ALL = gpu_jobs.Job("train", "a", "m", who=("ours", "eager", "compiled"))
CHECK = gpu_jobs.Job("check", "check", "m")


def _rows(*who: str) -> dict:
  return {"case": "a", "rows": {name: {"per_s": 1.0} for name in who}}


class ReportTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.path = pathlib.Path(self.create_tempdir().full_path) / "gpu.json"

  def report(self, **changed) -> gpu_report.Report:
    return gpu_report.Report(self.path, HERE | changed)

  def test_a_later_call_keeps_what_is_good(self):
    report = self.report()
    self.assertFalse(report.has(BOTH))
    report.add(BOTH, _rows("ours", "eager"))
    report.add(CHECK, {"case": "check", "error": "it failed"})
    later = self.report(time="2026-12-02T00:00:00Z")
    self.assertTrue(later.has(BOTH))
    self.assertFalse(later.has(CHECK))
    later.add(CHECK, {"case": "check", "rows": [{"case": "x", "good": True}]})
    self.assertTrue(self.report().has(CHECK))
    suites = json.loads(self.path.read_text())["suites"]
    self.assertEqual([len(each) for each in suites.values()], [1, 1])

  def test_a_job_with_one_more_takes_the_place_of_that_without(self):
    report = self.report()
    report.add(BOTH, _rows("ours", "eager"))
    self.assertFalse(report.has(ALL))
    report.add(ALL, _rows("ours", "eager", "compiled"))
    self.assertTrue(report.has(ALL))
    self.assertTrue(report.has(BOTH))
    (row,) = json.loads(self.path.read_text())["suites"]["train"]
    self.assertIn("compiled", row["rows"])

  def test_a_job_that_fails_loses_nothing(self):
    report = self.report()
    report.add(BOTH, _rows("ours", "eager"))
    report.add(ALL, {"case": "a", "error": "stopped after 150 s"})
    (row,) = json.loads(self.path.read_text())["suites"]["train"]
    self.assertEqual(list(row["rows"]), ["ours", "eager"])
    self.assertEqual(row["compiled"], "not measured: stopped after 150 s")
    self.assertTrue(report.has(BOTH))

  def test_who_fails_is_not_tried_again_but_ours_is(self):
    report = self.report()
    report.add(
      ALL, _rows("ours", "eager") | {"compiled": "not measured: no g++"}
    )
    self.assertTrue(report.has(ALL))
    other = gpu_report.Report(self.path.with_stem("other"), HERE)
    other.add(BOTH, _rows("eager") | {"ours": "not measured", "error": "x"})
    self.assertFalse(other.has(BOTH))

  @parameterized.parameters(
    ({"gpu": "NVIDIA H100, 580"}, "gpu NVIDIA H200, 580, here NVIDIA H100"),
    (
      {"versions": {"jax": "0.12.0", "torch": "2.11.0"}},
      "jax 0.11.2, here 0.1",
    ),
    ({"versions": {"jax": "0.11.2"}}, "torch 2.11.0, here None"),
    ({"cores": 2}, "cores 16, here 2"),
  )
  def test_of_another_machine_is_refused(self, changed, said):
    self.report().add(CHECK, {"case": "check"})
    with self.assertRaisesRegex(errors.InputError, f"{said}.*--beside"):
      self.report(**changed)

  @parameterized.parameters(
    "", "{", "[]", '{"suites": {}}', '{"suites": {"a": [1]}}', "null", "\0"
  )
  def test_a_damaged_file_is_refused_and_stays(self, text):
    self.path.write_text(text)
    with self.assertRaisesRegex(errors.InputError, "gpu.json .*damaged"):
      self.report()
    self.assertEqual(self.path.read_text(), text)

  def test_unused(self):
    self.assertEqual(gpu_report.unused(self.path).name, "gpu_2.json")
    gpu_report.unused(self.path).touch()
    self.assertEqual(gpu_report.unused(self.path).name, "gpu_3.json")


if __name__ == "__main__":
  absltest.main()
