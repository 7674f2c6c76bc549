"""The weights of a perceptual metric, of which parts are published apart.

Backbones are torchvision's, whose arrays are "features.0.weight" and so on.
"""

import hashlib
import pathlib
import re
from collections.abc import Mapping, Sequence

import numpy as np

from srfeat_jax import errors
from srfeat_jax.interchange.containers import (
  file_kind,
  npz_file,
  safetensors_file,
  torch_file,
)

# How packages that take a backbone apart name its parts.
_SLICES = re.compile(r"^(net\.slice|stage)\d\.(?=\d+\.)")


def read(path: pathlib.Path, metric: str, hint: str) -> dict[str, np.ndarray]:
  """Reads a file's arrays, except the backbone's classifier.

  Args:
    path: a .pth, .pt, .safetensors or .npz file.
    metric: whose weights it should have.
    hint: how to make a file, for messages.

  Returns:
    Arrays by name, those of a backbone as torchvision names them.

  Raises:
    errors.InputError: there is no such file, or it is damaged or of another
      kind.
  """
  try:
    kind = file_kind.find(path)
  except errors.InputError as error:
    raise errors.InputError(
      f"{error}; it should hold the weights of {metric}; {hint}"
    ) from error
  match kind:
    case file_kind.Kind.NPZ:
      arrays = npz_file.load(path)
    case file_kind.Kind.TORCH:
      arrays = torch_file.load(path)
    case file_kind.Kind.SAFETENSORS:
      arrays, _ = safetensors_file.read(path)
    case _:
      raise errors.InputError(
        f"{path} is not a file with the weights of {metric}: expected .pth,"
        f" .safetensors or .npz; {hint}"
      )
  if not isinstance(arrays, Mapping):
    arrays = {}
  return {
    _SLICES.sub("features.", str(name)): array
    for name, array in arrays.items()
    if isinstance(array, np.ndarray) and not str(name).startswith("classifier.")
  }


def write(
  output: pathlib.Path,
  kind: str,
  arrays: Mapping[str, np.ndarray],
  sources: Sequence[str],
) -> None:
  """Writes arrays in float32, with the names and sha256 of their sources.

  Args:
    output: the .safetensors file to write.
    kind: the format, as its metadata has it.
    arrays: by name.
    sources: the files that they are from.

  Raises:
    errors.InputError: the file cannot be written.
  """
  metadata = {"format": kind}
  for i, source in enumerate(map(pathlib.Path, sources)):
    with open(source, "rb") as file:
      digest = hashlib.file_digest(file, "sha256").hexdigest()
    metadata |= {f"source_{i}": source.name, f"source_{i}_sha256": digest}
  arrays = {k: np.asarray(v, np.float32) for k, v in arrays.items()}
  safetensors_file.write(output, arrays, metadata)
