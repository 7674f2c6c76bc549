"""Tests of srfeat_jax.evaluation.report."""

import copy
import csv
import io
import json
import math
import os

import numpy as np
from absl.testing import absltest
from PIL import Image

from srfeat_jax.evaluation import latex, report
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


def _all_results() -> dict:
  results = _results()
  results["weights"] = "runs/x4_a"
  better = {"psnr_y": 32.0, "ssim_y": 0.9, "niqe": 5.0}
  results["sets"] = {"Set5": {**better, "images": {"baby": better}}}
  for scores in (
    results["bicubic"]["Set5"],
    results["bicubic"]["Set5"]["images"]["baby"],
  ):
    scores["niqe"] = math.nan
  of_bicubic = results["bicubic"]
  results["baselines"] = {"lanczos": copy.deepcopy(of_bicubic)}
  results["baselines"]["lanczos"]["Set5"]["psnr_y"] = math.inf
  results["baselines"]["nearest"] = of_bicubic
  speed = {"seconds": 0.5, "megapixels_per_second": 2.0}
  results["speed"] = {"runs/x4_a": {"Set5": {**speed, "images": {"baby": 0.5}}}}
  ends = {"psnr_y": [27.0, 29.0]}
  names = ("nearest", "bicubic", "lanczos", "runs/x4_a")
  results["intervals"] = {
    "level": 0.95,
    "resamples": 2000,
    "seed": 0,
    "means": {name: {"Set5": ends | {"niqe": [4.0, 6.0]}} for name in names},
    "from": "bicubic",
    "differences": {"runs/x4_a": {"Set5": ends}},
  }
  for name in names[:-1]:
    del results["intervals"]["means"][name]["Set5"]["niqe"]
  results["published"] = [
    {
      "method": "SRFeat_M",
      "protocol": "Y, crop 4",
      "source": "a paper",
      "sets": {"Set5": {"psnr_y": 32.27, "ssim_y": 0.8938}},
    }
  ]
  return results


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
    self.assertCountEqual(os.listdir(folder), report.FILES)
    rows = list(csv.DictReader((folder / "results.csv").open()))
    self.assertEqual(
      [(row["kind"], row["method"], row["psnr_y"]) for row in rows],
      [
        *(("mean", "bicubic", "28.416"), ("mean", "runs/x4", "")),
        *(("image", "bicubic", "28.416"), ("image", "runs/x4", "")),
      ],
    )

  def test_all_that_results_can_have(self):
    results = _all_results()
    screen = report.table(results)
    self.assertRegex(screen, r"bicubic +28.42  0.8101 +-\n")
    self.assertRegex(screen, r"runs/x4_a +32.00  0.9000 +5.000\n")
    self.assertRegex(screen, r"runs/x4_a +0.500 +2.00\n")
    self.assertRegex(screen, r"Published by others(.|\n)* SRFeat_M +Y, crop 4")
    self.assertEndsWith(
      screen,
      "niqe is not defined for 1 of 1 images of Set5, which its mean leaves"
      " out.",
    )
    order = [screen.index(name) for name in ("nearest", "bicubic", "lanczos")]
    self.assertEqual(order, sorted(order))
    page = report.markdown(results)
    self.assertIn("| Set5 | bicubic | 27.00 to 29.00 | - |", page)
    self.assertIn("## Differences from bicubic", page)
    self.assertIn("| Set5 | SRFeat_M | Y, crop 4 | 32.27 | 0.8938 |", page)
    rows = list(csv.DictReader(io.StringIO(report.comma_separated(results))))
    published = [row for row in rows if row["kind"] == "published"]
    self.assertEqual([row["protocol"] for row in published], ["Y, crop 4"])
    low = [row["psnr_y"] for row in rows if row["kind"] == "low"]
    self.assertIn("27.0", low)

  def test_latex(self):
    report.write(_all_results(), self.folder)
    lines = (self.folder / "results.tex").read_text().splitlines()
    body = [line for line in lines if not line.startswith("%")]
    self.assertEqual(body[0], r"\begin{tabular}{llrrr}")
    self.assertEqual(body[-1], r"\end{tabular}")
    self.assertIn(r"PSNR (Y) $\uparrow$ & SSIM (Y) $\uparrow$ & NIQE", body[2])
    self.assertIn(
      r" & runs/x4\_a & \textbf{32.00} & \textbf{0.9000} & 5.000 \\", body
    )
    self.assertIn(r" & SRFeat\_M$^{\dagger}$ & 32.27 & 0.8938 & -- \\", body)
    self.assertIn(r" & lanczos & $\infty$ & 0.8101 & -- \\", body)
    for line in body:
      if line.endswith(r"\\") and "multicolumn" not in line:
        self.assertEqual(line.count("&"), 4, line)
    self.assertLen([line for line in body if "rule" in line], 3)

  def test_latex_names_the_protocols_and_sources_of_what_is_published(self):
    results = _all_results()
    (row,) = results["published"]
    results["published"] += [
      row | {"method": "MSRResNet", "protocol": "RGB & 50%", "source": "a zoo"},
      row | {"method": "SRGAN"},
      row | {"method": "of another set", "protocol": "x", "sets": {"T": {}}},
    ]
    report.write(results, self.folder)
    lines = (self.folder / "results.tex").read_text().splitlines()
    self.assertIn("% MSRResNet (published; RGB & 50%): a zoo", lines)
    marked = [line for line in lines if "^{" in line]
    start = r"\multicolumn{5}{l}{$^{"
    self.assertEqual(
      marked,
      [
        r" & SRFeat\_M$^{\dagger}$ & 32.27 & 0.8938 & -- \\",
        r" & MSRResNet$^{\ddagger}$ & 32.27 & 0.8938 & -- \\",
        r" & SRGAN$^{\dagger}$ & 32.27 & 0.8938 & -- \\",
        start + r"\dagger}$ published by others; protocol: Y, crop 4} \\",
        start + r"\ddagger}$ published by others; protocol: RGB \& 50\%} \\",
      ],
    )

  def test_latex_of_names_that_have_a_meaning_in_it(self):
    scores = {"psnr_y": 30.0}
    sets = {"[S] *": {**scores, "images": {"a": scores}}}
    text = latex.table({"a_b\\<c>|~^#$&%{}": sets}, ["psnr_y"])
    self.assertIn(
      r"{[}S] {*} & a\_b\textbackslash{}\textless{}c\textgreater{}"
      r"\textbar{}\textasciitilde{}\textasciicircum{}\#\$\&\%\{\} & 30.00 \\",
      text,
    )

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
