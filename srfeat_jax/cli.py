"""What all programs share: how they start, and how they fail.

A mistake of the person at the keyboard ends a program with one sentence on
stderr, beginning with "error:", and status 1. A defect keeps its traceback.
"""

import errno
import functools
import logging
import sys
from collections.abc import Callable, Sequence

from absl import app, flags
from absl import logging as absl_logging

from srfeat_jax import errors

_INTERRUPTED = 130  # As shells report a program ended by Ctrl-C.
# What is wrong outside the program: a full disk, no permission, a file where a
# folder should be.
_OUTSIDE = (
  errno.ENOSPC,
  errno.EDQUOT,
  errno.EACCES,
  errno.EPERM,
  errno.EROFS,
  errno.EEXIST,
  errno.ENOTDIR,
  errno.EISDIR,
)


def run(main: Callable[[Sequence[str]], int | None]) -> None:
  """Parses the flags, runs `main` and ends the process; does not return.

  Args:
    main: takes the program's name and the arguments that are not flags, which
      may stand before, between and after the flags; returns the exit status.
  """
  # Else it tells of every kind of accelerator that is not there.
  logging.getLogger("jax").setLevel(logging.WARNING)
  flags.FLAGS.set_gnu_getopt(True)
  app.run(functools.partial(_guarded, main), flags_parser=_parse)


def fail(error: Exception | str) -> int:
  """Prints the sentence and returns the exit status that goes with it."""
  print(f"error: {error}", file=sys.stderr, flush=True)
  return 1


def _guarded(main, argv: Sequence[str]) -> int | None:
  if flags.FLAGS["verbosity"].using_default_value:
    absl_logging.set_verbosity(absl_logging.WARNING)  # libraries tell a lot
  try:
    return main(argv)
  except errors.InputError as error:
    return fail(error)
  except OSError as error:
    if error.errno not in _OUTSIDE:
      raise
    return fail(f"{error.filename or 'A file'}: {error.strerror}.")
  except KeyboardInterrupt:
    print("interrupted", file=sys.stderr)
    return _INTERRUPTED


def _parse(argv: Sequence[str]) -> list[str]:
  try:
    return flags.FLAGS(argv)
  except flags.Error as error:
    sentence = f"{error} (--help lists the flags)"
  except (errors.InputError, OSError) as error:  # of a config's file
    sentence = str(error)
  except AttributeError as error:
    # ml_collections wraps what it says of a field that a config does not have.
    (cause,) = error.args
    if not isinstance(cause, KeyError):
      raise
    field = cause.args[0].replace("\n", ". ")
    sentence = f"the config has no field {field}"
  sys.exit(fail(" ".join(sentence.split())))
