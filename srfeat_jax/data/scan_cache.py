"""What was found out about the files of a folder, kept for the next start.

A file is known again by its path in the folder, its size and the time of its
last change.
"""

import contextlib
import hashlib
import json
import os
import pathlib
from typing import Any

from srfeat_jax import atomic, errors

_VERSION = 1
_LARGE = 1000  # files; fewer are looked through again in a moment


class ScanCache:
  """Results by file; without a path they are kept nowhere."""

  def __init__(self, path: pathlib.Path | None):
    """Reads what was saved; what is damaged counts as not there.

    Args:
      path: of a JSON file; None to keep nothing.
    """
    self._path = path
    self._found = {}
    self._changed = False
    if path is None:
      return
    try:
      content = json.loads(path.read_bytes())
      if content["version"] == _VERSION:
        self._found = dict(content["files"])
    except (OSError, ValueError, KeyError, TypeError):
      pass

  def get(self, name: str, bytes_: int, mtime_ns: int) -> Any:
    """Returns what was put for a file that has not changed since, or None."""
    entry = self._found.get(name)
    if entry and entry[:2] == [bytes_, mtime_ns]:
      return entry[2]
    return None

  def put(self, name: str, bytes_: int, mtime_ns: int, result: Any) -> None:
    """Keeps a JSON-able result."""
    self._found[name] = [bytes_, mtime_ns, result]
    self._changed = True

  def save(self) -> None:
    """Writes the file if there is anything new, and a place for it."""
    if self._path is None or not self._changed:
      return
    content = {"version": _VERSION, "files": self._found}
    # Without it the next start takes longer.
    with contextlib.suppress(errors.InputError):
      atomic.replace(self._path, json.dumps(content).encode())


def user_path(
  folder: str | os.PathLike, count: int, kind: str
) -> pathlib.Path | None:
  """Where results about a folder of others are kept.

  Args:
    folder: the folder, into which nothing is written.
    count: how many files it has.
    kind: of the results, the name of the file.

  Returns:
    A path below `$XDG_CACHE_HOME/srfeat_jax` or `~/.cache/srfeat_jax`; None for
    a small folder, or where there is no home.
  """
  if count < _LARGE:
    return None
  home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
  try:
    cache = pathlib.Path(home).expanduser() / "srfeat_jax" / "scans"
  except RuntimeError:  # there is no home
    return None
  digest = hashlib.sha256(os.fsencode(os.path.realpath(folder))).hexdigest()
  return cache / digest[:16] / f"{kind}.json"
