"""The weights that ship: what their card and the README say of them."""

import re
import unittest

import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax import models, weights
from srfeat_jax.evaluation import evaluator, protocol
from srfeat_jax.inference import upscaler
from tests import paths

_FOLDER = paths.REPOSITORY / "srfeat_jax" / "pretrained"
_NAMES = [(path.stem,) for path in sorted(_FOLDER.glob("*.safetensors"))]


class PretrainedTest(parameterized.TestCase):
  def test_there_are_some(self):
    self.assertNotEmpty(_NAMES)

  @parameterized.parameters(*_NAMES)
  def test_file(self, name):
    path = _FOLDER / f"{name}.safetensors"
    self.assertLess(path.stat().st_size, 16e6)
    loaded = weights.load(str(path))
    weights.load_for(models.build(loaded.generator), str(path))
    count = sum(x.size for x in _leaves(loaded.variables["params"]))
    self.assertIn(f"{count:,} parameters", self._card(name))

  @parameterized.parameters(*_NAMES)
  @unittest.skipIf(paths.DATA is None, paths.NO_DATA)
  def test_card_tells_the_truth_on_set5(self, name):
    loaded = weights.load(str(_FOLDER / f"{name}.safetensors"))
    generator = models.build(loaded.generator)
    upscale = upscaler.Upscaler(generator, loaded.variables, tile=None)
    sets = protocol.MATLAB.load(paths.DATA / "benchmarks", ("Set5",))
    scores = evaluator.evaluate(upscale, sets)["sets"]["Set5"]
    psnr = re.search(r"PSNR of Y ([0-9.]+)", self._card(name))[1]
    ssim = re.search(r"SSIM ([0-9.]+)", self._card(name))[1]
    self.assertAlmostEqual(scores["psnr_y"], float(psnr), delta=0.006)
    self.assertAlmostEqual(scores["ssim_y"], float(ssim), delta=0.00006)

  def _card(self, name: str) -> str:
    return (_FOLDER / f"{name}.md").read_text()


def _leaves(tree) -> list[np.ndarray]:
  if not isinstance(tree, dict):
    return [tree]
  return [leaf for child in tree.values() for leaf in _leaves(child)]


if __name__ == "__main__":
  absltest.main()
