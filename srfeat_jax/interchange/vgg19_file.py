"""VGG-19's weights, from the public files and in a format of our own.

Which file it is shows in its content, not its name. Classifiers are left out.

  file                                        settings of the network
  torchvision's vgg19-dcbb9e9d.pth, or the    torchvision's input, floor pooling
  same names in safetensors
  Keras' HDF5, with TensorFlow's kernels      Caffe's input, ceil pooling
  vgg19.npy, a dict "conv1_1": [kernel, bias] Caffe's input, ceil pooling
  our own safetensors                         those in its metadata

Pooling is that of the networks the weights were trained in; see models.vgg19.
"""

import dataclasses
import hashlib
import json
import pathlib
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from flax import traverse_util

from srfeat_jax import errors, places
from srfeat_jax.interchange import mismatch
from srfeat_jax.interchange.containers import (
  file_kind,
  hdf5_file,
  npy_file,
  safetensors_file,
  torch_file,
)
from srfeat_jax.interchange.layouts import torch_layout
from srfeat_jax.models import vgg19

_FORMAT = "srfeat_jax/vgg19"
# Where weights of each preprocessing are published, and how to check them.
_PUBLISHED = {
  "torchvision": (
    "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
    "sha256 dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44",
  ),
  "caffe": (
    "https://storage.googleapis.com/tensorflow/keras-applications/vgg19/"
    "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "its publisher gives the MD5 253f8cb515780f3b799900260a226db6",
  ),
}
_READABLE = (
  "torchvision's .pth or .safetensors, Keras' .h5, vgg19.npy, or a converted"
  " file"
)
_DEPTHS = {8: "VGG-11", 10: "VGG-13", 13: "VGG-16"}  # by convolutions
_TORCHVISION = {
  "preprocessing": "torchvision",
  "pooling": "floor",
  "clip": False,
}
_CAFFE = {"preprocessing": "caffe", "pooling": "ceil", "clip": False}
_TORCHVISION_NAMES = {
  layer: f"features.{position}"
  for layer, position in zip(
    vgg19.CHANNELS,
    (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34),
    strict=True,
  )
}


@dataclasses.dataclass(frozen=True)
class Source:
  """What was read from a file.

  Attributes:
    kind: whose file it is, in words.
    settings: the fields of `vgg19.VGG19` that go with these weights.
    variables: {"params": ...} of all its layers, float32.
  """

  kind: str
  settings: dict[str, Any]
  variables: dict[str, dict]


@dataclasses.dataclass(frozen=True)
class _Found:
  """The arrays of a file, and how those of a layer are named and shaped."""

  kind: str
  settings: dict[str, Any]
  arrays: Mapping[str, np.ndarray]
  kernel: Callable[[str], str]
  bias: Callable[[str], str]
  channels_first: bool = False


def where_to_get(
  preprocessing: str, *, clip: bool = False, output: str = "vgg19.safetensors"
) -> str:
  """Says how to get a file of weights: the end of a sentence.

  Args:
    preprocessing: what the weights expect, one of `vgg19.PREPROCESSINGS`.
    clip: whether images are to be clipped before the network.
    output: the converted file.
  """
  url, digest = _PUBLISHED[preprocessing]
  first = "launch/install.sh convert and " if url.endswith(".h5") else ""
  return (
    f"download {url} ({digest}) and run {first}python -m srfeat_jax.convert"
    f" vgg19 {url.rpartition('/')[2]} --output={output}"
    + (" --clip" if clip else "")
  )


def load(path: str) -> Source:
  """Reads VGG-19 from any of the files above, by path or address.

  Raises:
    errors.InputError: there is no such file (the message says where to get
      one); it is damaged or of another kind; or it is another network (the
      message lists missing, unexpected and misshapen arrays).
  """
  place = pathlib.Path(places.fetched(path))
  if not place.is_file():
    target = "vgg19.safetensors"
    if place.name:
      target = places.said(str(place.with_suffix(".safetensors")))
    kind = "caffe" if place.suffix in (".h5", ".npy") else "torchvision"
    raise errors.InputError(
      f'there is no file "{path}" with the weights of VGG-19:'
      f" {where_to_get(kind, output=target)}"
    )
  found = _find(place)
  return Source(found.kind, found.settings, {"params": _params(place, found)})


def convert(source: str, output: pathlib.Path, **changes: Any) -> Source:
  """Writes VGG-19 from any of the files above as our own.

  Args:
    source: the file to read.
    output: the file to write, which also names the source and its sha256.
    **changes: settings to use instead of those of the source.

  Returns:
    What was written.

  Raises:
    errors.InputError: as `load`; or a setting has a value it cannot take, or
      the file cannot be written.
  """
  read = load(source)
  read = dataclasses.replace(read, settings=read.settings | changes)
  vgg19.VGG19(("conv1_1",), **read.settings)  # Checks the settings.
  with open(source, "rb") as file:
    digest = hashlib.file_digest(file, "sha256").hexdigest()
  metadata = {
    "format": _FORMAT,
    "settings": json.dumps(read.settings),
    "source": f"{pathlib.Path(source).name} ({read.kind})",
    "source_sha256": digest,
  }
  tensors = traverse_util.flatten_dict(read.variables, sep="/")
  safetensors_file.write(output, tensors, metadata)
  return read


