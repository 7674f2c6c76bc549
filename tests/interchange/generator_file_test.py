"""Generators as other programs save them, held against torch's own results."""

import collections
import pathlib
import unittest

import jax
import numpy as np
import safetensors.torch
import torch
from absl.testing import absltest, parameterized
from torch import nn

from srfeat_jax import errors, models
from srfeat_jax.interchange import generator_file
from srfeat_jax.interchange.containers import safetensors_file, torch_writer
from srfeat_jax.interchange.layouts import basicsr
from srfeat_jax.weights import lookup
from tests.interchange.exports import onnx_file_test
from tests.support import foreign_files, image_files, networks, parity, paths
from tests.support.torch_networks import torch_gan_models, torch_models

TUTORIAL = "srresnet8_x4_pytorch_tutorial.npz"
RRDBNET = {"features": 8, "num_blocks": 3, "growth": 4}


def random(peer: nn.Module) -> nn.Module:
  """Gives every parameter and statistic a value that shows."""
  torch.manual_seed(1)
  for name, value in peer.state_dict().items():
    if value.dim() == 1 and value.is_floating_point():
      low, high = (0.5, 1.5) if "var" in name else (-0.3, 0.3)
      value.uniform_(low, high)
  return peer.double().eval()


class ImportTestCase(image_files.FolderTestCase):
  def assert_same_picture(self, peer: nn.Module, path, **options):
    read = generator_file.load(path, **options)
    lr = parity.images(1, 9, 7, 3)
    with torch.no_grad():
      expected = parity.channels_last(peer(parity.channels_first(lr)))
    sr = models.build(read.config).apply(read.variables, lr)
    np.testing.assert_allclose(sr, expected, rtol=0, atol=1e-4)
    return read

  def sentence(self, path, **options) -> str:
    with self.assertRaises(errors.InputError) as caught:
      generator_file.load(path, **options)
    sentence = str(caught.exception)
    self.assertLen(sentence.splitlines(), 1)
    return sentence


