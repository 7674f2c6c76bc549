"""What all programs share: how they start, and how they fail.

A user's mistake ends a program with one sentence on stderr, which begins with
"error:", and status 1. A defect keeps its traceback.
"""

import errno
import functools
import logging
import os
import re
import select
import sys
from collections.abc import Callable, Sequence

from absl import app, flags
from absl import logging as absl_logging

from srfeat_jax import errors, places
from srfeat_jax.ops import xla_flags

# The exit status that shells report after Ctrl-C, and after a broken pipe.
_INTERRUPTED, _BROKEN_PIPE = 130, 141
# Problems outside of the program: a full disk, no permission, a file in the
# place of a folder.
_OUTSIDE = (
  errno.ENOSPC,
  errno.EDQUOT,
  errno.EACCES,
  errno.EPERM,
  errno.EROFS,
  errno.EEXIST,
  errno.ENOTDIR,
  errno.EISDIR,
  errno.ENAMETOOLONG,
)
# What absl says if a flag without a default is left out.
_MISSING = re.compile(r"flag --(\w+)=None: .* other than None")
# Modules that the extra "train" of pyproject.toml installs, and what each is
# called there.
_OF_TRAINING = {
  "array_record": "grain",  # which brings it
  "grain": "grain",
  "optax": "optax",
  "orbax": "orbax-checkpoint",
}


def run(main: Callable[[Sequence[str]], int | None]) -> None:
  """Parses the flags, runs `main` and ends the process; does not return.

  Args:
    main: takes the program's name and the arguments that are not flags, which
      may stand before, between and after the flags; returns the exit status.
  """
  xla_flags.choose()
  # Otherwise it mentions every kind of accelerator that is missing.
  logging.getLogger("jax").setLevel(logging.WARNING)
  flags.FLAGS.set_gnu_getopt(True)
  argv = ["--help" if argument == "-h" else argument for argument in sys.argv]
  app.run(functools.partial(_guarded, main), argv, flags_parser=_parse)


def fail(error: Exception | str) -> int:
  """Prints the sentence and returns the exit status for a failure."""
  print(printable(f"error: {error}"), file=sys.stderr, flush=True)
  return 1


def sentence(error: Exception) -> str | None:
  """What a user is told of an error; None for a defect of the program."""
  match error:
    case errors.InputError():
      return places.said(str(error))
    case FileExistsError(filename=str(name)) if os.path.isfile(name):
      return (
        f"{name}: File exists, where a folder is to be: choose another name"
      )
    case OSError(errno=number) if number in _OUTSIDE:
      return f"{error.filename or 'a file'}: {error.strerror}"
    case ModuleNotFoundError(name=str(name)):
      package = _OF_TRAINING.get(name.partition(".")[0])
      if package:
        return (
          f"training needs {package}, which is not installed: pip install"
          ' "srfeat_jax[train]", or in a clone launch/install.sh'
        )
    case RuntimeError() if "RESOURCE_EXHAUSTED" in str(error):
      return (
        "the device has not enough memory (" + str(error).splitlines()[0] + "):"
        " use smaller images, tiles or networks, or in training a smaller"
        " config.batch_size or config.crop_size"
      )
  return None


def printable(text: str) -> str:
  """Escapes control characters: file names may contain any."""
  return "".join(
    each if each.isprintable() else each.encode("unicode_escape").decode()
    for each in text
  )


def _guarded(main, argv: Sequence[str]) -> int | None:
  if not flags.FLAGS["verbosity"].present:
    absl_logging.set_verbosity(absl_logging.WARNING)  # libraries log a lot
  try:
    _check_repetitions()
    status = main(argv)
    sys.stdout.flush()  # here, where a broken pipe is handled
    return status
  except BrokenPipeError:
    if not _stdout_is_unread():
      raise
    return _BROKEN_PIPE
  except KeyboardInterrupt:
    print("interrupted", file=sys.stderr)
    return _INTERRUPTED
  except Exception as error:
    text = sentence(error)
    if text is None:
      raise
    return fail(text)


def _check_repetitions() -> None:
  """Refuses a flag that is given twice, of which the last value would count.

  A field of a config, which is no flag here, may be given again: scripts set
  fields, and pass on flags that replace them.
  """
  for name in flags.FLAGS:
    flag = flags.FLAGS[name]
    if flag.present > 1 and not isinstance(flag, flags.MultiFlag):
      raise errors.InputError(
        f"--{flag.name} is given {flag.present} times: give it once"
      )


def _stdout_is_unread() -> bool:
  """Whether stdout is a broken pipe; if so, it is discarded from now on."""
  state = select.poll()
  state.register(sys.stdout, 0)  # errors are reported in any case
  if not state.poll(0):
    return False
  os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
  return True


def _parse(argv: Sequence[str]) -> list[str]:
  try:
    if "config" not in flags.FLAGS:
      return flags.FLAGS(argv)
    from srfeat_jax import config_flag  # which others need not wait for

    return config_flag.parse(argv)
  except flags.Error as error:
    missing = _MISSING.match(str(error))
    said = f"--{missing[1]} is needed: give it" if missing else str(error)
    sentence = f"{said} (--help lists the flags)"
  except (errors.InputError, OSError) as error:  # of a config's file
    sentence = str(error)
  sys.exit(fail(" ".join(sentence.split())))
