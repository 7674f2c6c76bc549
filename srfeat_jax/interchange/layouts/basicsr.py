"""RRDBNet and MSRResNet as BasicSR and its relatives name their layers.

BasicSR, with Real-ESRGAN, chaiNNer and ComfyUI; xinntao's ESRGAN, in its new
and its old form; mmsr and KAIR; mmagic. No other names or orders are known for
these two networks, so they are recognized by the names.
"""

import dataclasses
import pathlib
import re
from collections.abc import Mapping

import numpy as np
from flax import traverse_util

from srfeat_jax import errors
from srfeat_jax.interchange import mismatch
from srfeat_jax.interchange.layouts import torch_layout
from srfeat_jax.models import layers as layers_lib


@dataclasses.dataclass(frozen=True)
class _Style:
  """How one program names the layers of a network.

  Attributes:
    program: the program whose names these are.
    architecture: the network's name in `models.build`.
    names: our name of a layer -> theirs, with {b} for the number of a block
      and {n} for the number of blocks; other numbers are written out.
  """

  program: str
  architecture: str
  names: Mapping[str, str]


def _dense(name: str) -> dict[str, str]:
  return {
    f"blocks_{{b}}/dense_{d}/conv_{c}": name.format(b="{b}", d=d + 1, c=c + 1)
    for d in range(3)
    for c in range(5)
  }


def _pair(name: str) -> dict[str, str]:
  return {
    f"blocks_{{b}}/conv_{c}": name.format(b="{b}", c=c + 1) for c in range(2)
  }


def _upsamples(name: str) -> dict[str, str]:
  return {f"upsample_{u}/conv": name.format(u + 1) for u in range(3)}


_RRDBNET = (
  _Style(
    "BasicSR",
    "rrdbnet",
    {"head": "conv_first"}
    | _dense("body.{b}.rdb{d}.conv{c}")
    | {
      "trunk": "conv_body",
      "upsample_0": "conv_up1",
      "upsample_1": "conv_up2",
      "hr_conv": "conv_hr",
      "tail": "conv_last",
    },
  ),
  _Style(
    "xinntao's ESRGAN",
    "rrdbnet",
    {"head": "conv_first"}
    | _dense("RRDB_trunk.{b}.RDB{d}.conv{c}")
    | {
      "trunk": "trunk_conv",
      "upsample_0": "upconv1",
      "upsample_1": "upconv2",
      "hr_conv": "HRconv",
      "tail": "conv_last",
    },
  ),
  _Style(
    "xinntao's old ESRGAN",
    "rrdbnet",
    {"head": "model.0"}
    | _dense("model.1.sub.{b}.RDB{d}.conv{c}.0")
    | {
      "trunk": "model.1.sub.{n}",
      "upsample_0": "model.3",
      "upsample_1": "model.6",
      "hr_conv": "model.8",
      "tail": "model.10",
    },
  ),
)
_MSRRESNET = (
  _Style(
    "BasicSR",
    "msrresnet",
    {"head": "conv_first"}
    | _pair("body.{b}.conv{c}")
    | _upsamples("upconv{}")
    | {"hr_conv": "conv_hr", "tail": "conv_last"},
  ),
  _Style(
    "mmsr",
    "msrresnet",
    {"head": "conv_first"}
    | _pair("recon_trunk.{b}.conv{c}")
    | _upsamples("upconv{}")
    | {"hr_conv": "HRconv", "tail": "conv_last"},
  ),
  _Style(
    "mmagic",
    "msrresnet",
    {"head": "conv_first"}
    | _pair("trunk_net.{b}.conv{c}")
    | _upsamples("upsample{}.upsample_conv")
    | {"hr_conv": "conv_hr", "tail": "conv_last"},
  ),
)
_SCALES = {3: 4, 12: 2, 48: 1}  # of RRDBNet, by the channels of its input
# Scales of the old ESRGAN that we have no network for, by the numbers of the
# layers outside of its trunk.
_OLD_SCALES = {(0, 2, 4): 1, (0, 3, 5, 7): 2, (0, 3, 6, 9, 11, 13): 8}
_IN_BASICSR = {"msrresnet": (2, 3, 4), "rrdbnet": (1, 2, 4)}  # scales
_SIMILAR = 0.5  # a network is recognized by this share of its names, or more


