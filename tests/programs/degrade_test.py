"""`python -m srfeat_jax.degrade` as a user runs it."""

from absl.testing import absltest
from PIL import Image

from tests.support import programs

_CONFIG = "--config=configs/shipped.py:srfeat_photo"


class DegradeProgramTest(programs.ProgramTestCase):
  def test_writes_a_contact_sheet(self):
    sheet = self.folder / "sheet.png"
    result = programs.run(
      *("degrade", _CONFIG, f"--output={sheet}", "--count=5"),
      *("--config.data.train=synthetic", "--config.crop_size=32"),
      *("--config.degradation.first_probability=0.0",),
    )
    self.assertEqual(result.returncode, 0, result.stderr)
    self.assertIn("5 crops", result.stdout)
    with Image.open(sheet) as image:
      self.assertGreater(image.width, image.height)
      self.assertGreater(len(image.getcolors(1 << 24)), 1000)

  def test_bad_input(self):
    sheet = f"--output={self.folder / 'sheet.png'}"
    self.assert_fails(
      programs.run("degrade", sheet), "--config is missing", "configs/"
    )
    self.assert_fails(
      programs.run("degrade", _CONFIG, sheet, "photo.jpg"),
      "photo.jpg is not a flag",
    )
    self.assert_fails(
      programs.run(
        *("degrade", _CONFIG, sheet, "--config.data.train=/no/such/folder")
      ),
      "/no/such/folder",
    )
    self.assertEmpty(list(self.folder.iterdir()))


if __name__ == "__main__":
  absltest.main()
