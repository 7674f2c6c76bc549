"""Generators in our own format: false descriptions and damaged files."""

import pathlib
from unittest import mock

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
from absl.testing import absltest, parameterized
from flax import linen as nn

from srfeat_jax import errors, models
from srfeat_jax.configs import pretrain
from srfeat_jax.inference import upscaler
from srfeat_jax.interchange import generator_file
from srfeat_jax.interchange.containers import safetensors_file
from srfeat_jax.interchange.exports import onnx_file, stablehlo_file
from srfeat_jax.models import fields
from srfeat_jax.ops import pixels
from srfeat_jax.training import networks, optimizers, state, steps
from tests.support import (
  exported_networks,
  foreign_generators,
  image_files,
  parity,
)

PLAIN = {
  "architecture": "plain",
  "features": 8,
  "scale": 2,
  "dtype": "float32",
}
RRDBNET = {"features": 8, "num_blocks": 3, "growth": 4}


class _Plain(nn.Module):
  """A generator that the package does not have, by the contract of `models`."""

  features: fields.Count = 4
  scale: fields.Scale = 2
  dtype: fields.Dtype = "float32"

  receptive_radius = 2

  @nn.compact
  def __call__(self, lr, train=False):
    x = nn.Conv(self.features, (3, 3), dtype=self.dtype, name="conv")(lr)
    x = nn.BatchNorm(
      use_running_average=not train, dtype=self.dtype, name="norm"
    )(x)
    x = nn.leaky_relu(x, 0.2)
    x = nn.Conv(3 * self.scale**2, (3, 3), dtype=self.dtype, name="tail")(x)
    return pixels.pixel_shuffle(x, self.scale).astype(jnp.float32)


class AnotherGeneratorTest(image_files.FolderTestCase):
  """A module and a line in `GENERATORS` is all that a generator takes."""

  def setUp(self):
    super().setUp()
    self.enter_context(mock.patch.dict(models.GENERATORS, {"plain": _Plain}))

  def made(self) -> tuple:
    """The module and its variables, none of them 0 or 1 throughout."""
    module = models.build(PLAIN)
    rng = np.random.default_rng(0)
    variables = jax.tree.map(
      lambda x: x + rng.uniform(0.1, 0.4, x.shape).astype(np.float32),
      models.init(module, jax.random.key(0)),
    )
    return module, variables

  def test_files(self):
    module, variables = self.made()
    path = self.folder / "x.safetensors"
    safetensors_file.save(path, PLAIN, variables)
    loaded = generator_file.load(path)
    self.assertEqual(generator_file.complete(loaded.config), PLAIN)
    lr = parity.images(1, 5, 7, 3)
    np.testing.assert_array_equal(
      module.apply(loaded.variables, lr), module.apply(variables, lr)
    )
    stablehlo_file.save(self.folder / "x.stablehlo", PLAIN, variables)
    with self.assertRaisesRegex(errors.InputError, "plain cannot be"):
      onnx_file.save(self.folder / "x.onnx", PLAIN, variables)

  def test_a_training_step(self):
    config = pretrain.get_config("srfeat_lite")
    config.generator = ml_collections.ConfigDict(PLAIN)
    config.crop_size = 16
    modules = networks.assemble(config, {})
    optimizer = optimizers.build(config)
    before = state.start(
      models.init(modules.generator, jax.random.key(0)),
      optimizer.generator,
      {},
      optimizer.discriminator,
      keep_ema=True,
    )
    rng = np.random.default_rng(0)
    hr = rng.integers(0, 256, (4, 16, 16, 3), dtype=np.uint8)
    step = jax.jit(steps.make_step(config, modules, optimizer))
    after, scalars = step(before, {}, hr)
    self.assertGreater(scalars["loss/pixel"], 0)
    changed = jax.tree.map(
      lambda new, old: not np.array_equal(new, old),
      after.generator.variables,
      before.generator.variables,
    )
    self.assertTrue(all(jax.tree.leaves(changed)), changed)

  def test_tiles_and_precision(self):
    module, variables = self.made()
    lr = parity.images(23, 41, 3)
    expected = module.apply(variables, lr[None])[0]
    self.assertGreater(np.std(expected), 0.05)
    sr = upscaler.Upscaler(module, variables, 12)(lr)
    np.testing.assert_allclose(sr, expected, rtol=0, atol=1e-4)
    rounded = upscaler.Upscaler(module, variables, 12, precision="bfloat16")(lr)
    difference = np.abs(rounded - expected).max() / np.abs(expected).max()
    self.assertBetween(difference, 1e-5, 0.03)


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
