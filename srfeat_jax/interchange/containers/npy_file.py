"""Arrays and pickled objects of `numpy.save`, read without running pickles.

The objects are dicts and lists of arrays; Python 2 wrote many such files.
"""

import math
import pathlib
import re
from typing import Any, BinaryIO

import numpy as np

from srfeat_jax import errors
from srfeat_jax.interchange.containers import pickles

START = b"\x93NUMPY"


def load(path: pathlib.Path) -> Any:
  """Reads a .npy file.

  Returns:
    The array; or, if the file holds a single object such as a dict, the object
    itself, with its dicts, lists, tuples and numpy arrays.

  Raises:
    errors.InputError: there is no such file, it is damaged or not a .npy file,
      or it holds objects other than these.
  """
  try:
    with open(path, "rb") as file:
      return read(file)
  except OSError as error:
    raise errors.InputError(
      f"{path} cannot be read: {error.strerror}"
    ) from error
  except errors.InputError as error:
    raise errors.InputError(
      f"{path} is not a .npy file that holds only arrays: {error}"
    ) from error
  except Exception as error:  # A damaged pickle may fail in any way.
    raise errors.InputError(
      f"{path} is not a .npy file, or is damaged ({error}): get it again"
    ) from error


def read(file: BinaryIO, *, objects: bool = True) -> Any:
  """As `load`, from an open file, which ends with the array.

  Args:
    file: binary, at its start.
    objects: whether dicts and lists of arrays are read too.

  Returns:
    As `load`.

  Raises:
    errors.InputError: it holds objects other than arrays, dicts and lists.
    Exception: it is damaged or not a .npy file, or holds objects although
      `objects` is false.
  """
  version = np.lib.format.read_magic(file)
  read_header = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
  }[version]
  shape, fortran, dtype = read_header(file)
  if dtype.hasobject:
    if not objects:
      raise ValueError("it holds objects")
    value = _resolve(pickles.Unpickler(file, _STAND_INS).load(), {})
    return value.item() if value.ndim == 0 else value
  # All bytes are read as they are: a false header cannot ask for more memory.
  data = file.read()
  if (
    len(data) != math.prod(shape) * dtype.itemsize or min(shape, default=0) < 0
  ):
    raise ValueError(f"the array {shape} does not fit into the file")
  array = np.frombuffer(bytearray(data), dtype)
  return array.reshape(shape, order="F" if fortran else "C")


class _Dtype:
  """Stands for numpy.dtype, of which a pickle could make invalid ones."""

  def __init__(self, code: str, *_):
    if not re.fullmatch(r"[fiu][1248]|b1|O[48]?", code):
      raise errors.InputError(f"it has arrays of the type {code!r}")
    self._code = code
    self.value = np.dtype(code[0] if code.startswith("O") else code)

  def __setstate__(self, state):
    byteorder = state[1]
    if byteorder in ("<", ">"):
      self.value = np.dtype(byteorder + self._code)


class _Array:
  """Stands for numpy.ndarray: holds an array, or a list of objects."""

  @classmethod
  def reconstruct(cls, *_) -> "_Array":
    return cls()

  def __setstate__(self, state):
    _, self.shape, dtype, fortran, data = state
    if dtype.value.hasobject:
      if math.prod(self.shape) != len(data):
        raise ValueError("an array does not have as many objects as it says")
      self.value = data
    else:
      data = data.encode("latin1") if isinstance(data, str) else data
      flat = np.frombuffer(data, dtype.value)
      self.value = flat.reshape(self.shape, order="F" if fortran else "C")


class _Bytes:
  """Stands for what Python 3 writes for bytes in Python 2's format."""

  @classmethod
  def empty(cls) -> bytes:
    return b""

  @classmethod
  def encode(cls, text: str, encoding: str) -> bytes:
    if encoding != "latin1":
      raise ValueError(f"bytes are encoded as {encoding!r}")
    return text.encode("latin1")


_STAND_INS = {
  "numpy.core.multiarray._reconstruct": _Array.reconstruct,
  "numpy._core.multiarray._reconstruct": _Array.reconstruct,
  "numpy.ndarray": "numpy.ndarray",
  "numpy.dtype": _Dtype,
  "_codecs.encode": _Bytes.encode,
  "__builtin__.bytes": _Bytes.empty,
}


def _resolve(value: Any, known: dict[int, Any]) -> Any:
  """Replaces stand-ins by their arrays; shared objects are resolved once."""
  if id(value) not in known:
    known[id(value)] = None  # so that an object that holds itself ends here
    known[id(value)] = _resolved(value, known)
  return known[id(value)]


def _resolved(value: Any, known: dict[int, Any]) -> Any:
  match value:
    case _Array(value=list() as objects, shape=shape):
      array = np.empty(len(objects), object)
      for i, each in enumerate(objects):
        array[i] = _resolve(each, known)
      return array.reshape(shape)
    case _Array(value=array):
      return array
    case dict():
      return {key: _resolve(each, known) for key, each in value.items()}
    case list() | tuple():
      return type(value)(_resolve(each, known) for each in value)
    case _:
      return value
