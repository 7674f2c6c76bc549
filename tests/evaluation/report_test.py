"""Tests of srfeat_jax.evaluation.report."""

import json
import math
import os

import numpy as np
from absl.testing import absltest
from PIL import Image

from srfeat_jax.evaluation import report
from srfeat_jax.image_io import images
from tests.support import image_files


def _noise(*shape: int, seed: int = 0) -> np.ndarray:
  """Smooth noise, so that bicubic has something to restore."""
  rng = np.random.default_rng(seed)
  small = rng.integers(0, 256, (9, 9, *shape[2:]), dtype=np.uint8)
  return np.asarray(Image.fromarray(small).resize(shape[1::-1]))


def _results() -> dict:
  means = {"psnr_y": 28.416, "ssim_y": 0.81008}
  better = {"psnr_y": math.inf, "ssim_y": 1.0}
  return {
    "weights": "runs/x4",
    "protocol": {"name": "matlab", "description": "rules", "scale": 4},
    "sets": {"Set5": {**better, "images": {"baby": better}}},
    "bicubic": {"Set5": {**means, "images": {"baby": means}}},
  }


class ReportTest(image_files.FolderTestCase):
  def test_table(self):
    self.assertEqual(
      report.table(_results()),
      "set (images)  method   psnr_y  ssim_y\n"
      "------------  -------  ------  ------\n"
      "Set5 (1)      bicubic   28.42  0.8101\n"
      "Set5 (1)      runs/x4     inf  1.0000",
    )

  def test_the_screen_has_what_matters_most(self):
    results = _results()
    scores = results["sets"]["Set5"]
    scores |= {"psnr_rgb_crop4": 1, "checkerboard": 1.0625, "color_error": 2}
    results["bicubic"]["Set5"] |= scores
    self.assertIn("ssim_y  checkerboard\n", report.table(results))
    page = report.markdown(results)
    self.assertIn("| ssim_y | psnr_rgb_crop4 | checkerboard | color_er", page)
    self.assertIn("| 1.00 | 1.062 | 2.000 |", page)

  def test_written_files(self):
    folder = self.folder / "new" / "folder"
    report.write(_results(), folder)
    text = (folder / "results.json").read_text()
    results = json.loads(text, parse_constant=self.fail)
    baby = results["sets"]["Set5"]["images"]["baby"]
    self.assertEqual(baby, {"psnr_y": None, "ssim_y": 1})
    self.assertEqual(results["bicubic"]["Set5"]["psnr_y"], 28.416)
    page = (folder / "results.md").read_text()
    self.assertIn("| baby | bicubic | 28.42 | 0.8101 |", page)
    self.assertCountEqual(os.listdir(folder), ["results.json", "results.md"])

  def test_comparison_shows_the_detail(self):
    target = np.full((200, 300, 3), 128, np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, (96, 96, 3))
    target[60:156, 192:288] = noise
    gray = np.full((30, 500), 9, np.uint8)
    rows = [
      report.Row("one", {"flat": np.full_like(target, 200)}, target),
      report.Row("two", {"flat": gray}, gray),
    ]
    path = self.folder / "comparison.png"
    report.comparison(rows, path)
    sheet = images.read(path)
    self.assertEqual(sheet.shape, (12 + 2 * 328, 12 + 3 * 300, 3))
    flat, shown = sheet[12:300, 312:600], sheet[12:300, 612:900]
    self.assertEqual(np.unique(flat).tolist(), [200])
    # Each pixel a square of three, within two of where the noise is.
    offsets = range(-2, 3)
    crops = [
      target[60 + y : 156 + y, 192 + x : 288 + x]
      for y in offsets
      for x in offsets
    ]
    self.assertTrue(any(np.array_equal(shown[::3, ::3], c) for c in crops))
    np.testing.assert_array_equal(shown[::3], shown[2::3])


if __name__ == "__main__":
  absltest.main()
