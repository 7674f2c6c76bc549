"""The protocols: bicubic's published scores, LR images, and metrics."""

import csv
import dataclasses
import math
import unittest

import numpy as np
from absl.testing import absltest, parameterized
from PIL import Image

from srfeat_jax.evaluation import evaluator, protocol
from srfeat_jax.image_io import images
from srfeat_jax.inference import upscaler
from tests.support import image_files, paths


def _noise(*shape: int, seed: int = 0) -> np.ndarray:
  """Smooth noise, so that bicubic has something to restore."""
  rng = np.random.default_rng(seed)
  small = rng.integers(0, 256, (9, 9, *shape[2:]), dtype=np.uint8)
  return np.asarray(Image.fromarray(small).resize(shape[1::-1]))


@unittest.skipIf(paths.DATA is None, paths.NO_DATA)
class PublishedBicubicTest(parameterized.TestCase):
  @parameterized.parameters(
    ("Set5", 28.43, 0.8104), ("Set14", 25.99, 0.7027), ("BSD100", 25.96, 0.6675)
  )
  def test_equals_what_was_published(self, set_name, psnr, ssim):
    sets = protocol.MATLAB.load(paths.DATA / "benchmarks", [set_name])
    scores = evaluator.evaluate(upscaler.bicubic, sets)["sets"][set_name]
    self.assertAlmostEqual(scores["psnr_y"], psnr, delta=0.02)
    self.assertAlmostEqual(scores["psnr_y_float"], psnr, delta=0.02)
    self.assertAlmostEqual(scores["ssim_y"], ssim, delta=0.0005)
    with open(paths.DATA / "reference" / "bicubic_x4.csv") as file:
      published = {
        row["image"]: row
        for row in csv.DictReader(file)
        if row["set"] == set_name
      }
    self.assertEqual(scores["images"].keys(), published.keys())
    for name, row in published.items():
      ours = scores["images"][name]
      self.assertAlmostEqual(
        ours["psnr_y"], float(row["psnr_y_crop4"]), delta=0.001, msg=name
      )
      self.assertAlmostEqual(
        ours["ssim_y"], float(row["ssim_y_crop4"]), delta=0.0001, msg=name
      )

  def test_rgb_without_a_border(self):
    sets = protocol.MATLAB.load(paths.DATA / "benchmarks", ["Set5"])
    scores = evaluator.evaluate(upscaler.bicubic, sets)["sets"]["Set5"]
    self.assertAlmostEqual(scores["psnr_rgb"], 26.70, delta=0.01)

  def test_lr_made_from_hr_scores_as_the_lr_files(self):
    (with_lr,) = protocol.MATLAB.load(paths.DATA / "benchmarks", ["Set5"])
    without = dataclasses.replace(
      with_lr,
      images=tuple(
        dataclasses.replace(image, lr_path=None) for image in with_lr.images
      ),
    )
    expected, ours = (
      evaluator.evaluate(upscaler.bicubic, [each])["sets"]["Set5"]["images"]
      for each in (with_lr, without)
    )
    for name in expected:
      self.assertAlmostEqual(
        ours[name]["psnr_y"], expected[name]["psnr_y"], delta=0.01
      )

  def test_center296(self):
    rules = protocol.CENTER296
    sets = rules.load(paths.DATA / "benchmarks", ["Set5"])
    shapes = set()
    scores = evaluator.evaluate(
      upscaler.bicubic,
      sets,
      rules,
      on_image=lambda *arrays: shapes.update(a.shape for a in arrays[2:]),
    )["sets"]["Set5"]
    self.assertEqual(shapes, {(74, 74, 3), (296, 296, 3)})
    # Below the trained networks' 30.56 and 30.72 dB of the same protocol.
    self.assertBetween(scores["psnr_rgb"], 26.5, 27.5)


