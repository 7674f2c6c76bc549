"""The generators in plain PyTorch, and their weights in our layout.

References for our networks, written from the published descriptions with
PyTorch's own layers, NCHW, in the channel order of its PixelShuffle. SRFeat's
names are ours with dots; SRResNet's are those of the pretrained network in the
test data; MSRResNet's are those of BasicSR.
"""

import re
from collections.abc import Mapping

import numpy as np
import torch
from torch import nn
from torch.nn import functional


def upscale(lr: torch.Tensor, scale: int, kernel: str) -> torch.Tensor:
  """MATLAB's imresize to a larger size, by torch's own kernels.

  With antialias, PyTorch's bicubic has MATLAB's a = -0.5; edges are mirrored
  here, because it would ignore pixels outside of the image.
  """
  if kernel == "bilinear":
    return functional.interpolate(lr, scale_factor=scale, mode="bilinear")
  border = 4
  for axis in (2, 3):
    size = lr.shape[axis]
    first = lr.narrow(axis, 0, border).flip(axis)
    last = lr.narrow(axis, size - border, border).flip(axis)
    lr = torch.cat([first, lr, last], axis)
  image = functional.interpolate(
    lr, scale_factor=scale, mode="bicubic", antialias=True
  )
  shaved = slice(border * scale, -border * scale)
  return image[:, :, shaved, shaved]


def _to_image(y, lr, scale, residual_base):
  if residual_base == "none":
    return 0.5 * y + 0.5
  return upscale(lr, scale, residual_base) + 0.5 * y


def factors(scale: int) -> tuple[int, ...]:
  """Of the stages that upscale."""
  return {1: (), 2: (2,), 3: (3,), 4: (2, 2), 8: (2, 2, 2)}[scale]


def _upscaled(x, conv, factor, nearest):
  if nearest:
    return conv(functional.interpolate(x, scale_factor=factor, mode="nearest"))
  return functional.pixel_shuffle(conv(x), factor)


class _SRFeatBlock(nn.Module):
  def __init__(self, features, batch_norm, bias):
    super().__init__()
    self.conv_0 = nn.Conv2d(features, features, 3, padding=1, bias=bias)
    self.conv_1 = nn.Conv2d(features, features, 3, padding=1, bias=bias)
    norm = nn.BatchNorm2d if batch_norm else nn.Identity
    self.norm_0 = norm(features)
    self.norm_1 = norm(features)

  def forward(self, x):
    y = functional.leaky_relu(self.norm_0(self.conv_0(x)), 0.2)
    return x + self.norm_1(self.conv_1(y))


class _SRFeatUpsample(nn.Module):
  def __init__(self, features, factor, activation, nearest):
    super().__init__()
    self.factor, self.nearest = factor, nearest
    outputs = features if nearest else factor**2 * features
    self.conv = nn.Conv2d(features, outputs, 3, padding=1)
    self.slope = 0.2 if activation else 1.0

  def forward(self, x):
    y = _upscaled(x, self.conv, self.factor, self.nearest)
    return functional.leaky_relu(y, self.slope)


class SRFeat(nn.Module):
  def __init__(
    self,
    features=128,
    num_blocks=16,
    scale=4,
    batch_norm=True,
    block_bias=False,
    skip_bias=False,
    activation_after_shuffle=True,
    tanh=False,
    residual_base="none",
    upsampler="shuffle",
  ):
    super().__init__()
    stages = () if upsampler == "direct" else factors(scale)
    nearest = upsampler == "nearest"
    self.last_factor = scale if upsampler == "direct" else 1
    outputs = 3 * self.last_factor**2
    self.scale, self.tanh, self.residual_base = scale, tanh, residual_base
    self.head = nn.Conv2d(3, features, 9, padding=4)
    self.blocks = nn.ModuleList(
      _SRFeatBlock(features, batch_norm, block_bias) for _ in range(num_blocks)
    )
    self.skips = nn.ModuleList(
      nn.Conv2d(features, features, 1, bias=skip_bias)
      for _ in range(num_blocks - 1)
    )
    self.upsample = nn.Sequential(
      *(
        _SRFeatUpsample(features, factor, activation_after_shuffle, nearest)
        for factor in stages
      )
    )
    self.tail = nn.Conv2d(features, outputs, 3, padding=1)

  def forward(self, lr):
    x = self.head(lr * 2 - 1)
    merged = 0
    for i, block in enumerate(self.blocks):
      x = block(x)
      merged = merged + (self.skips[i](x) if i < len(self.skips) else x)
    y = self.tail(self.upsample(merged))
    y = functional.pixel_shuffle(y, self.last_factor)
    y = torch.tanh(y) if self.tanh else y
    return _to_image(y, lr, self.scale, self.residual_base)


