"""Generators in our own format: false descriptions and damaged files."""

import pathlib
from unittest import mock

import jax
import numpy as np
from absl.testing import absltest, parameterized
from flax import linen as nn

from srfeat_jax import errors, models
from srfeat_jax.interchange import generator_file
from srfeat_jax.interchange.containers import safetensors_file
from srfeat_jax.interchange.exports import onnx_file, stablehlo_file
from srfeat_jax.models import fields
from srfeat_jax.ops import pixels
from tests.support import (
  exported_networks,
  foreign_generators,
  image_files,
  parity,
)

RRDBNET = {"features": 8, "num_blocks": 3, "growth": 4}


class _Plain(nn.Module):
  """A generator that the package does not have: its file and one line more."""

  features: fields.Count = 4
  scale: fields.Scale = 2

  receptive_radius = 1
  unshuffle = 1

  @nn.compact
  def __call__(self, lr, train=False):
    x = nn.Conv(3 * self.scale**2, (3, 3), name="conv")(lr)
    return pixels.pixel_shuffle(x, self.scale)


class AnotherGeneratorTest(image_files.FolderTestCase):
  def test_needs_nothing_here(self):
    config = {"architecture": "plain", "features": 3, "scale": 2}
    path = self.folder / "x.safetensors"
    with mock.patch.dict(models.GENERATORS, {"plain": _Plain}):
      module = models.build(config)
      variables = models.init(module, jax.random.key(0))
      safetensors_file.save(path, config, variables)
      loaded = generator_file.load(path)
      self.assertEqual(generator_file.complete(loaded.config), config)
      lr = parity.images(1, 5, 7, 3)
      np.testing.assert_array_equal(
        module.apply(loaded.variables, lr), module.apply(variables, lr)
      )
      stablehlo_file.save(self.folder / "x.stablehlo", config, variables)
      with self.assertRaisesRegex(errors.InputError, "plain cannot be"):
        onnx_file.save(self.folder / "x.onnx", config, variables)


class OursTest(foreign_generators.ImportTestCase):
  def damaged(self, metadata=None, **arrays) -> str:
    config, _, variables = exported_networks.made({"architecture": "msrresnet"})
    path = self.folder / "x.safetensors"
    safetensors_file.save(path, config, variables)
    tensors, about = safetensors_file.read(path)
    safetensors_file.write(path, tensors | arrays, about | (metadata or {}))
    return self.sentence(path)

  @parameterized.parameters(
    ("{", "description of a generator"),
    ("[" * 100_000, "description of a generator"),
    ("[]", "describes its generator as"),
    ('{"architecture": "msrresnet", "num_blocks": 1000000000}', "too few"),
    ('{"architecture": "msrresnet", "features": 1000000000}', "too few"),
    (
      '{"architecture": "msrresnet", "features": "x"}',
      "features: expected",
    ),
    ('{"architecture": "magic"}', "expected srfeat, srresnet"),
    ('{"architecture": ["a"]}', "expected srfeat, srresnet"),
    ('{"architecture": "msrresnet", "features": 8}', "missing"),
  )
  def test_description(self, text, sentence):
    self.assertIn(sentence, self.damaged({"generator": text}))

  def test_arrays(self):
    self.assertIn("unexpected: new", self.damaged(new=np.ones(3, np.float32)))
    self.assertIn(
      "be read", self.damaged(**{"params/head": np.ones(3, np.float32)})
    )
    self.assertIn(
      "as int64", self.damaged(**{"params/head/bias": np.zeros(8, np.int64)})
    )

  def test_not_finite(self):
    sentence = self.damaged(
      **{
        "params/head/bias": np.full(8, np.nan, np.float32),
        "params/tail/bias": np.float32([0, -np.inf, 0]),
      }
    )
    self.assertIn(
      "holds NaN or infinity in params/head/bias, params/tail/bias: ", sentence
    )

  def test_missing_file(self):
    path = pathlib.Path(self.folder / "x.pth")
    self.assertIn("there is no weights file", self.sentence(path))


if __name__ == "__main__":
  absltest.main()
