"""ONNX graphs and StableHLO programs against the networks they were made of."""

import json
import sys
from unittest import mock

import jax
import numpy as np
import onnx
import onnxruntime
from absl.testing import absltest, parameterized
from jax import export

from srfeat_jax import errors, models
from srfeat_jax.interchange.exports import onnx_file, stablehlo_file
from tests.support import image_files, parity

SMALL = {"features": 8, "num_blocks": 2}
CONFIGS = (
  {"architecture": "srfeat"},
  {"architecture": "srfeat", "batch_norm": False, "block_bias": True,
   "skip_bias": True, "residual_base": "bilinear", "initializer": "uniform"},
  {"architecture": "srfeat", "residual_base": "bicubic", "tanh": True,
   "activation_after_shuffle": False, "scale": 2},
  {"architecture": "srresnet", "input_range": "imagenet"},
  {"architecture": "srresnet", "prelu_per_channel": True, "block_bias": True,
   "tanh": True, "input_range": "symmetric", "batch_norm_epsilon": 1e-2},
  {"architecture": "srresnet", "residual_base": "bicubic", "scale": 8},
  {"architecture": "msrresnet"},
  {"architecture": "msrresnet", "scale": 2},
  {"architecture": "rrdbnet", "growth": 4},
  {"architecture": "rrdbnet", "growth": 4, "scale": 2},
  {"architecture": "rrdbnet", "growth": 4, "scale": 1, "residual_scale": 0.5},
)  # fmt: skip
SIZES = ((1, 1, 1), (2, 7, 13), (1, 32, 5))


def complete(config: dict) -> dict:
  """The config with every field, as a run or an import has it."""
  module = models.build(SMALL | config)
  fields = set(module.__dataclass_fields__) - {"parent", "name"}
  return {f: getattr(module, f) for f in fields} | {
    "architecture": config["architecture"]
  }


def made(config: dict) -> tuple:
  """A complete config, its module, and variables none of which is trivial."""
  config = complete(config)
  module = models.build(config)
  shapes = jax.eval_shape(
    module.init, jax.random.key(0), np.zeros((1, 8, 8, 3))
  )
  rng = np.random.default_rng(0)

  def fill(path, x):
    if path[-1].key in ("var", "scale"):
      return rng.uniform(0.5, 1.5, x.shape).astype(np.float32)
    fan_in = np.prod(x.shape[:-1]) if len(x.shape) == 4 else 25
    return rng.normal(0, fan_in**-0.5, x.shape).astype(np.float32)

  return config, module, jax.tree_util.tree_map_with_path(fill, shapes)


class EqualTest(image_files.FolderTestCase):
  @parameterized.parameters(*CONFIGS)
  def test_onnx(self, **config):
    config, module, variables = made(config)
    path = self.folder / "new" / "x.onnx"
    onnx_file.save(path, config, variables)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
      path, options, providers=["CPUExecutionProvider"]
    )
    (given,), (made_,) = session.get_inputs(), session.get_outputs()
    self.assertEqual(given.shape, ["batch", 3, "height", "width"])
    self.assertEqual(made_.name, "sr")
    for size in SIZES:
      lr = parity.images(*size, 3)
      sr = session.run(None, {"lr": np.moveaxis(lr, -1, 1)})[0]
      np.testing.assert_allclose(
        np.moveaxis(sr, 1, -1), module.apply(variables, lr), rtol=0, atol=1e-4
      )

  @parameterized.parameters(*CONFIGS)
  def test_stablehlo(self, **config):
    config, module, variables = made(config)
    path = self.folder / "x.stablehlo"
    stablehlo_file.save(path, config, variables)
    program = export.deserialize(bytearray(path.read_bytes()))
    self.assertEqual(program.platforms, ("cpu", "cuda", "tpu"))
    for size in SIZES:
      lr = parity.images(*size, 3)
      np.testing.assert_allclose(
        program.call(lr), module.apply(variables, lr), rtol=0, atol=1e-4
      )


class FileTest(image_files.FolderTestCase):
  def test_onnx_says_what_it_is(self):
    config, _, variables = made({"architecture": "msrresnet"})
    path = self.folder / "x.onnx"
    onnx_file.save(path, config, variables)
    model = onnx.load(path)
    (prop,) = model.metadata_props
    self.assertEqual(json.loads(prop.value), config)
    self.assertEqual(model.opset_import[0].version, 17)

  @parameterized.parameters(
    (onnx_file, "onnx", r"launch/install\.sh onnx, or pip install \"onnx>="),
    (
      stablehlo_file,
      "flatbuffers",
      r"launch/install\.sh stablehlo, or pip install \"flatbuffers>=",
    ),
  )
  def test_without_the_package(self, module, package, sentence):
    config, _, variables = made({"architecture": "msrresnet"})
    with (
      mock.patch.dict(sys.modules, {package: None}),
      self.assertRaisesRegex(errors.InputError, sentence),
    ):
      module.save(self.folder / "x", config, variables)
    self.assertEmpty(list(self.folder.iterdir()))


if __name__ == "__main__":
  absltest.main()