def convert(
  path: pathlib.Path, arrays: Mapping[str, np.ndarray]
) -> tuple[str, dict, dict] | None:
  """Finds out which of the networks it is, and converts it.

  Args:
    path: what the file is called, for messages.
    arrays: by name, without prefixes.

  Returns:
    Whose names they are, the fields of its config and its "params"; None if it
    is neither of the networks.

  Raises:
    errors.InputError: it is one of them, but arrays are missing, unexpected or
      misshapen, or it is of a kind that this program does not have.
  """
  found = {name: tuple(array.shape) for name, array in arrays.items()}
  likeness, style, layers = max(
    (_likeness(style, found) for style in _RRDBNET + _MSRRESNET),
    key=lambda each: each[0],
  )
  if likeness < _SIMILAR:
    return None
  make = _rrdbnet_shapes if style.architecture == "rrdbnet" else _msr_shapes
  owner = f"{path} looks like {style.architecture} as {style.program} names it"
  fields, shapes = make(owner, layers, found)
  expected: dict[str, tuple[int, ...]] = {}
  for layer, (outputs, inputs) in shapes.items():
    expected[f"{layers[layer]}.weight"] = (outputs, inputs, 3, 3)
    expected[f"{layers[layer]}.bias"] = (outputs,)
  if problems := mismatch.describe(found, expected):
    raise errors.InputError(f"{owner}, but {problems}")
  params = {}
  for layer, theirs in layers.items():
    kernel = torch_layout.kernel(arrays[f"{theirs}.weight"])
    bias = arrays[f"{theirs}.bias"]
    if layer.endswith("/conv"):  # before a pixel shuffle
      factor = 3 if fields["scale"] == 3 else 2
      kernel = torch_layout.to_depth_last(kernel, factor)
      bias = torch_layout.to_depth_last(bias, factor)
    params[f"{layer}/kernel"] = np.ascontiguousarray(kernel)
    params[f"{layer}/bias"] = bias
  fields = {"architecture": style.architecture} | fields
  return style.program, fields, traverse_util.unflatten_dict(params, sep="/")


def state_dict(generator: Mapping, variables: Mapping) -> dict[str, np.ndarray]:
  """The weights of an RRDBNet or MSRResNet under BasicSR's names.

  Args:
    generator: the config that `models.build` takes, complete.
    variables: "params", as numpy arrays.

  Returns:
    Arrays in BasicSR's order, laid out as torch does.

  Raises:
    errors.InputError: BasicSR has no such network.
  """
  architecture = generator["architecture"]
  if architecture not in ("rrdbnet", "msrresnet"):
    raise errors.InputError(
      f"BasicSR has no {architecture}: only RRDBNet and MSRResNet can be"
      " exported with its names; for other programs choose --format=onnx, or"
      " for a network of your own --format=stablehlo"
    )
  if generator.get("residual_scale", 0.2) != 0.2:
    raise errors.InputError(
      f"residual_scale is {generator['residual_scale']}, but BasicSR's RRDBNet"
      " always has 0.2: train with that, or choose --format=onnx"
    )
  scale = generator["scale"]
  if scale not in _IN_BASICSR[architecture]:
    raise errors.InputError(
      f"BasicSR has no {architecture} of scale {scale}: choose --format=onnx"
      " for other programs"
    )
  style = (_RRDBNET if architecture == "rrdbnet" else _MSRRESNET)[0]
  params = traverse_util.flatten_dict(variables["params"], sep="/")
  factors = layers_lib.upsample_factors(scale)
  state = {}
  for layer, theirs in _layers(
    style, generator["num_blocks"], len(factors)
  ).items():
    kernel, bias = params[f"{layer}/kernel"], params[f"{layer}/bias"]
    if layer.endswith("/conv"):
      kernel = torch_layout.to_depth_first(kernel, factors[0])
      bias = torch_layout.to_depth_first(bias, factors[0])
    weight = torch_layout.weight(kernel)
    state[f"{theirs}.weight"] = np.ascontiguousarray(weight, np.float32)
    state[f"{theirs}.bias"] = np.ascontiguousarray(bias, np.float32)
  return state