class BasicSRTest(ImportTestCase):
  @parameterized.product(
    style=tuple(foreign_files.RRDBNET),
    kind=("pth", "legacy", "safetensors", "npz"),
  )
  def test_rrdbnet(self, style, kind):
    peer = random(torch_gan_models.RRDBNet(**RRDBNET))
    state = foreign_files.renamed(peer, foreign_files.RRDBNET[style])
    path = foreign_files.write(self.folder, kind, state)
    read = self.assert_same_picture(peer, path)
    self.assertEqual(read.config["num_blocks"], 3)
    self.assertEqual(read.config["growth"], 4)
    self.assertEqual(read.config["features"], 8)

  @parameterized.parameters(1, 2)
  def test_rrdbnet_of_other_scales(self, scale):
    peer = random(torch_gan_models.RRDBNet(**RRDBNET, scale=scale))
    lr = parity.images(1, 8, 4, 3)
    path = foreign_files.write(self.folder, "pth", peer.state_dict())
    read = generator_file.load(path)
    self.assertEqual(read.config["scale"], scale)
    with torch.no_grad():
      expected = parity.channels_last(peer(parity.channels_first(lr)))
    sr = models.build(read.config).apply(read.variables, lr)
    np.testing.assert_allclose(sr, expected, rtol=0, atol=1e-4)

  @parameterized.product(
    style=tuple(foreign_files.MSRRESNET),
    scale=(2, 4),
    kind=("pth", "safetensors"),
  )
  def test_msrresnet(self, style, scale, kind):
    fields = {"features": 8, "num_blocks": 3, "scale": scale}
    peer = random(torch_models.MSRResNet(**fields))
    state = foreign_files.renamed(peer, foreign_files.MSRRESNET[style])
    read = self.assert_same_picture(
      peer, foreign_files.write(self.folder, kind, state)
    )
    self.assertEqual(read.config, read.config | fields)

  @parameterized.parameters(
    (lambda s: {"params": s},),
    (lambda s: {"params": other(s), "params_ema": s},),
    (lambda s: {"params_ema": {f"module.{k}": v for k, v in s.items()}},),
    (lambda s: {"meta": {"a": 1}, "state_dict": {
      f"generator.{k}": v for k, v in s.items()
    } | {"discriminator.x.weight": torch.ones(3)}},),
    (lambda s: {"iter": 5, "state_dict": {f"module.generator.{k}": v
                                          for k, v in s.items()}},),
    (lambda s: {k: v.half() for k, v in s.items()},),
    (lambda s: {k: v.bfloat16() for k, v in s.items()},),
  )  # fmt: skip
  def test_wrappers_and_prefixes(self, wrap):
    peer = random(torch_gan_models.RRDBNet(**RRDBNET))
    state = {k: v.bfloat16() for k, v in peer.state_dict().items()}
    peer.load_state_dict(state)
    path = foreign_files.write(self.folder, "pth", wrap(peer.state_dict()))
    self.assert_same_picture(peer.double(), path)

  def test_bfloat16_safetensors(self):
    peer = random(torch_gan_models.RRDBNet(**RRDBNET))
    state = {k: v.bfloat16() for k, v in peer.state_dict().items()}
    peer.load_state_dict(state)
    path = self.folder / "x.safetensors"
    safetensors.torch.save_file(state, path)
    self.assert_same_picture(peer.double(), path)

  def refuse(self, change) -> str:
    state = dict(torch_gan_models.RRDBNet(**RRDBNET).state_dict())
    change(state)
    return self.sentence(foreign_files.write(self.folder, "pth", state))

  def test_not_finite(self):
    bias = torch.tensor([0, 0, 0, torch.inf])
    sentence = self.refuse(lambda s: s.update({"body.1.rdb2.conv3.bias": bias}))
    self.assertIn("holds NaN or infinity in body.1.rdb2.conv3.bias: ", sentence)

  def test_arrays_are_named(self):
    def change(state):
      del state["conv_body.weight"]
      state["extra.weight"] = torch.ones(3)
      state["body.1.rdb2.conv3.bias"] = torch.ones(5)

    sentence = self.refuse(change)
    self.assertIn("looks like rrdbnet as BasicSR names it, but", sentence)
    self.assertIn("1 missing: conv_body.weight", sentence)
    self.assertIn("1 unexpected: extra.weight", sentence)
    self.assertIn("body.1.rdb2.conv3.bias (5,) instead of (4,)", sentence)

  def test_gray(self):
    sentence = self.refuse(
      lambda s: s.update({"conv_first.weight": torch.ones(8, 1, 3, 3)})
    )
    self.assertIn("takes 1 channels: expected 3 for RGB", sentence)

  def test_old_form_of_another_scale(self):
    peer = torch_gan_models.RRDBNet(**RRDBNET)
    state = foreign_files.renamed(peer, foreign_files.RRDBNET["old"])
    moves = {"model.6": "model.5", "model.8": "model.7"}
    for old, new in moves.items():
      for leaf in ("weight", "bias"):
        state[f"{new}.{leaf}"] = state.pop(f"{old}.{leaf}")
    for leaf in ("weight", "bias"):
      del state[f"model.10.{leaf}"]
    path = foreign_files.write(self.folder, "pth", state)
    self.assertIn("enlarges 2 times by another", self.sentence(path))

  def test_msrresnet_of_scale_3(self):
    peer = torch_models.MSRResNet(features=8, num_blocks=2, scale=2)
    state = dict(peer.state_dict())
    state["upconv1.weight"] = torch.ones(72, 8, 3, 3)
    path = foreign_files.write(self.folder, "pth", state)
    self.assertIn("but enlarges 3 times: expected 2, 4", self.sentence(path))

  def test_other_networks(self):
    path = foreign_files.write(self.folder, "pth", nn.Linear(2, 3).state_dict())
    self.assertIn("no generator that this program knows", self.sentence(path))
    path = foreign_files.write(self.folder, "pth", {"a": {"b": 3}})
    self.assertIn("holds no named arrays", self.sentence(path))
    path = foreign_files.write(
      self.folder, "pth", {"a.weight": torch.arange(3)}
    )
    self.assertIn("a.weight as int64: expected floating", self.sentence(path))

  def test_what_a_file_says_stays_one_line(self):
    state = {f"a\n\x1b[31m{i}" * 50: torch.ones(1) for i in range(3)}
    path = foreign_files.write(self.folder, "pth", state)
    self.assertNotIn("\x1b", self.sentence(path))


