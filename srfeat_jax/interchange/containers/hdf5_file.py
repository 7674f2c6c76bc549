"""Arrays in an HDF5 file, as Keras keeps weights."""

import pathlib

import numpy as np

from srfeat_jax import errors

START = b"\x89HDF\r\n\x1a\n"


def load(path: pathlib.Path) -> dict[str, np.ndarray]:
  """Reads all arrays, by their paths in the file.

  Raises:
    errors.InputError: h5py is missing, or the file is missing or damaged.
  """
  try:
    import h5py  # Nothing else needs it.
  except ImportError as error:
    raise errors.InputError(
      f"{path} is an HDF5 file, and reading it needs h5py: run"
      " launch/install.sh convert, or pip install h5py"
    ) from error
  arrays = {}

  def keep(name, value):
    if isinstance(value, h5py.Dataset):
      arrays[str(name)] = np.asarray(value[()])

  try:
    with h5py.File(path, "r") as file:
      file.visititems(keep)
  except (OSError, RuntimeError, ValueError, KeyError) as error:
    raise errors.InputError(
      f"{path} is not an HDF5 file, or is damaged ({error}): get it again"
    ) from error
  return arrays
