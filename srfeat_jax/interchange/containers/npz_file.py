"""Arrays in an .npz file, a zip archive of .npy files.

Pickles are not run, and the size that the archive declares is checked against
the size of the file before memory is taken.
"""

import io
import os
import pathlib
import zipfile
from typing import Any

from srfeat_jax import errors
from srfeat_jax.interchange.containers import npy_file

_MAX_RATIO = 20  # weights are close to noise, and hardly compress
_ALWAYS = 1 << 24  # bytes that any file may unpack to
_START = b"PK\x03\x04"
_HEADER = 30  # bytes before a member's name; its length is at 26


def is_npz(path: pathlib.Path) -> bool:
  """Whether a file is one of numpy's zip archives.

  An archive that is cut short has lost its list of names; then its first
  name decides.
  """
  try:
    with zipfile.ZipFile(path) as archive:
      names = archive.namelist()
      return bool(names) and all(name.endswith(".npy") for name in names)
  except OSError:
    return False
  except Exception:  # A damaged archive may fail in any way.
    with open(path, "rb") as file:
      start = file.read(_HEADER)
      length = int.from_bytes(start[26:28], "little")
      named = file.read(length)
    return start.startswith(_START) and named.endswith(b".npy")


def load(path: pathlib.Path, *, objects: bool = False) -> dict[str, Any]:
  """Reads all arrays by name, in the file's order.

  Args:
    path: the file.
    objects: whether arrays of objects are read too, see `npy_file.load`.

  Returns:
    The arrays.

  Raises:
    errors.InputError: there is no such file, it is damaged, it would unpack to
      far more than its size, or it holds objects that it should not.
  """
  try:
    with zipfile.ZipFile(path) as archive:
      members = archive.infolist()
      unpacked = sum(member.file_size for member in members)
      packed = os.stat(path).st_size
      if unpacked > max(_ALWAYS, _MAX_RATIO * packed):
        raise errors.InputError(
          f"its {packed:,} bytes would unpack to {unpacked:,}, as no weights do"
        )
      return {
        member.filename.removesuffix(".npy"): npy_file.read(
          io.BytesIO(archive.read(member)), objects=objects
        )
        for member in members
      }
  except errors.InputError as error:
    raise errors.InputError(
      f"{path} is not an .npz file that holds only arrays: {error}"
    ) from error
  except Exception as error:  # A damaged archive may fail in any way.
    raise errors.InputError(
      f"{path} is not an .npz file of arrays, or is damaged ({error}): get it"
      " again"
    ) from error