def other(state):
  return {k: 2 * v for k, v in state.items()}


class SRResNetTest(ImportTestCase):
  @parameterized.product(
    style=tuple(foreign_files.SRRESNET),
    kind=("pth", "safetensors"),
    fields=(
      {},
      {"prelu_per_channel": True, "block_bias": True},
      {"scale": 2},
    ),
  )
  def test_structure(self, style, kind, fields):
    # Two digits: as text, 10 sorts before 2.
    fields = {"features": 8, "num_blocks": 12} | fields
    peer = networks.peer_of({"architecture": "srresnet"} | fields)
    peer = random(peer)
    state = foreign_files.renamed(peer, foreign_files.SRRESNET[style])
    path = foreign_files.write(self.folder, kind, state)
    read = self.assert_same_picture(
      peer, path, input_range="unit", output_range="symmetric"
    )
    self.assertEqual(read.config, read.config | fields)

  @parameterized.product(
    entering=("unit", "symmetric", "imagenet"),
    leaving=("symmetric", "tanh", "unit", "sigmoid"),
  )
  def test_ranges(self, entering, leaving):
    peer = random(torch_models.SRResNet(features=8, num_blocks=2))
    path = foreign_files.write(self.folder, "pth", peer.state_dict())
    as_theirs = foreign_files.Ranges(peer, entering, leaving)
    self.assert_same_picture(
      as_theirs, path, input_range=entering, output_range=leaving
    )

  def test_a_range_that_nothing_shows_is_doubted(self):
    peer = random(torch_models.SRResNet(features=8, num_blocks=2))
    path = foreign_files.write(self.folder, "pth", peer.state_dict())
    read = generator_file.load(path)
    self.assertIn("import it with --input_range", read.doubt)
    with self.assertLogs(level="WARNING"):
      lookup.load(str(path))

  def test_mixed_slopes(self):
    peer = random(torch_models.SRResNet(features=8, num_blocks=2))
    peer.upscale[1].prelu = nn.PReLU(8)
    peer = random(peer)
    path = foreign_files.write(self.folder, "pth", peer.state_dict())
    self.assert_same_picture(
      peer, path, input_range="unit", output_range="symmetric"
    )

  @parameterized.parameters(
    (lambda s: s.pop("residual.1.conv2.weight"), "3x3 convolutions .* of 5"),
    (lambda s: s.pop("residual.1.prelu.weight"), "PReLUs instead of 5"),
    (lambda s: s.update({"fc.weight": torch.ones(3, 4)}),
     r"unexpected or misshapen arrays: fc.weight \(3, 4\)"),
    (lambda s: s.update({"residual.0.conv1.weight": torch.ones(8, 8, 5, 5)}),
     r"residual.0.conv1.weight \(8, 8, 5, 5\)"),
    (lambda s: s.update({"residual.0.bn1.running_var": torch.ones(9)}),
     r"residual.0.bn1.running_var \(9,\)"),
    (lambda s: s.update({"upscale.0.conv.weight": torch.ones(72, 8, 3, 3)}),
     "enlarges 3 times"),
    (lambda s: s.update({"upscale.0.prelu.weight": torch.ones(32)}),
     r"upscale.0.prelu.weight \(32,\): expected PReLUs of one slope or of 8"),
    (lambda s: s.update({"extra.weight": torch.ones(3)}),
     r"has extra.weight \(3,\): expected PReLUs"),
    (lambda s: s.pop("conv_input.weight"), r"no first .*\(8, 3, 9, 9\)$"),
    (lambda s: s.update({"conv_input.weight": torch.ones(8, 3, 3, 9)}),
     r"no first .* has instead conv_input.weight \(8, 3, 3, 9\)"),
    (lambda s: s.update({"conv_output.weight": torch.ones(3, 7, 9, 9)}),
     r"no last .*\(3, 8, 9, 9\), .* conv_output.weight \(3, 7, 9, 9\)"),
  )  # fmt: skip
  def test_refused(self, change, sentence):
    state = dict(torch_models.SRResNet(features=8, num_blocks=2).state_dict())
    change(state)
    path = foreign_files.write(self.folder, "pth", state)
    self.assertRegex(self.sentence(path), sentence)

  @parameterized.parameters(
    ("residual.1.conv2.weight", "8 3x3 conv.*; missing: {}$"),
    ("residual.2.prelu.weight", "6 PReLUs instead of 7; missing: {}$"),
  )
  def test_the_array_that_one_block_lacks_is_named(self, name, sentence):
    state = dict(torch_models.SRResNet(features=8, num_blocks=4).state_dict())
    del state[name]
    path = foreign_files.write(self.folder, "pth", state)
    self.assertRegex(self.sentence(path), sentence.format(name))

  def test_the_array_that_one_block_has_alone_is_named(self):
    state = dict(torch_models.SRResNet(features=8, num_blocks=4).state_dict())
    state["residual.1.conv3.weight"] = torch.ones(8, 8, 3, 3)
    path = foreign_files.write(self.folder, "pth", state)
    self.assertRegex(
      self.sentence(path), "; unexpected: residual.1.conv3.weight$"
    )

  @unittest.skipIf(paths.DATA is None, paths.NO_DATA)
  def test_a_real_one_is_read_without_being_told(self):
    read = generator_file.load(paths.DATA / "models" / TUTORIAL)
    self.assertEqual(read.doubt, "")
    self.assertEqual(read.config["num_blocks"], 8)
    self.assertTrue(read.config["prelu_per_channel"])
    with np.load(paths.DATA / "models" / TUTORIAL) as state:
      expected = torch_models.to_variables(state, "srresnet")
    jax.tree.map(np.testing.assert_array_equal, read.variables, expected)

  @parameterized.product(
    entering=("unit", "symmetric", "imagenet"),
    leaving=("symmetric", "unit"),
  )
  @unittest.skipIf(paths.DATA is None, paths.NO_DATA)
  def test_a_real_one_made_to_want_other_ranges(self, entering, leaving):
    state = foreign_files.tutorial_with_ranges(
      paths.DATA / "models" / TUTORIAL, entering, leaving
    )
    read = generator_file.load(foreign_files.write(self.folder, "npz", state))
    self.assertEqual(read.doubt, "")
    self.assertIn(f"{entering} input and {leaving} output", read.kind)


