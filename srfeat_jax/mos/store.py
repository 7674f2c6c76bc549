"""The folder that submissions are collected in: a file for each, for good.

No file is ever changed. Its name is a hash of the rater's and the submission's
ids: nothing from outside is in it, and what is sent again finds itself.
"""

import contextlib
import hashlib
import os
import pathlib
import threading
from collections.abc import Iterator

from srfeat_jax import atomic, errors, locking
from srfeat_jax.mos import submission as submission_lib

_LOCK = ".lock"
_MOST_FILES = 100_000  # so that nobody fills the disk


class Conflict(errors.InputError):
  """Another submission has the id already."""


class Full(errors.InputError):
  """Nothing more is taken."""


class Store:
  """Adds submissions to a folder. Thread-safe."""

  def __init__(self, folder: str | os.PathLike, most: int = _MOST_FILES):
    """Says where; see `opened`.

    Args:
      folder: the folder, which is there.
      most: the number of files after which no more are written.
    """
    self._folder = pathlib.Path(folder)
    self._most = most
    self._lock = threading.Lock()
    self._number = len(list(self._folder.glob("*.json")))

  def add(self, submission: submission_lib.Submission) -> bool:
    """Writes a submission, unless it is there.

    Returns:
      Whether it is new.

    Raises:
      Conflict: a submission with this id, but other content is there.
      Full: there are too many files.
      errors.InputError: the file cannot be written.
    """
    path = self._folder / name(submission)
    data = submission.encode()
    with self._lock:
      if path.exists():
        try:
          same = path.read_bytes() == data
        except OSError:
          same = False
        if not same:
          raise Conflict("another submission has this id already")
        return False
      if self._number >= self._most:
        raise Full(f"there are {self._most} submissions, and no more are taken")
      atomic.replace(path, data)
      self._number += 1
      return True

  def close(self) -> None:
    """Waits for what is being written; nothing is written afterwards."""
    self._lock.acquire()


def name(submission: submission_lib.Submission) -> str:
  """The name of a submission's file."""
  parts = submission.study, submission.rater, submission.submission
  return hashlib.sha256("/".join(parts).encode()).hexdigest()[:32] + ".json"


@contextlib.contextmanager
def opened(folder: str | os.PathLike) -> Iterator[Store]:
  """Makes the folder, and keeps other programs from collecting there.

  Raises:
    errors.InputError: another program collects there, or the folder cannot be
      written.
  """
  folder = pathlib.Path(folder)
  try:
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
      busy = f"another server collects into {folder}: choose another --results"
      stack.enter_context(locking.hold(folder / _LOCK, busy))
      store = Store(folder)
      yield store
  except OSError as error:
    raise errors.InputError(
      f"--results={folder} cannot be written: {error.strerror}"
    ) from error
