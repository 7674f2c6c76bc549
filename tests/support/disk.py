"""A disk without room, for tests of what is written."""

import contextlib
import resource


@contextlib.contextmanager
def full(size: int):
  """Within it no file grows larger than this many bytes."""
  soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
  resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
  try:
    yield
  finally:
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