class SRFeatTest(ImportTestCase):
  def test_the_authors_file(self):
    peer = random(torch_models.SRFeat(features=8, num_blocks=3))
    arrays = foreign_files.official_srfeat(peer)
    self.assertLen(arrays, 11 * 3 + 7)  # of 16 blocks: 183
    path = foreign_files.write_objects(self.folder, arrays)
    read = self.assert_same_picture(peer, path)
    self.assertEqual(read.kind, "SRFeat of its authors")
    self.assertTrue(read.config["batch_norm"])

  def test_full_size_is_183_arrays(self):
    variables = {
      name: (shape) for name, shape in foreign_files.srfeat_file_layout(16, 128)
    }
    self.assertLen(variables, 183)
    self.assertEqual(sum(map(np.prod, (
      shape for name, shape in variables.items() if name.startswith("params")
    ))), 6_187_907)  # fmt: skip

  def test_other_lists(self):
    arrays = foreign_files.official_srfeat(
      torch_models.SRFeat(features=8, num_blocks=3)
    )
    path = foreign_files.write_objects(self.folder, arrays[:-1])
    self.assertIn("holds 39 arrays without names", self.sentence(path))
    arrays[3] = arrays[3][:5]
    path = foreign_files.write_objects(self.folder, arrays)
    self.assertIn(
      "array 3 (params/blocks_0/norm_0/bias) (5,) instead of (8,)",
      self.sentence(path),
    )

  def test_not_finite(self):
    arrays = foreign_files.official_srfeat(
      torch_models.SRFeat(features=8, num_blocks=3)
    )
    arrays[3] = np.full_like(arrays[3], np.nan)
    path = foreign_files.write_objects(self.folder, arrays)
    self.assertIn(
      "holds NaN or infinity in params/blocks_0/norm_0/bias",
      self.sentence(path),
    )


