"""Writing a file whole or not at all."""

import os
import pathlib
import secrets

from srfeat_jax import errors


def replace(path: str | os.PathLike, data: bytes | memoryview) -> None:
  """Writes a file, so that at any moment it is the old one or the new one.

  Folders that are missing are made. May be called from several threads, also
  for one file.

  Args:
    path: the file; one that exists is replaced.
    data: its whole content.

  Raises:
    errors.InputError: the file cannot be written.
  """
  path = pathlib.Path(path)
  # Hidden, so that nothing lists what a killed program left behind.
  temporary = path.with_name(f".{secrets.token_hex(8)}.part")
  try:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
      with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())  # else a crash may leave the new name empty
      os.replace(temporary, path)
    finally:
      temporary.unlink(missing_ok=True)
  except OSError as error:
    raise errors.InputError(
      f"{path} cannot be written in {path.parent}: {error.strerror}."
    ) from error
