"""Generators in our own format: false descriptions and damaged files."""

import pathlib

import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax.interchange.containers import safetensors_file
from tests.support import (
  exported,
  imported,
)

RRDBNET = {"features": 8, "num_blocks": 3, "growth": 4}


class OursTest(imported.ImportTestCase):
  def damaged(self, metadata=None, **arrays) -> str:
    config, _, variables = exported.made({"architecture": "msrresnet"})
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
