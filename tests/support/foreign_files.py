"""Files of generators as other programs save them."""

import pathlib
import re

import numpy as np
import safetensors.torch
import torch
from torch import nn

from srfeat_jax.interchange.layouts import srfeat

# Expressions and replacements that turn the names of `torch_models` and
# `torch_gan_models` into those of other programs.
RRDBNET = {
  "basicsr": (),
  "new": (
    (r"^body\.(\d+)\.rdb", r"RRDB_trunk.\1.RDB"),
    (r"^conv_body", "trunk_conv"),
    (r"^conv_up", "upconv"),
    (r"^conv_hr", "HRconv"),
  ),
  "old": (
    (r"^conv_first", "model.0"),
    (r"^body\.(\d+)\.rdb(\d)\.conv(\d)", r"model.1.sub.\1.RDB\2.conv\3.0"),
    (r"^conv_body", "model.1.sub.3"),  # of three blocks
    (r"^conv_up1", "model.3"),
    (r"^conv_up2", "model.6"),
    (r"^conv_hr", "model.8"),
    (r"^conv_last", "model.10"),
  ),
}
MSRRESNET = {
  "basicsr": (),
  "mmsr": ((r"^body", "recon_trunk"), (r"^conv_hr", "HRconv")),
  "mmagic": (
    (r"^body", "generator.trunk_net"),
    (r"^upconv(\d)", r"generator.upsample\1.upsample_conv"),
    (r"^conv", "generator.conv"),
  ),
}
SRRESNET = {
  "plain": (),
  "blocks_by_number": (
    (r"^conv_input_prelu", "block1.1"),
    (r"^conv_input", "block1.0"),
    (r"^residual\.(\d+)", lambda m: f"block{int(m[1]) + 2}"),
    (r"^conv_mid", "block14.0"),
    (r"^bn_mid", "block14.1"),
    (r"^upscale", "block15"),
    (r"^conv_output", "block15.3"),
  ),
  "nested": (
    (r"^conv_input_prelu", "net.conv_block1.conv_block.1"),
    (r"^conv_input", "net.conv_block1.conv_block.0"),
    (r"^residual\.(\d+)\.conv1", r"net.res.\1.conv_block1.conv_block.0"),
    (r"^residual\.(\d+)\.bn1", r"net.res.\1.conv_block1.conv_block.1"),
    (r"^residual\.(\d+)\.prelu", r"net.res.\1.conv_block1.conv_block.2"),
    (r"^residual\.(\d+)\.conv2", r"net.res.\1.conv_block2.conv_block.0"),
    (r"^residual\.(\d+)\.bn2", r"net.res.\1.conv_block2.conv_block.1"),
    (r"^conv_mid", "net.conv_block2.conv_block.0"),
    (r"^bn_mid", "net.conv_block2.conv_block.1"),
    (r"^upscale", "net.subpixel"),
    (r"^conv_output", "net.conv_block3.conv_block.0"),
  ),
  "sequences": (
    (r"^conv_input_prelu", "conv1.1"),
    (r"^conv_input", "conv1.0"),
    (r"^residual\.(\d+)\.conv1", r"trunk.\1.rcb.0"),
    (r"^residual\.(\d+)\.bn1", r"trunk.\1.rcb.1"),
    (r"^residual\.(\d+)\.prelu", r"trunk.\1.rcb.2"),
    (r"^residual\.(\d+)\.conv2", r"trunk.\1.rcb.3"),
    (r"^residual\.(\d+)\.bn2", r"trunk.\1.rcb.4"),
    (r"^conv_mid", "conv2.0"),
    (r"^bn_mid", "conv2.1"),
    (r"^upscale\.(\d+)\.conv", r"upsampling.\1.block.0"),
    (r"^upscale\.(\d+)\.prelu", r"upsampling.\1.block.2"),
    (r"^conv_output", "conv3"),
  ),
}


def renamed(peer: nn.Module, names) -> dict[str, torch.Tensor]:
  state = {}
  for name, value in peer.state_dict().items():
    for expression, replacement in names:
      name = re.sub(expression, replacement, name)
    state[name] = value
  assert len(state) == len(peer.state_dict())
  return state