class _SRResNetBlock(nn.Module):
  def __init__(self, features, bias, slopes, momentum, epsilon):
    super().__init__()
    self.conv1 = nn.Conv2d(features, features, 3, padding=1, bias=bias)
    self.bn1 = nn.BatchNorm2d(features, epsilon, momentum)
    self.prelu = nn.PReLU(slopes)
    self.conv2 = nn.Conv2d(features, features, 3, padding=1, bias=bias)
    self.bn2 = nn.BatchNorm2d(features, epsilon, momentum)

  def forward(self, x):
    y = self.prelu(self.bn1(self.conv1(x)))
    return x + self.bn2(self.conv2(y))


class _SRResNetUpsample(nn.Module):
  def __init__(self, features, factor, slopes, nearest):
    super().__init__()
    self.factor, self.nearest = factor, nearest
    outputs = features if nearest else factor**2 * features
    self.conv = nn.Conv2d(features, outputs, 3, padding=1)
    self.prelu = nn.PReLU(slopes)

  def forward(self, x):
    return self.prelu(_upscaled(x, self.conv, self.factor, self.nearest))


class SRResNet(nn.Module):
  """Its momentum of batch normalization is ours: one minus PyTorch's."""

  def __init__(
    self,
    features=64,
    num_blocks=16,
    scale=4,
    batch_norm_momentum=0.9,
    batch_norm_epsilon=1e-5,
    prelu_per_channel=False,
    block_bias=False,
    tanh=False,
    residual_base="none",
    upsampler="shuffle",
  ):
    super().__init__()
    stages = () if upsampler == "direct" else factors(scale)
    nearest = upsampler == "nearest"
    self.last_factor = scale if upsampler == "direct" else 1
    outputs = 3 * self.last_factor**2
    self.scale, self.tanh, self.residual_base = scale, tanh, residual_base
    slopes = features if prelu_per_channel else 1
    momentum = 1 - batch_norm_momentum
    self.conv_input = nn.Conv2d(3, features, 9, padding=4)
    self.conv_input_prelu = nn.PReLU(slopes)
    self.residual = nn.Sequential(
      *(
        _SRResNetBlock(
          features, block_bias, slopes, momentum, batch_norm_epsilon
        )
        for _ in range(num_blocks)
      )
    )
    self.conv_mid = nn.Conv2d(features, features, 3, padding=1, bias=block_bias)
    self.bn_mid = nn.BatchNorm2d(features, batch_norm_epsilon, momentum)
    self.upscale = nn.Sequential(
      *(_SRResNetUpsample(features, each, slopes, nearest) for each in stages)
    )
    size = 3 if upsampler == "direct" else 9
    self.conv_output = nn.Conv2d(features, outputs, size, padding=size // 2)

  def forward(self, lr):
    head = self.conv_input_prelu(self.conv_input(lr))
    x = head + self.bn_mid(self.conv_mid(self.residual(head)))
    y = self.conv_output(self.upscale(x))
    y = functional.pixel_shuffle(y, self.last_factor)
    y = torch.tanh(y) if self.tanh else y
    return _to_image(y, lr, self.scale, self.residual_base)


class _MSRResNetBlock(nn.Module):
  def __init__(self, features):
    super().__init__()
    self.conv1 = nn.Conv2d(features, features, 3, padding=1)
    self.conv2 = nn.Conv2d(features, features, 3, padding=1)

  def forward(self, x):
    return x + self.conv2(functional.relu(self.conv1(x)))


class MSRResNet(nn.Module):
  def __init__(self, features=64, num_blocks=16, scale=4):
    super().__init__()
    self.scale = scale
    self.conv_first = nn.Conv2d(3, features, 3, padding=1)
    self.body = nn.Sequential(
      *(_MSRResNetBlock(features) for _ in range(num_blocks))
    )
    for i, factor in enumerate(factors(scale)):
      upconv = nn.Conv2d(features, factor**2 * features, 3, padding=1)
      self.add_module(f"upconv{i + 1}", upconv)
    self.conv_hr = nn.Conv2d(features, features, 3, padding=1)
    self.conv_last = nn.Conv2d(features, 3, 3, padding=1)

  def forward(self, lr):
    x = functional.leaky_relu(self.conv_first(lr), 0.1)
    x = self.body(x)
    for i, factor in enumerate(factors(self.scale)):
      x = functional.pixel_shuffle(getattr(self, f"upconv{i + 1}")(x), factor)
      x = functional.leaky_relu(x, 0.1)
    y = self.conv_last(functional.leaky_relu(self.conv_hr(x), 0.1))
    return y + upscale(lr, self.scale, "bilinear")


# Expressions and replacements that turn PyTorch's names into our paths.
_NAMES = {
  "srfeat": (
    (r"^(blocks|skips|upsample)\.(\d+)", r"\1_\2"),
    (r"\.", "/"),
  ),
  "srresnet": (
    (r"^conv_input_prelu", "head_activation"),
    (r"^conv_input", "head"),
    (r"^residual\.(\d+)", r"blocks_\1"),
    (r"^conv_mid", "trunk"),
    (r"^bn_mid", "trunk_norm"),
    (r"^upscale\.(\d+)", r"upsample_\1"),
    (r"^conv_output", "tail"),
    (r"\.conv1", "/conv_0"),
    (r"\.conv2", "/conv_1"),
    (r"\.bn1", "/norm_0"),
    (r"\.bn2", "/norm_1"),
    (r"\.prelu", "/activation"),
    (r"\.conv", "/conv"),
  ),
  "msrresnet": (
    (r"^conv_first", "head"),
    (r"^body\.(\d+)\.conv1", r"blocks_\1/conv_0"),
    (r"^body\.(\d+)\.conv2", r"blocks_\1/conv_1"),
    (r"^upconv1", "upsample_0/conv"),
    (r"^upconv2", "upsample_1/conv"),
    (r"^upconv3", "upsample_2/conv"),
    (r"^conv_hr", "hr_conv"),
    (r"^conv_last", "tail"),
  ),
}


def to_variables(
  state: Mapping[str, np.ndarray], architecture: str
) -> dict[str, dict]:
  """Converts a torch state dict, or the gradients of one, to our variables.

  Returns:
    {"params": nested dict, "batch_stats": nested dict}, the latter only if the
    state has running statistics.
  """
  return convert(state, _NAMES[architecture])


def convert(
  state: Mapping[str, np.ndarray], names: tuple[tuple[str, str], ...]
) -> dict[str, dict]:
  """As `to_variables`, with pairs of expression and replacement for names."""
  variables = {}
  for key, value in state.items():
    prefix, leaf = key.rsplit(".", 1)
    if leaf == "num_batches_tracked":
      continue
    path = prefix
    for pattern, replacement in names:
      path = re.sub(pattern, replacement, path)
    if re.fullmatch(r"upsample_\d+/conv", path):
      value = _depth_to_space_order(value, _features(state))
    if path == "tail":
      value = _depth_to_space_order(value, 3)
    collection = "params"
    if leaf in ("running_mean", "running_var"):
      collection, name = "batch_stats", leaf.removeprefix("running_")
    elif leaf == "bias":
      name = "bias"
    elif value.ndim == 4:
      name, value = "kernel", value.transpose(2, 3, 1, 0)
    elif value.ndim == 2:
      name, value = "kernel", value.T
    else:
      name = "scale" if f"{prefix}.bias" in state else "slope"
    folder = variables.setdefault(collection, {})
    for part in path.split("/"):
      folder = folder.setdefault(part, {})
    folder[name] = np.asarray(value, np.float32)
  return variables


def _features(state: Mapping[str, np.ndarray]) -> int:
  """The channels of a network: what most convolutions take."""
  return max(each.shape[1] for each in state.values() if each.ndim == 4)


def _depth_to_space_order(value: np.ndarray, features: int) -> np.ndarray:
  """Output channels from (channel, row, column) to (row, column, channel)."""
  grouped = value.reshape(features, -1, *value.shape[1:])
  return np.swapaxes(grouped, 0, 1).reshape(value.shape)