class ProtocolTest(image_files.FolderTestCase):
  def one(self, hr: np.ndarray, lr: np.ndarray | None = None, rules=None):
    """Writes a set of one image and loads it as the protocol does."""
    images.write(self.folder / "A/HR/x.png", hr)
    if lr is not None:
      images.write(self.folder / "A/LRx4/x.png", lr)
    rules = rules or protocol.MATLAB
    return rules.load(self.folder)[0].images[0]

  def test_lr_files_come_first(self):
    lr = _noise(10, 12, 3)
    read, hr = protocol.MATLAB.pair(self.one(_noise(43, 50, 3), lr), 4)
    np.testing.assert_array_equal(read, lr)
    self.assertEqual(hr.shape, (40, 48, 3))

  @parameterized.parameters(((40, 48, 3),), ((40, 48),))
  def test_lr_is_made_of_hr(self, *shape):
    hr = _noise(*shape[0])
    lr, target = protocol.MATLAB.pair(self.one(hr), 4)
    self.assertEqual(lr.shape, (10, 12, *hr.shape[2:]))
    np.testing.assert_array_equal(target, hr)

  def test_measures_by_hand(self):
    """Levels of gray: Y is 16 + 219/255 of them, rounded for `psnr_y`."""
    hr = np.full((40, 40, 3), 100, np.uint8)  # Y 101.88, rounded 102
    sr = np.full((40, 40, 3), 102, np.uint8)  # Y 103.60, rounded 104
    sr[:4] = 0
    scores = protocol.MATLAB.measure(sr, hr, 4)
    self.assertAlmostEqual(scores["psnr_y"], 20 * math.log10(255 / 2))
    self.assertAlmostEqual(
      scores["psnr_y_float"], 20 * math.log10(255 / (2 * 219 / 255))
    )
    self.assertAlmostEqual(scores["psnr_rgb_crop4"], 20 * math.log10(255 / 2))
    error = 0.1 * 100**2 + 0.9 * 2**2
    self.assertAlmostEqual(scores["mse_rgb"], error)
    self.assertAlmostEqual(scores["psnr_rgb"], 10 * math.log10(255**2 / error))

  def test_artifacts_by_hand(self):
    hr = np.full((40, 40, 3), 100, np.uint8)
    sr = hr + np.array([3, 0, 0], np.uint8)
    sr[:, ::4, 1] += 4  # a stripe a block
    scores = protocol.MATLAB.measure(sr, hr, 4)
    self.assertAlmostEqual(scores["color_error"], (3 + 1) / 3)
    self.assertAlmostEqual(scores["phase_error"], (3 + 3 * 1) / 4 / 3)
    self.assertEqual(scores["checkerboard"], math.inf)
    scores = protocol.MATLAB.measure(hr, hr, 4)
    self.assertEqual(scores["checkerboard"], 1)
    gray = protocol.MATLAB.measure(sr[..., 1], hr[..., 1], 4)
    self.assertAlmostEqual(gray["color_error"], 1)
    self.assertAlmostEqual(gray["phase_error"], (3 + 3 * 1) / 4)

  def test_gray_is_measured_as_it_is(self):
    hr, sr = np.full((40, 40), 100, np.uint8), np.full((40, 40), 103, np.uint8)
    scores = protocol.MATLAB.measure(sr, hr, 4)
    for metric in ("psnr_y", "psnr_y_float", "psnr_rgb", "psnr_rgb_crop4"):
      self.assertAlmostEqual(scores[metric], 20 * math.log10(255 / 3))

  def test_scale_2(self):
    scores = protocol.MATLAB.measure(*[_noise(30, 30, 3)] * 2, 2)
    self.assertEqual(tuple(scores), protocol.MATLAB.metrics(2))
    self.assertIn("psnr_rgb_crop2", scores)

  @parameterized.parameters(
    # Lines cut off, or added, before the image: half, a half to the even.
    (300, 2),
    (299, 2),
    (301, 2),
    (303, 4),
    (296, 0),
    (295, 0),
    (293, -1),
    (100, -98),
  )
  def test_center_of_all_of_the_image(self, length, start):
    hr = _noise(length, 310, 3)
    _, target = protocol.CENTER296.pair(
      self.one(hr, rules=protocol.CENTER296), 4
    )
    self.assertEqual(target.shape, (296, 296, 3))
    above = max(0, -start)
    rows = hr[max(0, start) :, 7:303][: 296 - above]
    np.testing.assert_array_equal(target[above : above + len(rows)], rows)
    self.assertEqual(target[:above].sum(), 0)
    self.assertEqual(target[above + len(rows) :].sum(), 0)

  def test_center_of_gray_is_rgb_and_lr_is_pillows(self):
    image = self.one(_noise(300, 300), rules=protocol.CENTER296)
    lr, hr = protocol.CENTER296.pair(image, 4)
    self.assertEqual(hr.shape, (296, 296, 3))
    expected = Image.fromarray(hr).resize((74, 74), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(lr, np.asarray(expected))
    scores = protocol.CENTER296.measure(hr, hr, 4)
    self.assertContainsSubset(["psnr_y", "ssim_y", "psnr_rgb"], scores)
    self.assertFalse([name for name in scores if "crop" in name])

  def test_what_an_image_is_too_small_for_is_not_defined(self):
    for shape, undefined in (
      ((40, 19, 3), []),
      ((40, 18, 3), ["ssim_y"]),
      ((8, 8), ["psnr_y", "ssim_y", "psnr_y_float", "psnr_rgb_crop4"]),
      ((4, 9, 3), ["checkerboard"]),
      ((1, 1, 3), ["checkerboard", "phase_error"]),
    ):
      hr = _noise(*shape)
      scores = protocol.MATLAB.measure(hr // 2, hr, 4)
      found = [name for name, score in scores.items() if np.isnan(score)]
      self.assertContainsSubset(undefined, found)
      if min(shape[:2]) > 4:
        self.assertEqual(found, undefined)
      mse = np.mean((hr - hr // 2).astype(float) ** 2)
      self.assertAlmostEqual(scores["mse_rgb"], mse)


if __name__ == "__main__":
  absltest.main()
