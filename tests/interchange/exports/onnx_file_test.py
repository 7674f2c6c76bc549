"""ONNX graphs against the networks they were made from."""

import json
import sys
from unittest import mock

import numpy as np
import onnx
import onnxruntime
from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.interchange.exports import onnx_file, stablehlo_file
from tests.support import exported_networks, image_files, parity


class EqualTest(image_files.FolderTestCase):
  def test_every_description_is_compared(self):
    tested = {each["architecture"] for each in exported_networks.CONFIGS}
    self.assertContainsSubset(onnx_file.NETWORKS, tested)

  @parameterized.parameters(
    *(
      config
      for config in exported_networks.CONFIGS
      if config["architecture"] in onnx_file.NETWORKS
    )
  )
  def test_onnx(self, **config):
    config, module, variables = exported_networks.made(config)
    path = self.folder / "new" / "x.onnx"
    onnx_file.save(path, config, variables)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
      path, options, providers=["CPUExecutionProvider"]
    )
    (taken,), (returned,) = session.get_inputs(), session.get_outputs()
    self.assertEqual(taken.shape, ["batch", 3, "height", "width"])
    self.assertEqual(returned.name, "sr")
    for size in exported_networks.SIZES:
      lr = parity.images(*size, 3)
      sr = session.run(None, {"lr": np.moveaxis(lr, -1, 1)})[0]
      np.testing.assert_allclose(
        np.moveaxis(sr, 1, -1), module.apply(variables, lr), rtol=0, atol=1e-4
      )


class FileTest(image_files.FolderTestCase):
  def test_onnx_says_what_it_is(self):
    config, _, variables = exported_networks.made({"architecture": "msrresnet"})
    path = self.folder / "x.onnx"
    onnx_file.save(path, config, variables)
    model = onnx.load(path)
    (prop,) = model.metadata_props
    self.assertEqual(json.loads(prop.value), config)
    self.assertEqual(model.opset_import[0].version, 17)

  def test_a_generator_without_a_description(self):
    config = {"architecture": "edsr", "scale": 4}
    with self.assertRaisesRegex(
      errors.InputError,
      "edsr cannot be exported to ONNX, only srfeat, .*: choose --format=stab",
    ):
      onnx_file.save(self.folder / "x.onnx", config, {})
    self.assertEmpty(list(self.folder.iterdir()))

  @parameterized.parameters(
    (onnx_file, "onnx", r"launch/install\.sh onnx, or pip install \"onnx>="),
    (
      stablehlo_file,
      "flatbuffers",
      r"launch/install\.sh stablehlo, or pip install \"flatbuffers>=",
    ),
  )
  def test_without_the_package(self, module, package, sentence):
    config, _, variables = exported_networks.made({"architecture": "msrresnet"})
    with (
      mock.patch.dict(sys.modules, {package: None}),
      self.assertRaisesRegex(errors.InputError, sentence),
    ):
      module.save(self.folder / "x", config, variables)
    self.assertEmpty(list(self.folder.iterdir()))


if __name__ == "__main__":
  absltest.main()
