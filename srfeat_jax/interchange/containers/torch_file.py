"""Files of `torch.save`, read without PyTorch and without running pickles.

Both of their formats are read: the zip archive, and the one before it (until
2020, and torchvision's older weights to this day): several pickles, followed by
the raw numbers of each storage.
"""

import functools
import io
import os
import pathlib
import pickle
import struct
import zipfile
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO

import jax.numpy as jnp
import numpy as np

from srfeat_jax import errors
from srfeat_jax.interchange.containers import pickles

ZIP_START = b"PK\x03\x04"
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_START = pickle.dumps(_LEGACY_MAGIC, protocol=2)
_LEGACY_VERSION = 1001
_STORAGES = {
  "torch.DoubleStorage": "float64",
  "torch.FloatStorage": "float32",
  "torch.HalfStorage": "float16",
  "torch.BFloat16Storage": "bfloat16",
  "torch.LongStorage": "int64",
  "torch.IntStorage": "int32",
  "torch.ShortStorage": "int16",
  "torch.CharStorage": "int8",
  "torch.ByteStorage": "uint8",
  "torch.BoolStorage": "bool",
}

# Makes the storage of a key: dtype and number of elements -> array [n].
_FindStorage = Callable[[str, np.dtype, int], np.ndarray]


def load(path: pathlib.Path) -> Any:
  """Reads a file of tensors, such as a state dict.

  Returns:
    The saved object: dicts, lists, tuples, numbers and strings as they were,
    tensors and parameters as numpy arrays (bfloat16 as JAX's).

  Raises:
    errors.InputError: there is no such file, it is damaged or not a torch file,
      or it holds objects other than tensors.
  """
  try:
    with open(path, "rb") as file:
      start = file.read(len(LEGACY_START))
      file.seek(0)
      if start.startswith(ZIP_START):
        return _load_zip(file)
      if start == LEGACY_START:
        return _load_legacy(file)
      raise errors.InputError("it does not begin like one")
  except OSError as error:
    raise errors.InputError(
      f"{path} cannot be read: {error.strerror}"
    ) from error
  except errors.InputError as error:
    raise errors.InputError(
      f"{path} is not a torch file that holds only tensors: {error}; if it is a"
      " whole model, save model.state_dict() instead"
    ) from error
  except Exception as error:  # A damaged pickle may fail in any way.
    raise errors.InputError(
      f"{path} is a damaged torch file, or one that is cut short, as after an"
      " interrupted download: get it again"
    ) from error


def _load_zip(file: BinaryIO) -> Any:
  with zipfile.ZipFile(file) as archive:
    members = {member.filename: member for member in archive.infolist()}
    pickled = [name for name in members if name.endswith("/data.pkl")]
    if len(pickled) != 1:
      raise errors.InputError(
        "it is a zip archive without data.pkl, or with several"
      )
    root = pickled[0].removesuffix("data.pkl")

    def read(name: str) -> bytes:
      if members[name].compress_type != zipfile.ZIP_STORED:
        raise errors.InputError("its parts are compressed, unlike torch's")
      return archive.read(name)

    byteorder = f"{root}byteorder"
    if byteorder in members and read(byteorder) != b"little":
      raise errors.InputError("its numbers are big-endian")

    room = os.fstat(file.fileno()).st_size

    def find(key: str, dtype: np.dtype, count: int) -> np.ndarray:
      # Members of an archive may share bytes; the arrays here do not.
      nonlocal room
      room -= members[f"{root}data/{key}"].file_size
      if room < 0:
        raise errors.InputError("its parts are together larger than the file")
      storage = np.frombuffer(bytearray(read(f"{root}data/{key}")), dtype)
      if len(storage) != count:
        raise ValueError(f"storage {key} has {len(storage)} of {count} numbers")
      return storage

    return _Unpickler(io.BytesIO(read(pickled[0])), find).load()


def _load_legacy(file: BinaryIO) -> Any:
  magic, version, system = (pickles.Unpickler(file, {}).load() for _ in "123")
  if (magic, version) != (_LEGACY_MAGIC, _LEGACY_VERSION):
    raise errors.InputError(f"its version is not {_LEGACY_VERSION}")
  if not system["little_endian"]:
    raise errors.InputError("its numbers are big-endian")
  room = os.fstat(file.fileno()).st_size
  storages = {}

  def find(key: str, dtype: np.dtype, count: int) -> np.ndarray:
    # The numbers come later in the file; the array for them is made now.
    nonlocal room
    room -= count * dtype.itemsize
    if key in storages or count < 0 or room < 0:
      raise ValueError(f"storage {key} does not fit into the file")
    storages[key] = np.empty(count, dtype)
    return storages[key]

  loaded = _Unpickler(file, find).load()
  for key in pickles.Unpickler(file, {}).load():
    storage = storages.pop(key)
    (count,) = struct.unpack("<q", file.read(8))
    if count != len(storage):
      raise ValueError(f"storage {key} has {count} of {len(storage)} numbers")
    if file.readinto(storage.view(np.uint8)) != storage.nbytes:  # type: ignore[attr-defined]
      raise EOFError(f"the file ends within storage {key}")
  if storages:
    raise EOFError(f"{len(storages)} storages are missing")
  return loaded


class _Unpickler(pickles.Unpickler):
  """Turns tensors into arrays that share memory where the tensors did."""

  def __init__(self, file: BinaryIO, find_storage: _FindStorage):
    stand_ins = {
      "collections.OrderedDict": _OrderedDict,
      "torch._utils._rebuild_tensor": self._rebuild_tensor,
      "torch._utils._rebuild_tensor_v2": self._rebuild_tensor,
      "torch._utils._rebuild_parameter": self._rebuild_parameter,
      **{name: name for name in _STORAGES},
    }
    super().__init__(file, stand_ins)
    self._find_storage = functools.cache(find_storage)

  def persistent_load(self, pid: tuple) -> np.ndarray:
    """Returns a storage; called by `load`."""
    # Only the older format has a sixth element: None, or a part.
    kind, storage, key, _, count, *part = pid
    if kind != "storage" or any(each is not None for each in part):
      raise errors.InputError("it has storages that are parts of others")
    dtype = np.dtype(getattr(jnp, _STORAGES[storage]))
    return self._find_storage(key, dtype, count)

  def _rebuild_tensor(
    self,
    storage: np.ndarray,
    offset: int,
    size: Sequence[int],
    strides: Sequence[int],
    *_,  # whether it has a gradient, hooks
  ) -> np.ndarray:
    # Otherwise the array would reach beyond its memory.
    reach = sum((n - 1) * s for n, s in zip(size, strides, strict=True))
    if min(offset, *size, *strides, 0) < 0 or (
      0 not in size and offset + reach >= len(storage)
    ):
      raise ValueError("a tensor does not fit its storage")
    return np.lib.stride_tricks.as_strided(
      storage[offset:], size, [s * storage.itemsize for s in strides]
    )

  def _rebuild_parameter(self, data: np.ndarray, *_) -> np.ndarray:
    return data


class _OrderedDict(dict):
  """A state dict, without the attributes that torch adds to it."""

  def __setstate__(self, state):
    pass