def _find(path: pathlib.Path) -> _Found:
  """Finds out whose file it is, and reads the arrays of the convolutions."""
  match file_kind.find(path):
    case file_kind.Kind.HDF5:
      return _Found(
        "Keras",
        _CAFFE,
        _keras_arrays(hdf5_file.load(path)),
        kernel=lambda layer: f"{_keras_name(layer)}/kernel",
        bias=lambda layer: f"{_keras_name(layer)}/bias",
      )
    case file_kind.Kind.NPY:
      return _Found(
        "vgg19.npy",
        _CAFFE,
        _npy_arrays(path, npy_file.load(path)),
        kernel=lambda layer: f"{layer}[0]",
        bias=lambda layer: f"{layer}[1]",
      )
    case file_kind.Kind.TORCH:
      return _torchvision(torch_file.load(path))
    case file_kind.Kind.SAFETENSORS:
      tensors, metadata = safetensors_file.read(path)
      if metadata.get("format") != _FORMAT:
        return _torchvision(tensors)
      return _Found(
        "srfeat_jax",
        json.loads(metadata["settings"]),
        tensors,
        kernel=lambda layer: f"params/{layer}/kernel",
        bias=lambda layer: f"params/{layer}/bias",
      )
  raise errors.InputError(
    f"{path} is not a file with VGG-19 that this program can read: expected"
    f" {_READABLE}"
  )


def _torchvision(state: Any) -> _Found:
  if not isinstance(state, dict):
    state = {}
  return _Found(
    "torchvision",
    _TORCHVISION,
    {
      name: value
      for name, value in state.items()
      if str(name).startswith("features.") and isinstance(value, np.ndarray)
    },
    kernel=lambda layer: f"{_TORCHVISION_NAMES[layer]}.weight",
    bias=lambda layer: f"{_TORCHVISION_NAMES[layer]}.bias",
    channels_first=True,
  )


def _keras_name(layer: str) -> str:
  block, i = layer.removeprefix("conv").split("_")
  return f"block{block}_conv{i}"


def _keras_arrays(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
  """Renames arrays, whose names differ between versions of Keras."""
  renamed = {}
  for path, value in arrays.items():
    layer = re.match(r"(?:model_weights/)?(block\d+_conv\d+)/", path)
    if layer:
      leaf = "bias" if value.ndim == 1 else "kernel"
      renamed[f"{layer[1]}/{leaf}"] = value
  return renamed


def _npy_arrays(path: pathlib.Path, saved: Any) -> dict[str, np.ndarray]:
  """Flattens {"conv1_1": [kernel, bias]}; some files have {0: ..., 1: ...}."""
  if not isinstance(saved, dict):
    raise errors.InputError(
      f"{path} is an array, while vgg19.npy is a dict of layers"
    )
  arrays = {}
  for layer, pair in saved.items():
    if not isinstance(pair, dict):
      pair = dict(enumerate(pair)) if isinstance(pair, list | tuple) else {}
    for i, value in pair.items():
      if str(layer).startswith("conv") and isinstance(value, np.ndarray):
        arrays[f"{layer}[{i}]"] = value
  return arrays


def _params(path: pathlib.Path, found: _Found) -> dict[str, dict]:
  """Checks the arrays and puts them in our layout."""
  expected: dict[str, tuple[int, ...]] = {}
  previous = 3
  for layer, channels in vgg19.CHANNELS.items():
    shape = (3, 3, previous, channels)
    if found.channels_first:
      shape = (channels, previous, 3, 3)
    expected[found.kernel(layer)] = shape
    expected[found.bias(layer)] = (channels,)
    previous = channels
  shapes = {name: value.shape for name, value in found.arrays.items()}
  if problems := mismatch.describe(shapes, expected):
    count = sum(len(shape) == 4 for shape in shapes.values())
    depth = f" but looks like {_DEPTHS[count]}" if count in _DEPTHS else ""
    raise errors.InputError(
      f"{path} is not VGG-19 as {found.kind} names it{depth}: {problems}"
    )
  mismatch.check_floating_point(path, found.arrays)

  params = {}
  for layer in vgg19.CHANNELS:
    kernel, bias = (
      np.asarray(found.arrays[name], np.float32)
      for name in (found.kernel(layer), found.bias(layer))
    )
    if found.channels_first:
      kernel = torch_layout.kernel(kernel)
    params[layer] = {"kernel": kernel, "bias": bias}
  return params
