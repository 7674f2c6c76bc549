"""What all programs share: how they start, and how they fail.

A user's mistake ends a program with one sentence on stderr, which begins with
"error:", and status 1. A defect keeps its traceback.
"""

import argparse
import difflib
import errno
import functools
import logging
import os
import pathlib
import re
import select
import sys
from collections.abc import Callable, Sequence
from typing import Any

from absl import app, flags
from absl import logging as absl_logging

from srfeat_jax import errors
from srfeat_jax.training import earlier_configs

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


def run(main: Callable[[Sequence[str]], int | None]) -> None:
  """Parses the flags, runs `main` and ends the process; does not return.

  Args:
    main: takes the program's name and the arguments that are not flags, which
      may stand before, between and after the flags; returns the exit status.
  """
  # Otherwise it mentions every kind of accelerator that is missing.
  logging.getLogger("jax").setLevel(logging.WARNING)
  flags.FLAGS.set_gnu_getopt(True)
  argv = ["--help" if argument == "-h" else argument for argument in sys.argv]
  app.run(functools.partial(_guarded, main), argv, flags_parser=_parse)


def fail(error: Exception | str) -> int:
  """Prints the sentence and returns the exit status for a failure."""
  print(printable(f"error: {error}"), file=sys.stderr, flush=True)
  return 1


def printable(text: str) -> str:
  """Escapes control characters: file names may contain any."""
  return "".join(
    each if each.isprintable() else each.encode("unicode_escape").decode()
    for each in text
  )


def _guarded(main, argv: Sequence[str]) -> int | None:
  if flags.FLAGS["verbosity"].using_default_value:
    absl_logging.set_verbosity(absl_logging.WARNING)  # libraries log a lot
  try:
    _check_repetitions()
    status = main(argv)
    sys.stdout.flush()  # here, where a broken pipe is handled
    return status
  except errors.InputError as error:
    return fail(error)
  except BrokenPipeError:
    if not _stdout_is_unread():
      raise
    return _BROKEN_PIPE
  except OSError as error:
    if error.errno not in _OUTSIDE:
      raise
    return fail(f"{error.filename or 'a file'}: {error.strerror}")
  except KeyboardInterrupt:
    print("interrupted", file=sys.stderr)
    return _INTERRUPTED


def _check_repetitions() -> None:
  """Refuses a flag that is given twice, of which the last value would count.

  A field of a config may be given again: scripts set fields, and pass on flags
  that replace them.
  """
  for name in flags.FLAGS:
    flag = flags.FLAGS[name]
    repeatable = isinstance(flag, flags.MultiFlag) or "." in flag.name
    if flag.present > 1 and not repeatable:
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
  argv = [_packaged(argument) for argument in argv]
  try:
    rest = flags.FLAGS(argv)
    if "config" in flags.FLAGS:
      # A file that cannot be read is reported when the config is accessed.
      hasattr(flags.FLAGS["config"].value, "keys")
    return rest
  except flags.Error as error:
    sentence = f"{error} (--help lists the flags)"
  except (errors.InputError, OSError) as error:  # of a config's file
    sentence = str(error)
  except (AttributeError, IndexError, KeyError, TypeError):
    # What ml_collections raises for an unknown field, or a defect.
    sentence = _wrong_field(argv)
    if sentence is None:
      raise
  sys.exit(fail(" ".join(sentence.split())))


def _packaged(argument: str) -> str:
  """Completes --config=configs/NAME.py outside of the package's folder."""
  flag, equals, path = argument.rpartition("=")
  package = pathlib.Path(__file__).parent
  file = path.partition(":")[0]
  if flag.lstrip("-") not in ("", "config") or not file.startswith("configs/"):
    return argument
  if pathlib.Path(file).exists() or not (package / file).is_file():
    return argument
  return f"{flag}{equals}{package / path}"


def _wrong_field(argv: Sequence[str]) -> str | None:
  """Describes the first --config.A.B that is not in the config, if any."""
  parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
  parser.add_argument("--config", "-config")
  parsed, others = parser.parse_known_args(argv[1:])
  if parsed.config is None:
    return None
  config: Any = flags.FLAGS["config"].parser.parse(parsed.config)
  for argument in others:
    field = re.match(r"--?(?:no)?config\.([^=]+)", argument)
    if field is None:
      continue
    if renamed := earlier_configs.sentence(field[1]):
      return renamed
    owner, path = config, "config"
    for name in re.findall(r"[^.\[\]]+", field[1]):
      if isinstance(owner, Sequence) and not isinstance(owner, str):
        if not name.isdigit() or int(name) >= len(owner):
          return f"{path} is {owner!r}, which has no element {name}"
        name = int(name)
      elif not hasattr(owner, "keys"):
        return f"{path} is {owner!r}, which has no fields: there is no {name}"
      elif name not in owner:
        similar = difflib.get_close_matches(name, owner.keys(), 1)
        hint = f'. Did you mean "{similar[0]}" instead of "{name}"?'
        return f"{path} has no field {name}{hint if similar else ''}"
      owner, path = owner[name], f"{path}.{name}"
  return None
