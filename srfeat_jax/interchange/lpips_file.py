"""LPIPS' weights: a backbone and its linear layers in one file.

Two files are published, the backbone's by torchvision and that of the linear
layers by LPIPS' authors. `convert` joins them:

  squeezenet1_1-b8a52dc0.pth  squeeze.pth
  alexnet-owt-7be5be79.pth    alex.pth
  vgg16-397923af.pth          vgg.pth

In the joint file, .safetensors or .npz, arrays are named and laid out as in
those two, but with "lpips." before the names of the linear layers. Which
backbone it is shows in the arrays. A state dict of the whole network of the
package `lpips`, which has a backbone in "net.slice1" and so on, does as well.
"""

import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
from flax import traverse_util

from srfeat_jax import errors, places
from srfeat_jax.interchange import joint_file, mismatch
from srfeat_jax.interchange.layouts import torch_layout
from srfeat_jax.models import lpips

_FORMAT = "srfeat_jax/lpips"
_HINT = (
  "to make one, download"
  " https://download.pytorch.org/models/squeezenet1_1-b8a52dc0.pth and"
  " lpips/weights/v0.1/squeeze.pth of"
  " https://github.com/richzhang/PerceptualSimilarity, and run python -m"
  " srfeat_jax.convert lpips squeezenet1_1-b8a52dc0.pth squeeze.pth"
  " --output=lpips.safetensors"
)


def load(path: str) -> tuple[lpips.LPIPS, dict[str, Any]]:
  """Reads a joint file.

  Returns:
    The network and its variables.

  Raises:
    errors.InputError: there is no such file, it is damaged, or arrays are
      missing, unexpected or misshapen.
  """
  arrays = _read(pathlib.Path(places.fetched(path)))
  found = _backbone(path, arrays)
  variables = {
    place: _in_our_layout(np.asarray(arrays[name], np.float32))
    for name, (place, _) in _layout(found).items()
  }
  return lpips.LPIPS(found), traverse_util.unflatten_dict(variables)


def backbone(path: str) -> str:
  """The backbone that a joint file is of: "squeeze", "alex" or "vgg".

  Raises:
    errors.InputError: as `load`.
  """
  return _backbone(path, _read(pathlib.Path(places.fetched(path))))


def convert(sources: Sequence[str], output: pathlib.Path) -> str:
  """Joins public files.

  Args:
    sources: the backbone's file and that of the linear layers, in any order;
      or one file that holds both.
    output: the .safetensors file to write, which also names the sources and
      their sha256.

  Returns:
    The backbone: "squeeze", "alex" or "vgg".

  Raises:
    errors.InputError: as `load`; or the file cannot be written.
  """
  arrays = {}
  for source in map(pathlib.Path, sources):
    arrays |= _read(source)
  found = _backbone(" and ".join(sources), arrays)
  joint_file.write(output, _FORMAT, arrays, sources)
  return found


def _read(path: pathlib.Path) -> dict[str, np.ndarray]:
  """Reads a file's arrays, except the backbone's classifier."""
  return {
    re.sub(r"^lin(?=\d)", "lpips.lin", name): array
    for name, array in joint_file.read(path, "LPIPS", _HINT).items()
    # The whole network's state has the linear layers twice.
    if not name.startswith(("scaling_layer.", "lins."))
  }


def _backbone(path: str, arrays: Mapping[str, np.ndarray]) -> str:
  """Finds the backbone whose arrays these are, and checks that all are there.

  Raises:
    errors.InputError: names or shapes are not those of the likeliest backbone,
      or arrays are not floating point.
  """
  found = {name: array.shape for name, array in arrays.items()}
  expected = {
    backbone: {name: shape for name, (_, shape) in _layout(backbone).items()}
    for backbone in lpips.MIN_SIZES
  }
  likeliest = max(
    expected, key=lambda each: len(expected[each].items() & found.items())
  )
  if problems := mismatch.describe(found, expected[likeliest]):
    raise errors.InputError(
      f"{path}: these are not the weights of LPIPS ({likeliest}): {problems};"
      f" {_HINT}"
    )
  mismatch.check_floating_point(path, arrays)
  return likeliest


def _layout(
  backbone: str,
) -> dict[str, tuple[tuple[str, ...], tuple[int, ...]]]:
  """Returns each array's path in flax and its shape in torch, by its name."""
  image = jax.ShapeDtypeStruct((1, 64, 64, 3), "float32")
  network = lpips.LPIPS(backbone)
  variables = jax.eval_shape(network.init, jax.random.key(0), image, image)
  layout: dict[str, tuple[tuple[str, ...], tuple[int, ...]]] = {}
  for place, array in traverse_util.flatten_dict(variables).items():
    _, *modules, kind = place
    module = ".".join(modules).replace("features_", "features.")
    module = re.sub(r"^lin_(\d)", r"lpips.lin\1.model.1", module)
    if kind == "kernel":
      height, width, inputs, outputs = array.shape
      layout[f"{module}.weight"] = place, (outputs, inputs, height, width)
    else:
      layout[f"{module}.bias"] = place, array.shape
  return layout


def _in_our_layout(array: np.ndarray) -> np.ndarray:
  return torch_layout.kernel(array) if array.ndim == 4 else array
