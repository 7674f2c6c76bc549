"""Files of the training set that are left out, in the log."""

import hashlib
import os
import pathlib
import tempfile
from collections.abc import Sequence

from absl import logging

from srfeat_jax import errors

_NAMED = 20  # files that the log names, for each reason


class Log:
  """Names a file in the log once, whichever process or thread meets it.

  Workers are processes: by a marker file, only one of them logs a file. Copies
  that are sent to them share the markers, which the first one removes at its
  end.
  """

  def __init__(self):
    self._markers = tempfile.TemporaryDirectory(prefix="srfeat_skipped_")
    self._folder = self._markers.name

  def __getstate__(self):
    return {k: v for k, v in self.__dict__.items() if k != "_markers"}

  def once(self, path: pathlib.Path, error: Exception) -> None:
    """Logs that a file is skipped, unless it has been logged."""
    name = hashlib.sha256(os.fsencode(path)).hexdigest()
    marker = os.path.join(self._folder, name)
    # Some systems clear temporary folders during a long run.
    os.makedirs(self._folder, exist_ok=True)
    try:
      os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
      return
    logging.warning("skipped: %s", error)


def check_folder(folder: str | os.PathLike, error: Exception) -> None:
  """Makes sure that a file is damaged, and not that all of them have gone.

  Args:
    folder: in which the file is.
    error: why the file cannot be read.

  Raises:
    errors.InputError: the folder is not there any more.
  """
  if not os.path.isdir(folder):
    raise errors.InputError(
      f"the folder {folder} with training images has gone since the run"
      " began: bring it back, and run the same command again"
    ) from error


def report(reason: str, lines: Sequence[str]) -> None:
  """Logs which files are left out for a reason, and how many.

  Args:
    reason: what follows "5 files", such as "cannot be read".
    lines: one for each file; the first 20 are logged.
  """
  if not lines:
    return
  for line in lines[:_NAMED]:
    logging.warning("skipped: %s", line)
  rest = f", the first {_NAMED} are named above" if len(lines) > _NAMED else ""
  logging.warning("skipped in all: %d files %s%s", len(lines), reason, rest)
