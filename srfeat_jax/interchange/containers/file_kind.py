"""The kind of a file with arrays, found from its content.

kind         how it begins
TORCH        as a zip archive, or as torch.save wrote before there was one
NPZ          as a zip archive, whose members are .npy files
NPY          with numpy's magic string
HDF5         with the magic string of HDF5
SAFETENSORS  with the length of a JSON object, and that object
"""

import enum
import pathlib

from srfeat_jax import errors
from srfeat_jax.interchange.containers import (
  hdf5_file,
  npy_file,
  npz_file,
  torch_file,
)

_LONGEST = 16  # bytes that tell one kind from another


class Kind(enum.Enum):
  """A kind of file; UNKNOWN is none of the others."""

  TORCH = enum.auto()
  NPZ = enum.auto()
  NPY = enum.auto()
  HDF5 = enum.auto()
  SAFETENSORS = enum.auto()
  UNKNOWN = enum.auto()


def find(path: pathlib.Path) -> Kind:
  """Finds the kind of a file from its content, whatever its name ends in.

  Raises:
    errors.InputError: it cannot be read.
  """
  try:
    with open(path, "rb") as file:
      start = file.read(_LONGEST)
  except OSError as error:
    raise errors.InputError(
      f"{path} cannot be read: {error.strerror}"
    ) from error
  if npz_file.is_npz(path):  # before torch's, which are zip archives too
    return Kind.NPZ
  if start.startswith((torch_file.ZIP_START, torch_file.LEGACY_START)):
    return Kind.TORCH
  if start.startswith(npy_file.START):
    return Kind.NPY
  if start.startswith(hdf5_file.START):
    return Kind.HDF5
  if start[8:9] == b"{":
    return Kind.SAFETENSORS
  return Kind.UNKNOWN
