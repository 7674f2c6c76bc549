"""`python -m srfeat_jax.report` on the logs that come with the weights."""

from absl.testing import absltest
from PIL import Image

from tests.support import paths, programs

_EVIDENCE = paths.REPOSITORY / "srfeat_jax/weights/pretrained/evidence"


class ReportProgramTest(programs.ProgramTestCase):
  def test_table_and_plot(self):
    output = self.folder / "report"
    result = programs.run(
      *("report", _EVIDENCE / "srfeat-lite", _EVIDENCE / "srfeat-lite-gan"),
      *(paths.REPOSITORY / "docs", f"--output={output}"),
    )
    self.assertEqual(result.returncode, 0, result.stderr)
    # The published scores of the two sets of weights.
    self.assertRegex(result.stdout, r"\| srfeat-lite +\| +9000/9000 .* 31\.23 ")
    self.assertRegex(result.stdout, r"\| srfeat-lite-gan \| .* 29\.71 \|")
    self.assertIn("left out, as they have no config.json", result.stdout)
    page = (output / "report.md").read_text()
    self.assertIn("| checkerboard_weight ", page)
    with Image.open(output / "report.png") as image:
      self.assertGreater(len(image.convert("RGB").getcolors(1 << 24)), 20)

  def test_bad_input(self):
    output = f"--output={self.folder / 'report'}"
    self.assert_fails(programs.run("report", output), "name the workdirs")
    self.assert_fails(
      programs.run("report", "/no/such", output), "/no/such is not the workdir"
    )
    self.assert_fails(
      programs.run("report", "docs", "tests", output), "none has a config.json"
    )
    self.assert_fails(
      programs.run(
        "report", _EVIDENCE / "srfeat-lite", "--metric=nope", output
      ),
      *("--metric=nope", "psnr_y"),
    )
    self.assertFalse((self.folder / "report").exists())


if __name__ == "__main__":
  absltest.main()
