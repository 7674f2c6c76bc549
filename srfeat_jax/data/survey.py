"""What the headers of image files say, without decoding pixels."""

import dataclasses
import os
import pathlib
from collections.abc import Sequence

from srfeat_jax import errors
from srfeat_jax.data import scan_cache, threads
from srfeat_jax.image_io import images


@dataclasses.dataclass(frozen=True)
class Header:
  """What is known of a file.

  Attributes:
    height: in pixels, after EXIF orientation; 0 if it cannot be read.
    width: likewise.
    bytes: of the file.
    mtime_ns: when it was last changed.
    problem: why it cannot be read, without its name; "" if it can.
  """

  height: int
  width: int
  bytes: int
  mtime_ns: int
  problem: str


def scan(
  folder: str | os.PathLike,
  paths: Sequence[pathlib.Path],
  cache_path: pathlib.Path | None = None,
) -> list[Header]:
  """Reads the headers of files, in threads.

  Args:
    folder: that the files are in.
    paths: the files.
    cache_path: where the results are kept for the next time; None: in the
      user's cache if there are many.

  Returns:
    One for each path.
  """
  cache_path = cache_path or scan_cache.user_path(folder, len(paths), "headers")
  cache = scan_cache.ScanCache(cache_path)

  def header(path: pathlib.Path) -> Header:
    name = path.relative_to(folder).as_posix()
    try:
      status = path.stat()
    except OSError as error:
      problem = f"cannot be read: {error.strerror}"
      return Header(0, 0, 0, 0, problem)
    known = cache.get(name, status.st_size, status.st_mtime_ns)
    if known is None:
      known = _read(path)
      if not known[2]:  # what was wrong may have been put right
        cache.put(name, status.st_size, status.st_mtime_ns, known)
    height, width, problem = known
    return Header(height, width, status.st_size, status.st_mtime_ns, problem)

  headers = threads.each(header, paths, description=f"checking {folder}")
  cache.save()
  return headers


def _read(path: pathlib.Path) -> list:
  """Height, width and problem."""
  try:
    height, width = images.size(path)
    return [height, width, ""]
  except errors.InputError as error:
    return [0, 0, str(error).removeprefix(f"{path} ")]
