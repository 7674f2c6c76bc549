"""ESRGAN's generator and the discriminators in plain PyTorch.

References like those of `torch_models`, NCHW, with BasicSR's names where
BasicSR has the network. Discriminators flatten their last feature maps in our
order (row, column, channel), so that weights of dense layers stay as they are.
"""

import re
from collections.abc import Mapping

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from tests.support.torch_networks import torch_models


class _DenseBlock(nn.Module):
  def __init__(self, features, growth, beta):
    super().__init__()
    self.beta = beta
    for i in range(5):
      conv = nn.Conv2d(
        features + i * growth, growth if i < 4 else features, 3, padding=1
      )
      self.add_module(f"conv{i + 1}", conv)

  def forward(self, x):
    x1 = functional.leaky_relu(self.conv1(x), 0.2)
    x2 = functional.leaky_relu(self.conv2(torch.cat((x, x1), 1)), 0.2)
    x3 = functional.leaky_relu(self.conv3(torch.cat((x, x1, x2), 1)), 0.2)
    x4 = functional.leaky_relu(self.conv4(torch.cat((x, x1, x2, x3), 1)), 0.2)
    x5 = self.conv5(torch.cat((x, x1, x2, x3, x4), 1))
    return self.beta * x5 + x


class _RRDB(nn.Module):
  def __init__(self, features, growth, beta):
    super().__init__()
    self.beta = beta
    self.rdb1 = _DenseBlock(features, growth, beta)
    self.rdb2 = _DenseBlock(features, growth, beta)
    self.rdb3 = _DenseBlock(features, growth, beta)

  def forward(self, x):
    return self.beta * self.rdb3(self.rdb2(self.rdb1(x))) + x


class RRDBNet(nn.Module):
  def __init__(
    self, features=64, num_blocks=23, growth=32, scale=4, residual_scale=0.2
  ):
    super().__init__()
    self.unshuffle = 1 if scale == 3 else 4 // scale
    self.factors = (3,) if scale == 3 else (2, 2)
    self.conv_first = nn.Conv2d(3 * self.unshuffle**2, features, 3, padding=1)
    self.body = nn.Sequential(
      *(_RRDB(features, growth, residual_scale) for _ in range(num_blocks))
    )
    self.conv_body = nn.Conv2d(features, features, 3, padding=1)
    for i in range(len(self.factors)):
      conv = nn.Conv2d(features, features, 3, padding=1)
      self.add_module(f"conv_up{i + 1}", conv)
    self.conv_hr = nn.Conv2d(features, features, 3, padding=1)
    self.conv_last = nn.Conv2d(features, 3, 3, padding=1)

  def forward(self, lr):
    x = self.conv_first(functional.pixel_unshuffle(lr, self.unshuffle))
    x = x + self.conv_body(self.body(x))
    for i, factor in enumerate(self.factors):
      x = functional.interpolate(x, scale_factor=factor, mode="nearest")
      x = functional.leaky_relu(getattr(self, f"conv_up{i + 1}")(x), 0.2)
    return self.conv_last(functional.leaky_relu(self.conv_hr(x), 0.2))


def _batch_norm(features):
  return nn.BatchNorm2d(features, track_running_stats=False)


def _flat(x):
  return x.permute(0, 2, 3, 1).flatten(1)


class SRGANDiscriminator(nn.Module):
  """Padded as in TensorFlow: an even side gets zeros only at its end."""

  def __init__(
    self,
    input_size,
    channels=3,
    features=64,
    hidden=1024,
    symmetric_input=True,
    logits="image",
    spectral_norm=False,
  ):
    super().__init__()
    self.symmetric_input = symmetric_input
    self.patches = logits != "image"
    stride = 1 if logits == "position" else 2
    widths = [features * k for k in (1, 1, 2, 2, 4, 4, 8, 8)]
    self.convs = nn.ModuleList()
    self.norms = nn.ModuleList()
    for i, width in enumerate(widths):
      conv = nn.Conv2d(channels, width, 3, stride=stride if i % 2 else 1)
      normalized = i and spectral_norm
      self.convs.append(nn.utils.spectral_norm(conv) if normalized else conv)
      norm = i and not spectral_norm
      self.norms.append(_batch_norm(width) if norm else nn.Identity())
      channels = width
    if self.patches:
      self.logit = nn.Conv2d(channels, 1, 3, padding=1)
      return
    for _ in range(4):
      input_size = (input_size + 1) // 2
    self.hidden = nn.Linear(input_size**2 * channels, hidden)
    self.logit = nn.Linear(hidden, 1)

  def forward(self, x):
    if self.symmetric_input:
      x = x * 2 - 1
    for conv, norm in zip(self.convs, self.norms, strict=True):
      before = 1 if conv.stride == (1, 1) or x.shape[-1] % 2 else 0
      x = functional.pad(x, (before, 1, before, 1))
      x = functional.leaky_relu(norm(conv(x)), 0.2)
    if self.patches:
      return self.logit(x)
    x = functional.leaky_relu(self.hidden(_flat(x)), 0.2)
    return self.logit(x)


