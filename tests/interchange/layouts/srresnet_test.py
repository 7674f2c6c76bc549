"""SRResNet in files with any names, compared with PyTorch."""

import unittest

import jax
import numpy as np
import torch
from absl.testing import absltest, parameterized
from torch import nn

from srfeat_jax.interchange import generator_file
from srfeat_jax.weights import lookup
from tests.support import (
  foreign_files,
  foreign_generators,
  generator_peers,
  paths,
)
from tests.support.torch_networks import torch_models

TUTORIAL = "srresnet8_x4_pytorch_tutorial.npz"


class _LeftthomasBlock(nn.Module):
  def __init__(self):
    super().__init__()
    self.conv1 = nn.Conv2d(64, 64, 3, padding=1)
    self.bn1 = nn.BatchNorm2d(64)
    self.prelu = nn.PReLU()
    self.conv2 = nn.Conv2d(64, 64, 3, padding=1)
    self.bn2 = nn.BatchNorm2d(64)

  def forward(self, x):
    return x + self.bn2(self.conv2(self.prelu(self.bn1(self.conv1(x)))))


class _LeftthomasUpsample(nn.Module):
  def __init__(self):
    super().__init__()
    self.conv = nn.Conv2d(64, 256, 3, padding=1)
    self.prelu = nn.PReLU()

  def forward(self, x):
    return self.prelu(nn.functional.pixel_shuffle(self.conv(x), 2))


class _Leftthomas(nn.Module):
  """The x4 generator of leftthomas/SRGAN: its names, shapes and ranges."""

  def __init__(self):
    super().__init__()
    self.block1 = nn.Sequential(nn.Conv2d(3, 64, 9, padding=4), nn.PReLU())
    for i in range(2, 7):
      self.add_module(f"block{i}", _LeftthomasBlock())
    self.block7 = nn.Sequential(nn.Conv2d(64, 64, 3, padding=1), nn.PReLU())
    self.block8 = nn.Sequential(
      _LeftthomasUpsample(),
      _LeftthomasUpsample(),
      nn.Conv2d(64, 3, 9, padding=4),
    )

  def forward(self, lr):
    x = head = self.block1(lr)
    for i in range(2, 8):
      x = getattr(self, f"block{i}")(x)
    return (torch.tanh(self.block8(head + x)) + 1) / 2


class SRResNetTest(foreign_generators.ImportTestCase):
  @parameterized.product(
    style=tuple(foreign_files.SRRESNET),
    kind=("pth", "safetensors"),
    fields=(
      {},
      {"prelu_per_channel": True, "block_bias": True},
      {"scale": 2},
      {"scale": 3, "prelu_per_channel": True},
    ),
  )
  def test_structure(self, style, kind, fields):
    # Two digits: as text, 10 sorts before 2.
    fields = {"features": 8, "num_blocks": 12} | fields
    peer = generator_peers.peer_of({"architecture": "srresnet"} | fields)
    peer = foreign_generators.random(peer)
    state = foreign_files.renamed(peer, foreign_files.SRRESNET[style])
    path = foreign_files.write(self.folder, kind, state)
    read = self.assert_same_image(
      peer, path, input_range="unit", output_range="symmetric"
    )
    self.assertEqual(read.config, read.config | fields)

  @parameterized.product(
    entering=("unit", "symmetric", "imagenet"),
    leaving=("symmetric", "tanh", "unit", "sigmoid"),
  )
  def test_ranges(self, entering, leaving):
    peer = foreign_generators.random(
      torch_models.SRResNet(features=8, num_blocks=2)
    )
    path = foreign_files.write(self.folder, "pth", peer.state_dict())
    as_theirs = foreign_files.Ranges(peer, entering, leaving)
    self.assert_same_image(
      as_theirs, path, input_range=entering, output_range=leaving
    )

  def test_a_range_that_nothing_shows_is_doubted(self):
    peer = foreign_generators.random(
      torch_models.SRResNet(features=8, num_blocks=2)
    )
    path = foreign_files.write(self.folder, "pth", peer.state_dict())
    read = generator_file.load(path)
    self.assertIn("import it with --input_range", read.warning)
    with self.assertLogs(level="WARNING"):
      lookup.load(str(path))

  @parameterized.parameters("plain", "nested")
  def test_without_upscaling(self, style):
    fields = {"features": 8, "num_blocks": 3, "scale": 1}
    peer = generator_peers.peer_of({"architecture": "srresnet"} | fields)
    peer = foreign_generators.random(peer)
    state = foreign_files.renamed(peer, foreign_files.SRRESNET[style])
    path = foreign_files.write(self.folder, "pth", state)
    read = self.assert_same_image(
      peer, path, input_range="unit", output_range="symmetric"
    )
    self.assertEqual(read.config["scale"], 1)

  @parameterized.parameters(True, False)
  def test_prelu_after_the_trunk(self, named):
    peer = foreign_generators.random(_Leftthomas())
    state = peer.state_dict()
    if not named:  # only their order says which PReLU is whose
      state = {
        f"{i}.{name.rpartition('.')[2]}": state[name]
        for i, layer in enumerate(
          dict.fromkeys(name.rpartition(".")[0] for name in state)
        )
        for name in state
        if name.rpartition(".")[0] == layer
      }
    path = foreign_files.write(self.folder, "pth", state)
    # Random weights do not tell their ranges: those of this layout are taken.
    read = self.assert_same_image(peer, path)
    expected = {"num_blocks": 5, "after_trunk": "prelu", "block_bias": True}
    self.assertEqual(read.config, read.config | expected)

  def test_mixed_slopes(self):
    peer = foreign_generators.random(
      torch_models.SRResNet(features=8, num_blocks=2)
    )
    peer.upscale[1].prelu = nn.PReLU(8)
    peer = foreign_generators.random(peer)
    path = foreign_files.write(self.folder, "pth", peer.state_dict())
    self.assert_same_image(
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
     r"upscales by 3 x 2: expected 1, 2, 3, 4 \(2 x 2\) or 8"),
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

  def test_a_convolution_missing_beside_a_prelu_after_the_trunk(self):
    state = _Leftthomas().state_dict()
    for leaf in ("weight", "bias"):
      del state[f"block3.conv2.{leaf}"]
    path = foreign_files.write(self.folder, "pth", state)
    self.assertRegex(self.sentence(path), "10 3x3 .* instead of 11")

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
    self.assertEqual(read.warning, "")
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
    self.assertEqual(read.warning, "")
    self.assertIn(f"{entering} input and {leaving} output", read.kind)


if __name__ == "__main__":
  absltest.main()
