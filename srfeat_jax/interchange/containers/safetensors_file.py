"""Safetensors files: of any arrays, and of generators in our own format.

In our format, tensor names are the paths of flax's variables, such as
`params/head/kernel`, arrays are laid out as in flax (kernels HWIO), and the
generator's config is in the file's metadata: the file alone is enough to build
the network.
"""

import json
import pathlib
from collections.abc import Mapping
from typing import Any

import ml_dtypes  # noqa: F401, teaches numpy bfloat16
import numpy as np
import safetensors
import safetensors.numpy
from flax import traverse_util

from srfeat_jax import atomic, errors

_FORMAT = "srfeat_jax"


def save(path: pathlib.Path, generator: dict, variables: dict) -> None:
  """Writes a generator's config and variables, whole or not at all.

  Args:
    path: the file to write; replaced if it exists.
    generator: the config that `models.build` takes, JSON-able.
    variables: "params" and, with BatchNorm, "batch_stats".

  Raises:
    errors.InputError: the file cannot be written.
  """
  tensors = traverse_util.flatten_dict(variables, sep="/")
  write(path, tensors, {"format": _FORMAT, "generator": json.dumps(generator)})


def load(path: pathlib.Path) -> tuple[dict, dict]:
  """Reads what `save` wrote.

  Returns:
    The generator's config and its variables as numpy arrays.

  Raises:
    errors.InputError: the file is not safetensors, is damaged, or was not
      written by `save`.
  """
  tensors, metadata = read(path)
  kind = metadata.get("format", "")
  if kind.startswith(f"{_FORMAT}/"):
    raise errors.InputError(
      f"{path} holds the weights of {kind.removeprefix(f'{_FORMAT}/')}, which"
      " is not a generator: expected the weights of a generator"
    )
  if kind != _FORMAT:
    raise errors.InputError(
      f"{path} is a safetensors file without the description of a generator"
      " in its metadata: it was not written by this program"
    )
  try:
    generator = json.loads(metadata["generator"])
    return generator, traverse_util.unflatten_dict(tensors, sep="/")
  except (LookupError, ValueError, TypeError, RecursionError) as error:
    raise errors.InputError(
      f"{path} is damaged: its description of a generator, or the names of its"
      " tensors, cannot be read"
    ) from error


def is_ours(path: pathlib.Path) -> bool:
  """Whether it is a safetensors file in a format of this program."""
  try:
    with safetensors.safe_open(path, framework="numpy") as file:
      kind = (file.metadata() or {}).get("format", "")
      return kind.partition("/")[0] == _FORMAT
  except (OSError, safetensors.SafetensorError):
    return False


def write(
  path: pathlib.Path, tensors: Mapping[str, Any], metadata: dict[str, str]
) -> None:
  """Writes named arrays and metadata, whole or not at all.

  Args:
    path: the file to write; replaced if it exists.
    tensors: arrays by name.
    metadata: texts by name.

  Raises:
    errors.InputError: the file cannot be written.
  """
  tensors = {k: np.ascontiguousarray(v) for k, v in tensors.items()}
  # Not save_file, whose files only their owner may read.
  data = safetensors.numpy.save(tensors, metadata)
  atomic.replace(path, _in_order(data))


def _in_order(data: bytes) -> bytes:
  """Sorts a file's metadata, whose order would change from run to run."""
  size = int.from_bytes(data[:8], "little")
  header = json.loads(data[8 : 8 + size])
  header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
  text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
  text += b" " * (-len(text) % 8)  # what follows is aligned
  return len(text).to_bytes(8, "little") + text + data[8 + size :]


def read(path: pathlib.Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
  """Reads the named arrays and the metadata of any safetensors file.

  Raises:
    errors.InputError: there is no such file, or it is damaged.
  """
  try:
    with safetensors.safe_open(path, framework="numpy") as file:
      metadata = file.metadata() or {}
      tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
  except (
    OSError,
    safetensors.SafetensorError,
    AttributeError,  # a dtype that numpy does not have
    TypeError,
    ValueError,
  ) as error:
    raise errors.InputError(
      f"{path} is not a readable safetensors file ({error}): make or get it"
      " again"
    ) from error
  return tensors, metadata
