"""Runs side by side, from their files."""

import json
import pathlib

from absl.testing import absltest

from srfeat_jax import errors
from srfeat_jax.evaluation import runs
from tests.support import image_files


class RunsTest(image_files.FolderTestCase):
  def run_of(self, name: str, peak: float, scores, **config) -> str:
    """Writes a workdir: a score at each 10 steps, twice as fast at first."""
    config = {
      "num_steps": 40,
      "learning_rate": {"peak": peak},
      "data": {"sets": ["Set5"]},
      "log_every": round(1 / peak),
      **config,
    }
    lines = [{"step": 0, "eval/set5/psnr_y_bicubic": 28.42}]
    for i, score in enumerate(scores):
      lines.append(
        {
          "step": 10 * (i + 1),
          "loss/pixel": 0.5 / (i + 1),
          "speed/steps_per_second": 1.0 / (i + 1),
          "eval/set5/psnr_y": score,
        }
      )
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    self.file(f"{name}/metrics.jsonl", f'{text}{{"step": 9'.encode())
    path = self.file(f"{name}/config.json", json.dumps(config).encode())
    return str(path.parent)

  def test_table(self):
    loaded = runs.load(
      [
        self.run_of("runs/slow", 1e-4, (29, 30)),
        self.run_of("runs/fast", 1e-3, (31.5, 31, 31.25)),
      ]
    )
    self.assertEqual([run.name for run in loaded], ["slow", "fast"])
    self.assertEqual(runs.differing(loaded), ["learning_rate.peak"])
    # 10 steps at 1, 1/2 and 1/3 of a step in a second.
    self.assertAlmostEqual(loaded[0].seconds(), 30)
    self.assertAlmostEqual(loaded[1].seconds(), 60)
    rows = [
      [cell.strip() for cell in line.strip("|").split("|")]
      for line in runs.table(loaded).splitlines()
    ]
    self.assertEqual(
      rows[0],
      [
        *("run", "peak", "steps", "set5, last", "best (step)", "loss/pixel"),
        "time",
      ],
    )
    self.assertEqual(
      rows[2:],
      [
        ["slow", "0.0001", "20/40", "30.00", "30.00 (20)", "0.25", "30 s"],
        ["fast", "0.001", "30/40", "31.25", "31.50 (10)", "0.1667", "60 s"],
        ["bicubic", "", "", "28.42", "", "", ""],
      ],
    )

  def test_less_may_be_better_and_lines_may_be_damaged(self):
    workdir = pathlib.Path(self.run_of("run", 1e-4, (29,)))
    lines = (
      '{"step": 10, "eval/set5/color_error": NaN}\n'
      '{"step": 1e400, "eval/set5/color_error": 0.1}\n'
      '{"step": 20, "eval/set5/color_error": 0.2}\n'
      '{"step": 30, "eval/set5/color_error": 0.9}\n'
    )
    (workdir / "metrics.jsonl").write_text(lines)
    table = runs.table(runs.load([str(workdir)]), "color_error")
    self.assertRegex(table, r"\| +0\.9000 \| 0\.2000 \(20\) \|")
    (workdir / "config.json").write_text("[" * 5_000)
    with self.assertRaisesRegex(errors.InputError, "config.json cannot be rea"):
      runs.load([str(workdir)])

  def test_many_differences_are_a_table_of_their_own(self):
    many = {f"field_{i}": i for i in range(7)}
    loaded = runs.load(
      [
        self.run_of("a", 1e-4, (29,), **many),
        self.run_of("b", 1e-4, (29,)),
      ]
    )
    self.assertNotIn("field_3", runs.table(loaded))
    header, rows = runs.settings(loaded, ["field_3", "num_steps"])
    self.assertEqual(header, ["field", "a", "b"])
    self.assertEqual(rows, [["field_3", "3", "-"], ["num_steps", "40", "40"]])

  def test_runs_that_have_just_begun(self):
    self.file("empty/config.json", b'{"num_steps": 40}')
    self.file("empty/metrics.jsonl", b"")
    self.file("none/config.json", b'{"num_steps": 40}')
    names = [str(self.folder / name) for name in ("empty", "none")]
    loaded = runs.load([self.run_of("good", 1e-4, (29,)), *names])
    self.assertEqual([bool(run.curves) for run in loaded], [True, False, False])
    for run, message in zip(
      loaded, (None, "holds no numbers yet", "is not there yet"), strict=True
    ):
      self.assertLen(run.remarks, 0 if message is None else 1)
      if message:
        self.assertIn(f"{run.name}/metrics.jsonl {message}", run.remarks[0])
    table = runs.table(loaded)
    self.assertRegex(table, r"\| none +\| +\| +\| +0/40 \|")

  def test_lines_that_are_not_used_are_counted(self):
    workdir = pathlib.Path(self.run_of("run", 1e-4, (29,)))
    lines = (
      '{"step": 10, "loss/a": 1, "loss/b": "0.5", "loss/c": 3}\n'
      "no JSON\n"
      "\n"
      '{"loss/a": 2}\n'
      '{"step": "20", "loss/a": 2}\n'
      "[1]\n"
      '{"step": 30, "loss/a": 4}\n'
      '{"step": 40, "lo'
    )
    (workdir / "metrics.jsonl").write_text(lines)
    (run,) = runs.load([str(workdir)])
    self.assertEqual(
      run.curves, {"loss/a": ([10, 30], [1, 4]), "loss/c": ([10], [3])}
    )
    (remark,) = run.remarks
    self.assertIn("run/metrics.jsonl: 5 of 7 lines could not be used", remark)

  def test_one_run(self):
    (run,) = runs.load([self.run_of("runs/x", 1e-4, (29, 30))])
    self.assertEqual((run.name, run.last_step), ("x", 20))
    self.assertEqual(runs.differing([run]), [])

  def test_bad_input(self):
    good = self.run_of("good", 1e-4, (29,))
    self.file("broken/config.json", b"[1]")
    for name, message in (
      ("nothing", "is not the workdir of a run: config.json cannot be read"),
      ("broken", "is not the workdir of a run"),
    ):
      with self.assertRaisesRegex(errors.InputError, message):
        runs.load([good, str(self.folder / name)])


if __name__ == "__main__":
  absltest.main()