def _layers(style: _Style, num_blocks: int, upsamples: int) -> dict[str, str]:
  """Our names of a network's layers -> theirs, in their order."""
  layers = {}
  blocks = {k: v for k, v in style.names.items() if "{b}" in k}
  for ours, theirs in style.names.items():
    if ours in blocks:
      if ours == next(iter(blocks)):
        layers |= {
          k.format(b=b): v.format(b=b)
          for b in range(num_blocks)
          for k, v in blocks.items()
        }
      continue
    stage = re.fullmatch(r"upsample_(\d)/conv", ours)
    if stage is None or int(stage[1]) < upsamples:
      layers[ours] = theirs.format(n=num_blocks)
  return layers


def _likeness(style: _Style, found: Mapping) -> tuple[float, _Style, dict]:
  """The share of a style's names and the file's that both have."""
  block = next(v for k, v in style.names.items() if "{b}" in k)
  numbered = re.escape(block).replace(r"\{b\}", r"(\d{1,6})") + r"\.weight"
  blocks = [int(m[1]) for name in found if (m := re.fullmatch(numbered, name))]
  # A gap in the numbers is a missing block, but not a million of them.
  num_blocks = min(max(blocks, default=-1) + 1, len(found))
  upsamples = sum(
    f"{style.names.get(f'upsample_{u}/conv')}.weight" in found for u in range(3)
  )
  layers = _layers(style, num_blocks, upsamples)
  names = {
    f"{layer}.{leaf}"
    for layer in layers.values()
    for leaf in ("weight", "bias")
  }
  both = len(names & found.keys())
  likeness = both / len(names | found.keys()) if num_blocks else 0.0
  return likeness, style, layers


def _sizes(owner: str, name: str, found: Mapping) -> tuple[int, int]:
  """Outputs and inputs of a convolution, from which those of others follow."""
  shape = found.get(f"{name}.weight", ())
  if len(shape) != 4 or 0 in shape:
    raise errors.InputError(
      f"{owner}, but {name}.weight"
      + (f" has the shape {shape}" if shape else " is missing")
    )
  return shape[:2]


def _rrdbnet_shapes(owner: str, layers: Mapping, found: Mapping):
  """Fields of the config, and (outputs, inputs) of every layer."""
  features, inputs = _sizes(owner, layers["head"], found)
  top = sorted(
    int(m[1]) for n in found if (m := re.fullmatch(r"model\.(\d+)\.weight", n))
  )
  if scale := _OLD_SCALES.get(tuple(top)):
    raise errors.InputError(
      f"{owner}, but is a network for x{scale} that this program does not"
      " have: of the old form, only that for x4 can be read"
    )
  if inputs not in _SCALES:
    raise errors.InputError(
      f"{owner}, but takes {inputs} channels: expected 3 (RGB, x4), 12 (x2) or"
      " 48 (x1)"
    )
  growth, _ = _sizes(owner, layers["blocks_0/dense_0/conv_0"], found)
  num_blocks = sum(k.endswith("dense_0/conv_0") for k in layers)
  shapes = {}
  for layer in layers:
    position = re.search(r"conv_(\d)$", layer)
    if position and "dense" in layer:
      i = int(position[1])
      shapes[layer] = (growth if i < 4 else features, features + i * growth)
    else:
      shapes[layer] = (features, features)
  shapes["head"] = (features, inputs)
  shapes["tail"] = (3, features)
  fields = {
    "features": features,
    "num_blocks": num_blocks,
    "growth": growth,
    "scale": _SCALES[inputs],
  }
  return fields, shapes


def _msr_shapes(owner: str, layers: Mapping, found: Mapping):
  """As `_rrdbnet_shapes`, for MSRResNet."""
  features, _ = _sizes(owner, layers["head"], found)
  upsamples = [layer for layer in layers if layer.endswith("/conv")]
  if not upsamples:
    raise errors.InputError(f"{owner}, but has no layers that upscale")
  factor = 2
  if len(upsamples) == 1:
    outputs, _ = _sizes(owner, layers[upsamples[0]], found)
    factor = 3 if outputs == 9 * features else 2
  shapes = dict.fromkeys(layers, (features, features))
  shapes |= dict.fromkeys(upsamples, (factor**2 * features, features))
  shapes["head"] = (features, 3)
  shapes["tail"] = (3, features)
  num_blocks = sum(k.endswith("/conv_0") for k in layers)
  fields = {
    "features": features,
    "num_blocks": num_blocks,
    "scale": factor ** len(upsamples),
  }
  return fields, shapes
