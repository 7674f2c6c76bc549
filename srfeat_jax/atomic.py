"""Writing files atomically."""

import os
import secrets

from srfeat_jax import errors, places


def replace(path: str | os.PathLike, data: bytes | memoryview) -> None:
  """Writes a file that at any moment is either the old one or the new one.

  Makes missing folders. Thread-safe, even for the same file. In an object store
  a write is atomic as it is.

  Args:
    path: the file, or the address of an object; one that exists is replaced.
    data: the content.

  Raises:
    errors.InputError: the file cannot be written.
  """
  path = places.path(path)
  if places.is_address(path):
    _replace_object(path, data)
    return
  # Hidden, so that nothing lists what a killed program leaves behind.
  temporary = path.with_name(f".{secrets.token_hex(8)}.part")
  try:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
      with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())  # or a crash may leave an empty file
      os.replace(temporary, path)
    finally:
      temporary.unlink(missing_ok=True)
  except OSError as error:
    raise errors.InputError(
      f"{path} cannot be written in {path.parent}: {error.strerror}"
    ) from error


def _replace_object(path, data: bytes | memoryview) -> None:
  try:
    places.write(path, data)
  except places.failures() as error:
    raise errors.InputError(
      f"{path} cannot be written: {places.reason(error)}"
    ) from error
