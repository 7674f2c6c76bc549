"""Files for `torch.load`, written without PyTorch.

The format is the zip archive of PyTorch 1.6 and later. Its pickle is put
together from opcodes, because it names functions of PyTorch, which need not be
installed.
"""

import io
import pathlib
import pickle
import zipfile
from collections.abc import Iterable, Mapping

import numpy as np

from srfeat_jax import atomic


def save(
  path: pathlib.Path, wrapper: str, state: Mapping[str, np.ndarray]
) -> None:
  """Writes {wrapper: state dict}, whole or not at all.

  Args:
    path: the file to write; replaced if it exists.
    wrapper: the key of the state dict, such as BasicSR's "params".
    state: float32 arrays by name.

  Raises:
    errors.InputError: the file cannot be written.
  """
  tensors = (
    part
    for i, (name, array) in enumerate(state.items())
    for part in (_text(name), _tensor(i, array))
  )
  pickled = b"".join(
    (
      pickle.PROTO + b"\x02",
      *(pickle.EMPTY_DICT, pickle.MARK, _text(wrapper)),
      *(_global("collections", "OrderedDict"), pickle.EMPTY_TUPLE),
      *(pickle.REDUCE, pickle.MARK, *tensors, pickle.SETITEMS),
      *(pickle.SETITEMS, pickle.STOP),
    )
  )
  buffer = io.BytesIO()
  with zipfile.ZipFile(buffer, "w") as archive:  # stored, as torch wants it
    archive.writestr("archive/data.pkl", pickled)
    archive.writestr("archive/byteorder", "little")
    for i, array in enumerate(state.values()):
      data = np.ascontiguousarray(array, "<f4").tobytes()
      archive.writestr(f"archive/data/{i}", data)
    archive.writestr("archive/version", "3\n")
  atomic.replace(path, buffer.getbuffer())


def _tensor(key: int, array: np.ndarray) -> bytes:
  """torch._utils._rebuild_tensor_v2(storage, 0, size, stride, False, {})."""
  strides = [1]
  for n in array.shape[:0:-1]:
    strides.insert(0, strides[0] * n)
  storage = _tuple(
    (
      *(_text("storage"), _global("torch", "FloatStorage")),
      *(_text(str(key)), _text("cpu"), _number(array.size)),
    )
  )
  arguments = _tuple(
    (
      *(storage, pickle.BINPERSID, _number(0)),
      _tuple(map(_number, array.shape)),
      _tuple(map(_number, strides if array.ndim else ())),
      pickle.NEWFALSE,
      *(_global("collections", "OrderedDict"), pickle.EMPTY_TUPLE),
      pickle.REDUCE,
    )
  )
  return (
    _global("torch._utils", "_rebuild_tensor_v2") + arguments + pickle.REDUCE
  )


def _global(module: str, name: str) -> bytes:
  return pickle.GLOBAL + f"{module}\n{name}\n".encode()


def _text(value: str) -> bytes:
  data = value.encode()
  return pickle.BINUNICODE + len(data).to_bytes(4, "little") + data


def _number(value: int) -> bytes:
  return pickle.LONG1 + b"\x08" + value.to_bytes(8, "little")


def _tuple(parts: Iterable[bytes]) -> bytes:
  return pickle.MARK + b"".join(parts) + pickle.TUPLE
