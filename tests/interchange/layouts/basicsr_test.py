"""RRDBNet and MSRResNet in BasicSR's files, compared with PyTorch."""

import collections

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
from tests.support import (
  exported_networks,
  foreign_files,
  foreign_generators,
  parity,
)
from tests.support.torch_networks import torch_gan_models, torch_models

RRDBNET = {"features": 8, "num_blocks": 3, "growth": 4}
NOT_IN_BASICSR = (("msrresnet", 1), ("rrdbnet", 3))


class BasicSRTest(foreign_generators.ImportTestCase):
  @parameterized.product(
    style=tuple(foreign_files.RRDBNET),
    kind=("pth", "legacy", "safetensors", "npz"),
  )
  def test_rrdbnet(self, style, kind):
    peer = foreign_generators.random(torch_gan_models.RRDBNet(**RRDBNET))
    state = foreign_files.renamed(peer, foreign_files.RRDBNET[style])
    path = foreign_files.write(self.folder, kind, state)
    read = self.assert_same_image(peer, path)
    self.assertEqual(read.config["num_blocks"], 3)
    self.assertEqual(read.config["growth"], 4)
    self.assertEqual(read.config["features"], 8)

  @parameterized.parameters(1, 2)
  def test_rrdbnet_of_other_scales(self, scale):
    peer = foreign_generators.random(
      torch_gan_models.RRDBNet(**RRDBNET, scale=scale)
    )
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
    scale=(2, 3, 4),
    kind=("pth", "safetensors"),
  )
  def test_msrresnet(self, style, scale, kind):
    fields = {"features": 8, "num_blocks": 3, "scale": scale}
    peer = foreign_generators.random(torch_models.MSRResNet(**fields))
    state = foreign_files.renamed(peer, foreign_files.MSRRESNET[style])
    read = self.assert_same_image(
      peer, foreign_files.write(self.folder, kind, state)
    )
    self.assertEqual(read.config, read.config | fields)

  @parameterized.parameters(
    (lambda s: {"params": s},),
    (lambda s: {"params": foreign_generators.other(s), "params_ema": s},),
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
    peer = foreign_generators.random(torch_gan_models.RRDBNet(**RRDBNET))
    state = {k: v.bfloat16() for k, v in peer.state_dict().items()}
    peer.load_state_dict(state)
    path = foreign_files.write(self.folder, "pth", wrap(peer.state_dict()))
    self.assert_same_image(peer.double(), path)

  def test_bfloat16_safetensors(self):
    peer = foreign_generators.random(torch_gan_models.RRDBNet(**RRDBNET))
    state = {k: v.bfloat16() for k, v in peer.state_dict().items()}
    peer.load_state_dict(state)
    path = self.folder / "x.safetensors"
    safetensors.torch.save_file(state, path)
    self.assert_same_image(peer.double(), path)

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
    self.assertIn("takes 1 channels: expected 3 (RGB, x4)", sentence)

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
    self.assertIn(
      "is a network for x2 that this program does not", self.sentence(path)
    )

  @parameterized.parameters(
    (4, {"upconv1.weight": torch.ones(72, 8, 3, 3)}, "(72, 8, 3, 3) instead"),
    (3, {"upconv1.bias": torch.ones(32)}, "upconv1.bias (32,) instead of (72,"),
  )
  def test_msrresnet_of_mixed_scales(self, scale, change, sentence):
    peer = torch_models.MSRResNet(features=8, num_blocks=2, scale=scale)
    state = dict(peer.state_dict()) | change
    path = foreign_files.write(self.folder, "pth", state)
    self.assertIn(sentence, self.sentence(path))

  def test_msrresnet_without_upscaling(self):
    peer = torch_models.MSRResNet(features=8, num_blocks=2, scale=1)
    path = foreign_files.write(self.folder, "pth", peer.state_dict())
    self.assertIn("but has no layers that upscale", self.sentence(path))

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


class ExportTest(foreign_generators.ImportTestCase):
  @parameterized.parameters(*exported_networks.CONFIGS)
  def test_round_trip_of_ours(self, **config):
    config, _, variables = exported_networks.made(config)
    path = self.folder / "x.safetensors"
    safetensors_file.save(path, config, variables)
    read = generator_file.load(path)
    self.assertEqual(read.config, config)
    jax.tree.map(np.testing.assert_array_equal, read.variables, variables)

  @parameterized.product(
    kind=("pth", "safetensors"),
    config=[
      c
      for c in exported_networks.CONFIGS
      if c["architecture"] in ("msrresnet", "rrdbnet")
      and "residual_scale" not in c
      and (c["architecture"], c.get("scale")) not in NOT_IN_BASICSR
    ],
  )
  def test_round_trip_of_basicsr(self, kind, config):
    config, module, variables = exported_networks.made(config)
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
    (
      {"architecture": "srfeat"},
      "BasicSR has no srfeat: only RRDBNet .*--format=onnx, or.*stablehlo",
    ),
    ({"architecture": "msrresnet", "scale": 8}, "no msrresnet of scale 8"),
    ({"architecture": "msrresnet", "scale": 1}, "no msrresnet of scale 1"),
    ({"architecture": "rrdbnet", "scale": 3}, "no rrdbnet of scale 3"),
    (
      {"architecture": "rrdbnet", "residual_scale": 0.5},
      "residual_scale is 0.5",
    ),
  )
  def test_what_basicsr_has_not(self, config, sentence):
    config, _, variables = exported_networks.made(config)
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


if __name__ == "__main__":
  absltest.main()
