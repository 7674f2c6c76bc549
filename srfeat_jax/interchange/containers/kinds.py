"""What kind of container a file is: its first bytes say, not its name.

The one place that knows; who reads weights asks here, then calls the module of
that kind.
"""

import enum
import pathlib

from srfeat_jax.interchange.containers import (
  hdf5_file,
  npy_file,
  npz_file,
  torch_file,
)


class Kind(enum.Enum):
  """A container of arrays."""

  TORCH = "torch.save's, either format"
  NPZ = "a zip archive of .npy files"
  NPY = "numpy.save's"
  SAFETENSORS = "safetensors"
  HDF5 = "HDF5, as Keras keeps weights"
  UNKNOWN = "none of them"


def of(path: pathlib.Path) -> Kind:
  """Tells a file's kind; whether it is whole shows when it is read.

  Raises:
    OSError: there is no such file, or it cannot be read.
  """
  with open(path, "rb") as file:
    start = file.read(len(torch_file.LEGACY_START))
  if npz_file.is_one(path):
    return Kind.NPZ
  if start.startswith((torch_file.ZIP_START, torch_file.LEGACY_START)):
    return Kind.TORCH
  if start.startswith(hdf5_file.START):
    return Kind.HDF5
  if start.startswith(npy_file.START):
    return Kind.NPY
  # Eight bytes of length, then JSON.
  return Kind.SAFETENSORS if start[8:9] == b"{" else Kind.UNKNOWN