class ExportTest(ImportTestCase):
  @parameterized.parameters(*onnx_file_test.CONFIGS)
  def test_round_trip_of_ours(self, **config):
    config, _, variables = onnx_file_test.made(config)
    path = self.folder / "x.safetensors"
    safetensors_file.save(path, config, variables)
    read = generator_file.load(path)
    self.assertEqual(read.config, config)
    jax.tree.map(np.testing.assert_array_equal, read.variables, variables)

  @parameterized.product(
    kind=("pth", "safetensors"),
    config=[
      c
      for c in onnx_file_test.CONFIGS
      if c["architecture"] in ("msrresnet", "rrdbnet")
      and "residual_scale" not in c
    ],
  )
  def test_round_trip_of_basicsr(self, kind, config):
    config, module, variables = onnx_file_test.made(config)
    state = basicsr.state_dict(config, variables)
    path = self.folder / f"x.{kind}"
    if kind == "pth":
      torch_writer.save(path, "params", state)
      theirs = torch.load(path, weights_only=True)
      self.assertEqual(list(theirs), ["params"])
      self.assertIsInstance(theirs["params"], collections.OrderedDict)
      theirs = theirs["params"]
    else:
      safetensors_file.write(path, state, {"format": "pt"})
      theirs = safetensors.torch.load_file(path)
    fields = {
      k: v for k, v in config.items()
      if k in ("features", "num_blocks", "scale", "growth")
    }  # fmt: skip
    peer = {
      "msrresnet": torch_models.MSRResNet,
      "rrdbnet": torch_gan_models.RRDBNet,
    }[config["architecture"]](**fields)
    peer.load_state_dict(theirs, strict=True)
    lr = parity.images(1, 8, 12, 3)
    with torch.no_grad():
      expected = peer.double()(parity.channels_first(lr))
    np.testing.assert_allclose(
      module.apply(variables, lr),
      parity.channels_last(expected),
      rtol=0,
      atol=1e-4,
    )
    read = generator_file.load(path)
    self.assertEqual(read.config, read.config | fields)
    jax.tree.map(np.testing.assert_array_equal, read.variables, variables)

  @parameterized.parameters(
    ({"architecture": "srfeat"}, "BasicSR has no srfeat: only RRDBNet"),
    ({"architecture": "msrresnet", "scale": 8}, "no MSRResNet of scale 8"),
    (
      {"architecture": "rrdbnet", "residual_scale": 0.5},
      "residual_scale is 0.5",
    ),
  )
  def test_what_basicsr_has_not(self, config, sentence):
    config, _, variables = onnx_file_test.made(config)
    with self.assertRaisesRegex(errors.InputError, sentence):
      basicsr.state_dict(config, variables)

  def test_torch_reads_tensors_of_every_rank(self):
    state = {
      "a": np.float32(3), "b": np.arange(5, dtype=np.float32),
      "c": np.zeros((0, 2), np.float32),
      "d": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    }  # fmt: skip
    torch_writer.save(self.folder / "x.pth", "params", state)
    read = torch.load(self.folder / "x.pth", weights_only=True)["params"]
    for name, array in state.items():
      np.testing.assert_array_equal(read[name], array)


class OursTest(ImportTestCase):
  def damaged(self, metadata=None, **arrays) -> str:
    config, _, variables = onnx_file_test.made({"architecture": "msrresnet"})
    path = self.folder / "x.safetensors"
    safetensors_file.save(path, config, variables)
    tensors, about = safetensors_file.read(path)
    safetensors_file.write(path, tensors | arrays, about | (metadata or {}))
    return self.sentence(path)

  @parameterized.parameters(
    ("{", "description of a generator"),
    ("[" * 100_000, "description of a generator"),
    ("[]", "describes its generator as"),
    ('{"architecture": "msrresnet", "num_blocks": 1000000000}', "not so many"),
    ('{"architecture": "msrresnet", "features": 1000000000}', "not so many"),
    ('{"architecture": "msrresnet", "features": "x"}', "not so many"),
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
