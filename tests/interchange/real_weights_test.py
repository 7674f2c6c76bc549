"""A published network, run by us, gives its published images and scores."""

import json
import unittest

import numpy as np
from absl.testing import absltest, parameterized
from PIL import Image

from srfeat_jax import models
from srfeat_jax.interchange import generator_file
from srfeat_jax.ops import color, pixels, quality
from tests.support import paths

IMAGES = [f"img_{i:03d}" for i in range(1, 6)]


def read(path) -> np.ndarray:
  with Image.open(path) as image:
    return np.asarray(image.convert("RGB"))


def psnr_y(a: np.ndarray, b: np.ndarray) -> float:
  a, b = (255 * color.rgb_to_y(pixels.to_float(x)) for x in (a, b))
  return quality.psnr(a, b, border=4)


@unittest.skipIf(paths.DATA is None, paths.NO_DATA)
class PretrainedSRResNetTest(parameterized.TestCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.imported = generator_file.load(
      paths.DATA / "models" / "srresnet8_x4_pytorch_tutorial.npz"
    )
    cls.anchors = paths.DATA / "reference" / "anchors_set5_x4"
    cls.set5 = paths.DATA / "benchmarks" / "Set5"
    cls.sr = {name: cls.upscale(name) for name in IMAGES}
    cls.hr = {name: read(cls.set5 / "HR" / f"{name}.png") for name in IMAGES}

  @classmethod
  def upscale(cls, name: str, dtype: str = "float32") -> np.ndarray:
    generator = models.build(cls.imported.config | {"dtype": dtype})
    lr = pixels.to_float(read(cls.set5 / "LRx4" / f"{name}.png"))
    sr = generator.apply(cls.imported.variables, lr[None])
    return np.asarray(pixels.to_uint8(sr[0]))

  def test_set5_means(self):
    y = [psnr_y(self.sr[name], self.hr[name]) for name in IMAGES]
    rgb = [quality.psnr(self.sr[name], self.hr[name]) for name in IMAGES]
    self.assertAlmostEqual(np.mean(y), 31.88, delta=0.01)
    self.assertAlmostEqual(np.mean(rgb), 29.87, delta=0.01)

  def test_psnr_an_image(self):
    with open(self.anchors / "psnr.json") as file:
      expected = json.load(file)["srresnet8_pytorch_tutorial"]
    for i, name in enumerate(IMAGES):
      y = psnr_y(self.sr[name], self.hr[name])
      rgb = quality.psnr(self.sr[name], self.hr[name])
      self.assertAlmostEqual(y, expected["y_psnr_shave4"][i], delta=0.005)
      self.assertAlmostEqual(rgb, expected["rgb_psnr"][i], delta=0.005)

  @parameterized.parameters(*IMAGES)
  def test_pixels(self, name):
    path = self.anchors / f"{name}_srresnet8_pytorch_tutorial.png"
    expected = read(path).astype(int)
    difference = np.abs(self.sr[name].astype(int) - expected)
    self.assertLessEqual(difference.max(), 1)
    # One level apart only where a value lies next to a rounding boundary.
    self.assertLess(np.mean(difference > 0), 1e-3)

  def test_bfloat16_costs_little(self):
    name = IMAGES[2]
    sr = self.upscale(name, "bfloat16")
    self.assertAlmostEqual(
      psnr_y(sr, self.hr[name]),
      psnr_y(self.sr[name], self.hr[name]),
      delta=0.05,
    )


if __name__ == "__main__":
  absltest.main()
