"""`python -m srfeat_jax.report` on the logs that come with the weights."""

from absl.testing import absltest

from tests.support import paths, programs

_EVIDENCE = paths.REPOSITORY / "srfeat_jax/weights/pretrained/evidence"


class ReportProgramTest(programs.ProgramTestCase):
  def test_summary_and_page(self):
    output = self.folder / "new" / "report.html"
    result = programs.run(
      *("report", _EVIDENCE / "srfeat-lite", _EVIDENCE / "srfeat-lite-gan"),
      *(paths.REPOSITORY / "docs", f"--output={output}"),
    )
    self.assertEqual(result.returncode, 0, result.stderr)
    # The published scores of the two sets of weights.
    self.assertRegex(result.stdout, r"\| srfeat-lite +\| +9000/9000 .* 31\.23 ")
    self.assertRegex(result.stdout, r"\| srfeat-lite-gan \| .* 29\.71 \|")
    self.assertIn("left out, as they have no config.json", result.stdout)
    self.assertIn(f"{output}: ", result.stdout)
    page = output.read_text()
    for part in ("31.23", "29.71", "losses.checkerboard_weight", "<polyline"):
      self.assertIn(part, page)
    self.assertLess(len(page), 2e6)

  def test_bad_input(self):
    output = f"--output={self.folder / 'report.html'}"
    self.assert_fails(programs.run("report", output), "name the workdirs")
    self.assert_fails(
      programs.run("report", "/no/such", output), "/no/such: there is no such"
    )
    self.assert_fails(
      programs.run("report", "docs", "--output=runs/rates"),
      *("--output=runs/rates", "ends in .html"),
    )
    self.assert_fails(
      programs.run(
        "report", _EVIDENCE / "srfeat-lite", "--metric=nope", output
      ),
      *("--metric=nope", "psnr_y"),
    )
    results = self.file(
      "results/results.json",
      b'{"weights": "x", "protocol": {"description": ""}, "sets":'
      b' {"Set5": {"lpips": 0.1, "images": {}}}}',
    )
    self.assert_fails(
      programs.run("report", results.parent, "--metric=nope", output),
      *("--metric=nope is not among what was measured: lpips",),
    )
    self.assertFalse((self.folder / "report.html").exists())


if __name__ == "__main__":
  absltest.main()
