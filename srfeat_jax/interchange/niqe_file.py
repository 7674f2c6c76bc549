"""NIQE's parameters: the statistics of undamaged photographs.

They are published by NIQE's authors as `modelparameters.mat` and by BasicSR as
`niqe_pris_params.npz`, which hold the same. `convert` writes a .safetensors
file with "mean" [36] and "covariance" [36, 36]; all three can be read.
"""

import pathlib
import re

import numpy as np

from srfeat_jax import errors, places
from srfeat_jax.interchange import mismatch
from srfeat_jax.interchange.containers import (
  file_kind,
  npz_file,
  safetensors_file,
)
from srfeat_jax.ops import niqe

_FORMAT = "srfeat_jax/niqe"
_MATLAB = b"MATLAB 5.0 MAT-file"
_LARGEST = 1 << 20  # bytes; 36 x 37 numbers are a hundredth of that
_NAMES = {"mu": "mean", "cov": "covariance"}
_SHAPES = {
  "mean": (niqe.NUM_FEATURES,),
  "covariance": (niqe.NUM_FEATURES,) * 2,
}
_HINT = (
  "take basicsr/metrics/niqe_pris_params.npz of the package basicsr, or"
  " modelparameters.mat of the NIQE release of LIVE, UT Austin"
)


def load(path: str) -> tuple[np.ndarray, np.ndarray]:
  """Reads the parameters.

  Returns:
    The mean [36] and the covariance [36, 36] of features, float64.

  Raises:
    errors.InputError: there is no such file, it is damaged, or arrays are
      missing, misshapen or not finite.
  """
  arrays = {}
  for name, array in _read(pathlib.Path(places.fetched(path))).items():
    published = re.fullmatch(r"(mu|cov)_pris_?param", name)
    name = _NAMES[published[1]] if published else name
    if name in _SHAPES and isinstance(array, np.ndarray):
      # The published mean is a row.
      arrays[name] = array.reshape(-1) if name == "mean" else array
  found = {name: array.shape for name, array in arrays.items()}
  if problems := mismatch.describe(found, _SHAPES):
    raise errors.InputError(
      f"{path}: these are not the parameters of NIQE: {problems}; {_HINT}"
    )
  mismatch.check_floating_point(path, arrays)
  mean, covariance = (
    np.asarray(arrays[name], np.float64) for name in ("mean", "covariance")
  )
  if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
    raise errors.InputError(
      f"{path}: NIQE's parameters are not all finite: get the file again"
    )
  return mean, covariance


def convert(source: str, output: pathlib.Path) -> None:
  """Writes published parameters as our own.

  Args:
    source: the file to read.
    output: the .safetensors file to write.

  Raises:
    errors.InputError: as `load`; or the file cannot be written.
  """
  mean, covariance = load(source)
  metadata = {"format": _FORMAT, "source": pathlib.Path(source).name}
  arrays = {"mean": mean, "covariance": covariance}
  safetensors_file.write(output, arrays, metadata)


def _read(path: pathlib.Path) -> dict[str, np.ndarray]:
  try:
    kind = file_kind.find(path)
    with open(path, "rb") as file:
      start = file.read(len(_MATLAB))
    size = path.stat().st_size
  except errors.InputError as error:
    raise errors.InputError(
      f"{error}; it should hold the parameters of NIQE; {_HINT}"
    ) from error
  if size <= _LARGEST:
    if kind == file_kind.Kind.NPZ:
      return npz_file.load(path)
    if kind == file_kind.Kind.SAFETENSORS:
      return safetensors_file.read(path)[0]
    if start == _MATLAB:
      return _read_matlab(path)
  raise errors.InputError(
    f"{path} is not a file with the parameters of NIQE: expected .npz, .mat or"
    f" .safetensors below 1 MiB; {_HINT}"
  )


def _read_matlab(path: pathlib.Path) -> dict[str, np.ndarray]:
  from scipy import io

  try:
    return io.loadmat(
      path, variable_names=("mu_prisparam", "cov_prisparam"), appendmat=False
    )
  except Exception as error:  # a damaged file may fail in any way
    raise errors.InputError(
      f"{path} is not a .mat file of arrays, or is damaged ({error}): get it"
      " again"
    ) from error
