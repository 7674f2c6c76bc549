"""Keeping other processes out of what one is writing."""

import contextlib
import os
from collections.abc import Iterator

from absl import logging

from srfeat_jax import errors

try:
  import fcntl
except ImportError:  # not Unix
  fcntl = None  # type: ignore[assignment]


@contextlib.contextmanager
def hold(path: str | os.PathLike, busy: str) -> Iterator[None]:
  """Holds a lock within the context.

  Where the file system has no locks, a warning is logged.

  Args:
    path: the lock file, made if it is missing, in a folder that is there.
    busy: the sentence if another process holds the lock.

  Raises:
    errors.InputError: another process holds it.
    OSError: the file cannot be opened.
  """
  with open(path, "a") as lock:
    if fcntl:
      try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
      except BlockingIOError as error:
        raise errors.InputError(busy) from error
      except OSError as error:
        logging.warning("%s cannot be locked (%s)", path, error.strerror)
    yield