class VGGStyleDiscriminator(nn.Module):
  def __init__(self, input_size=128, features=64, hidden=100):
    super().__init__()
    channels = 3
    for i, k in enumerate((1, 2, 4, 8, 8)):
      width = features * k
      first = nn.Conv2d(channels, width, 3, 1, 1, bias=i == 0)
      second = nn.Conv2d(width, width, 4, 2, 1, bias=False)
      self.add_module(f"conv{i}_0", first)
      if i:
        self.add_module(f"bn{i}_0", _batch_norm(width))
      self.add_module(f"conv{i}_1", second)
      self.add_module(f"bn{i}_1", _batch_norm(width))
      channels = width
    self.linear1 = nn.Linear((input_size // 32) ** 2 * channels, hidden)
    self.linear2 = nn.Linear(hidden, 1)

  def forward(self, x):
    x = functional.leaky_relu(self.conv0_0(x), 0.2)
    x = functional.leaky_relu(self.bn0_1(self.conv0_1(x)), 0.2)
    for i in range(1, 5):
      for j in range(2):
        conv, norm = getattr(self, f"conv{i}_{j}"), getattr(self, f"bn{i}_{j}")
        x = functional.leaky_relu(norm(conv(x)), 0.2)
    return self.linear2(functional.leaky_relu(self.linear1(_flat(x)), 0.2))


class UNetDiscriminator(nn.Module):
  """With PyTorch's own spectral normalization, whose vectors are buffers."""

  def __init__(self, channels=3, features=64):
    super().__init__()
    self.conv0 = nn.Conv2d(channels, features, 3, 1, 1)
    for i in range(3):
      width = features << i
      down = nn.Conv2d(width, 2 * width, 4, 2, 1, bias=False)
      up = nn.Conv2d(2 * width, width, 3, 1, 1, bias=False)
      self.add_module(f"conv{1 + i}", nn.utils.spectral_norm(down))
      self.add_module(f"conv{6 - i}", nn.utils.spectral_norm(up))
    for i in (7, 8):
      same = nn.Conv2d(features, features, 3, 1, 1, bias=False)
      self.add_module(f"conv{i}", nn.utils.spectral_norm(same))
    self.conv9 = nn.Conv2d(features, 1, 3, 1, 1)

  def forward(self, x):
    maps = []
    for i in range(4):
      x = functional.leaky_relu(getattr(self, f"conv{i}")(x), 0.2)
      maps.append(x)
    for i in (4, 5, 6):
      x = functional.interpolate(
        x, scale_factor=2, mode="bilinear", align_corners=False
      )
      x = functional.leaky_relu(getattr(self, f"conv{i}")(x), 0.2)
      x = x + maps[6 - i]
    for i in (7, 8):
      x = functional.leaky_relu(getattr(self, f"conv{i}")(x), 0.2)
    return self.conv9(x)


_NAMES = {
  "rrdbnet": (
    (r"^conv_first", "head"),
    (r"^body\.(\d+)\.", r"blocks_\1/"),
    *((rf"rdb{i + 1}\.", f"dense_{i}/") for i in range(3)),
    *((rf"/conv{i + 1}", f"/conv_{i}") for i in range(5)),
    (r"^conv_body", "trunk"),
    (r"^conv_up1", "upsample_0"),
    (r"^conv_up2", "upsample_1"),
    (r"^conv_hr", "hr_conv"),
    (r"^conv_last", "tail"),
  ),
  "srgan": ((r"^(conv|norm)s\.", r"\1_"),),
  "vgg_style": (
    (r"^bn", "norm"),
    *(
      (rf"{i}_{j}$", f"_{2 * i + j}") for i in range(5) for j in range(2)
    ),
    (r"^linear1", "hidden"),
    (r"^linear2", "logit"),
  ),
  "unet": ((r"^conv", "conv_"),),
}  # fmt: skip


def to_variables(
  state: Mapping[str, np.ndarray], architecture: str
) -> dict[str, dict]:
  """As `torch_models.to_variables`, for the networks here."""
  return torch_models.convert(state, _NAMES[architecture])


def spectral_vectors(peer: nn.Module) -> dict[str, dict]:
  """The state of its spectral normalizations as our "batch_stats"."""
  vectors = {}
  for name, conv in peer.named_modules():
    if hasattr(conv, "weight_u"):
      inputs, side = conv.in_channels, conv.kernel_size
      v = conv.weight_v.reshape(inputs, *side).permute(1, 2, 0).flatten()
      norm = {"u": conv.weight_u, "v": v}
      vectors[re.sub(r"convs?\.?", "conv_", name)] = {
        "norm": {key: x.numpy().astype(np.float32) for key, x in norm.items()}
      }
  return vectors
