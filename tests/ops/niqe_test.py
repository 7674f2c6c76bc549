"""Tests of srfeat_jax.ops.niqe against recorded values of BasicSR and MATLAB.

Recorded with the functions of BasicSR 1.4.2's metrics/niqe.py, unchanged, in
float64 where not said otherwise. It finds the shape of a distribution in a
table of steps of 0.001, so rounding may move a score by some thousandths.
"""

import unittest

import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax.evaluation import protocol
from srfeat_jax.image_io import images
from srfeat_jax.interchange import niqe_file
from srfeat_jax.ops import niqe
from tests.support import paths

# Published by the package basicsr, and not part of the data that tests need.
_FILE = paths.DATA and paths.DATA / "weights" / "niqe_pris_params.npz"


def _waves(height: int, width: int, seed: int) -> np.ndarray:
  y, x = np.mgrid[:height, :width]
  noise = 12 * np.random.default_rng(seed).standard_normal((height, width))
  return np.round(128 + 50 * np.sin(x / 7) + 30 * np.cos(y / 11) + noise)


class NiqeTest(absltest.TestCase):
  def test_features_are_basicsr_s(self):
    expected = [
      *(2.756, 1.1890256011249902),
      *(0.946, -0.08382117855441133, 0.3666559332018033, 0.289488942257608),
      *(0.914, -0.08297624455200076, 0.34968012918345054, 0.27739239209133787),
      *(0.904, -0.06686723070818665, 0.3395830552904747, 0.28238589899866096),
      *(0.913, -0.05034144973924355, 0.3374583965991141, 0.29368080425628607),
    ]
    features = niqe.block_features(_waves(96, 192, 0))
    self.assertEqual(features.shape, (2, 36))
    np.testing.assert_allclose(features[0, :18], expected, rtol=1e-6)

  def test_score_with_other_parameters_is_basicsr_s(self):
    rng = np.random.default_rng(1)
    mean, a = rng.random((1, 36)), rng.random((36, 36))
    score = niqe.niqe(np.clip(_waves(200, 300, 2), 0, 255), mean, a @ a.T)
    self.assertAlmostEqual(score, 10.499117585560574, delta=2e-3)

  def test_a_score_does_not_depend_on_what_is_left_over(self):
    parameters = np.zeros(36), np.eye(36)
    image = _waves(110, 230, 3)
    score = niqe.niqe(image, *parameters)
    self.assertEqual(score, niqe.niqe(image[:96, :192], *parameters))
    shifted = niqe.niqe(image[5:101, 7:199], *parameters)
    self.assertNotEqual(score, shifted)
    self.assertAlmostEqual(score, shifted, delta=0.5)

  def test_where_it_is_not_defined(self):
    parameters = np.zeros(36), np.eye(36)
    half = _waves(96, 288, 4)
    half[:, 96:] = 7  # one block with detail, and two flat ones
    for image, sentence in (
      (np.full((200, 200), 9.0), "detail in 2 blocks .* 0 of 4 have any"),
      (half, "1 of 3 have any"),
      (np.zeros((1, 1)), "there are 0 in 1 x 1"),
      (_waves(191, 191, 0), "there are 1 in 191 x 191"),
      (np.zeros((200, 200, 3)), r"of \[H, W\], not of \(200, 200, 3\)"),
    ):
      with self.subTest(sentence), self.assertRaisesRegex(ValueError, sentence):
        niqe.niqe(image, *parameters)


@unittest.skipIf(
  not (_FILE and _FILE.is_file()),
  f"NIQE's parameters not found: put BasicSR's file at {_FILE}",
)
class PublishedParametersTest(parameterized.TestCase):
  @parameterized.parameters(
    # MATLAB R2021a's of this image, as BasicSR's source states it.
    ("img_001", 0, 5.72957338),
    # BasicSR's, which computes in float32.
    ("img_001", 4, 5.989242412611863),
    ("img_005", 0, 4.138839856678265),
    ("img_005", 4, 4.332521431502024),
  )
  def test_images_of_set14(self, name, border, expected):
    image = images.read(paths.DATA / "benchmarks/Set14/HR" / f"{name}.png")
    luma = protocol.luma_levels(image)
    kept = slice(border, -border or None)
    score = niqe.niqe(luma[kept, kept], *niqe_file.load(str(_FILE)))
    self.assertAlmostEqual(score, expected, delta=1e-3)


if __name__ == "__main__":
  absltest.main()