def write(folder: pathlib.Path, kind: str, state: dict) -> pathlib.Path:
  path = folder / {"legacy": "x.pt"}.get(kind, f"x.{kind}")
  match kind:
    case "safetensors":
      safetensors.torch.save_file(state, path)
    case "npz":
      np.savez(path, **{k: np.asarray(v) for k, v in state.items()})
    case _:
      as_zip = kind != "legacy"
      torch.save(state, path, _use_new_zipfile_serialization=as_zip)
  return path


class Ranges(nn.Module):
  """An SRResNet of the tests with other value ranges of input and output."""

  def __init__(self, peer: nn.Module, entering: str, leaving: str):
    super().__init__()
    self.peer, self.entering, self.leaving = peer, entering, leaving

  def forward(self, lr):
    if self.entering == "symmetric":
      lr = lr * 2 - 1
    elif self.entering == "imagenet":
      mean = torch.tensor([0.485, 0.456, 0.406]).double()
      deviation = torch.tensor([0.229, 0.224, 0.225]).double()
      lr = (lr - mean[:, None, None]) / deviation[:, None, None]
    y = 2 * self.peer(lr) - 1  # what its last convolution gives
    match self.leaving:
      case "symmetric":
        return (y + 1) / 2
      case "tanh":
        return (torch.tanh(y) + 1) / 2
      case "unit":
        return y
      case _:
        return torch.sigmoid(y)


def tutorial_with_ranges(path, entering: str, leaving: str) -> dict:
  """The pretrained network, changed to other value ranges."""
  with np.load(path) as file:
    state = {name: file[name].astype(np.float64) for name in file.files}
  mean, deviation = {
    "unit": ([0] * 3, [1] * 3),
    "symmetric": ([0.5] * 3, [0.5] * 3),
    "imagenet": ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
  }[entering]
  # The result is equal, except for the padding at the border.
  head = state["conv_input.weight"]
  state["conv_input.bias"] += np.einsum("oihw,i->o", head, mean)
  state["conv_input.weight"] = head * np.reshape(deviation, (1, 3, 1, 1))
  if leaving == "unit":
    state["conv_output.weight"] /= 2
    state["conv_output.bias"] = (state["conv_output.bias"] + 1) / 2
  return {name: value.astype(np.float32) for name, value in state.items()}


def official_srfeat(peer: nn.Module) -> list[np.ndarray]:
  """The arrays of `torch_models.SRFeat` as its authors' program saves them."""
  state = {k: np.float32(v) for k, v in peer.state_dict().items()}

  def kernel(name):
    value = state[f"{name}.weight"].transpose(2, 3, 1, 0)
    if not name.startswith("upsample"):
      return value
    return _column_last(value)

  def bias(name):
    value = state[f"{name}.bias"]
    return _column_last(value) if name.startswith("upsample") else value

  arrays = [kernel("head"), bias("head")]
  for b in range(len(peer.blocks)):
    for i in range(2):
      norm = f"blocks.{b}.norm_{i}"
      arrays += [kernel(f"blocks.{b}.conv_{i}"), bias(norm)]
      arrays += [
        state[f"{norm}.{leaf}"]
        for leaf in ("weight", "running_mean", "running_var")
      ]
  arrays += [kernel(f"skips.{i}") for i in range(len(peer.skips))]
  for name in ("upsample.0.conv", "upsample.1.conv", "tail"):
    arrays += [kernel(name), bias(name)]
  return arrays


def _column_last(x: np.ndarray) -> np.ndarray:
  """Changes channels before a pixel shuffle to TensorFlow's order."""
  features = x.shape[-1] // 4
  order = [c * 4 + place for place in range(4) for c in range(features)]
  return x[..., order]


def write_objects(folder: pathlib.Path, arrays: list) -> pathlib.Path:
  """As TensorLayer does: np.savez(name, params=list of arrays)."""
  objects = np.empty(len(arrays), object)
  objects[:] = arrays
  path = folder / "SRFeat_init.npz"
  np.savez(path, params=objects)
  return path


def srfeat_file_layout(num_blocks: int, features: int) -> list:
  return list(srfeat._layout(num_blocks, features))
