"""Writing files, and folders, atomically."""

import contextlib
import os
import pathlib
import secrets
import shutil
from collections.abc import Iterator

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


@contextlib.contextmanager
def folder(flag: str, place: str) -> Iterator[pathlib.Path]:
  """A folder for results, which is made before the work and not after it.

  If anything ends the context early, it is removed where it is empty and was
  not there before, and so are those that were made to hold it.

  Args:
    flag: that names it, for messages.
    place: its value.

  Raises:
    errors.InputError: there can be no such folder.
  """
  places.refuse(flag, place)
  if not place:
    raise errors.InputError(f"{flag} is empty: name a folder for the results")
  path = pathlib.Path(place)
  missing = [each for each in (path, *path.parents) if not each.exists()]
  try:
    path.mkdir(parents=True, exist_ok=True)
  except OSError as error:
    raise errors.InputError(
      f"{flag}={place} cannot be a folder ({error.strerror}): name another"
      " place"
    ) from error
  try:
    yield path
  except BaseException:
    for each in missing:
      with contextlib.suppress(OSError):
        each.rmdir()
    raise


@contextlib.contextmanager
def new_folder(path: str | os.PathLike) -> Iterator[pathlib.Path]:
  """A folder to fill, which gets its name when all of it is there.

  Until then it is a hidden one beside it. If anything ends the context early,
  Ctrl-C too, it is removed, and so are folders that were made to hold it.

  Args:
    path: the folder; it does not exist yet, or is empty. An empty one stays,
      for it may be a link or a mount: what was written is moved into it.

  Yields:
    Where to write what will be in it.

  Raises:
    errors.InputError: the folder cannot be made, or what the context raises of
      this kind; either names `path`, not the hidden folder.
  """
  path = pathlib.Path(path)
  is_there = path.is_dir()
  place = path if is_there else path.parent
  missing = [each for each in (place, *place.parents) if not each.exists()]
  temporary = place / f".{secrets.token_hex(8)}.part"
  try:
    temporary.mkdir(parents=True)
    yield temporary
    if is_there:
      # Folders first: they never replace one that holds something, such as
      # that of another program, which has filled this one meanwhile.
      for each in sorted(temporary.iterdir(), key=pathlib.Path.is_file):
        os.replace(each, path / each.name)
      temporary.rmdir()
    else:
      os.replace(temporary, path)
  except BaseException as error:
    shutil.rmtree(temporary, ignore_errors=True)
    for each in missing:
      with contextlib.suppress(OSError):
        each.rmdir()  # unless somebody else has written there
    match error:
      case errors.InputError():
        text = str(error).replace(str(temporary), str(path))
        raise errors.InputError(text) from error
      case OSError(filename=str(name)) if name.startswith(str(temporary)):
        raise errors.InputError(
          f"{path} cannot be made: {error.strerror}"
        ) from error
    raise
