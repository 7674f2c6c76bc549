"""DISTS' weights: VGG-16 and the weights of its channels in one file.

Two files are published, the backbone's by torchvision, vgg16-397923af.pth, and
`weights.pt` with "alpha" and "beta" by DISTS' authors, which the package
DISTS_pytorch has, too. `convert` joins them in one .safetensors file, with the
names and layouts of these two.
"""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
from flax import traverse_util

from srfeat_jax import errors, places
from srfeat_jax.interchange import joint_file, mismatch
from srfeat_jax.interchange.layouts import torch_layout
from srfeat_jax.models import dists

_FORMAT = "srfeat_jax/dists"
_HINT = (
  "to make one, download"
  " https://download.pytorch.org/models/vgg16-397923af.pth, take weights.pt of"
  " the package DISTS_pytorch, and run python -m srfeat_jax.convert dists"
  " vgg16-397923af.pth weights.pt --output=dists.safetensors"
)


def load(path: str) -> tuple[dists.DISTS, dict[str, Any]]:
  """Reads a joint file.

  Returns:
    The network and its variables.

  Raises:
    errors.InputError: there is no such file, it is damaged, or arrays are
      missing, unexpected or misshapen.
  """
  arrays = joint_file.read(pathlib.Path(places.fetched(path)), "DISTS", _HINT)
  layout = _checked(path, arrays)
  variables = {
    place: _in_our_layout(np.asarray(arrays[name], np.float32))
    for name, (place, _) in layout.items()
  }
  return dists.DISTS(), traverse_util.unflatten_dict(variables)


def convert(sources: Sequence[str], output: pathlib.Path) -> None:
  """Joins public files.

  Args:
    sources: VGG-16's file and `weights.pt`, in any order; or one file that
      holds both.
    output: the .safetensors file to write, which also names the sources and
      their sha256.

  Raises:
    errors.InputError: as `load`; or the file cannot be written.
  """
  arrays = {}
  for source in map(pathlib.Path, sources):
    arrays |= joint_file.read(source, "DISTS", _HINT)
  layout = _checked(" and ".join(sources), arrays)
  arrays = {name: arrays[name] for name in layout}
  joint_file.write(output, _FORMAT, arrays, sources)


def _checked(
  path: str, arrays: Mapping[str, np.ndarray]
) -> dict[str, tuple[tuple[str, ...], tuple[int, ...]]]:
  """Returns the layout after checking that these are its arrays."""
  layout = _layout()
  found = {
    name: array.shape
    for name, array in arrays.items()
    # Of the package's whole state: constants of its code.
    if name not in ("mean", "std") and not name.endswith(".filter")
  }
  expected = {name: shape for name, (_, shape) in layout.items()}
  if problems := mismatch.describe(found, expected):
    raise errors.InputError(
      f"{path}: these are not the weights of DISTS: {problems}; {_HINT}"
    )
  mismatch.check_floating_point(path, {name: arrays[name] for name in layout})
  return layout


def _layout() -> dict[str, tuple[tuple[str, ...], tuple[int, ...]]]:
  """Returns each array's path in flax and its shape in torch, by its name."""
  image = jax.ShapeDtypeStruct((1, 32, 32, 3), "float32")
  variables = jax.eval_shape(
    dists.DISTS().init, jax.random.key(0), image, image
  )
  layout: dict[str, tuple[tuple[str, ...], tuple[int, ...]]] = {}
  for place, array in traverse_util.flatten_dict(variables).items():
    module = place[1].replace("features_", "features.")
    match place[-1]:
      case "kernel":
        height, width, inputs, outputs = array.shape
        layout[f"{module}.weight"] = place, (outputs, inputs, height, width)
      case "bias":
        layout[f"{module}.bias"] = place, array.shape
      case name:
        layout[name] = place, (1, *array.shape, 1, 1)
  return layout


def _in_our_layout(array: np.ndarray) -> np.ndarray:
  if array.ndim == 4 and array.shape[2:] != (1, 1):
    return torch_layout.kernel(array)
  return array.reshape(-1)
