"""The flag --config=FILE[:VARIANT], and --config.FIELD=VALUE of its fields.

FILE is Python code with `get_config(variant)` or `get_config()`, anywhere; a
path such as configs/gan.py, which is not there, is that of the package.
"""

import difflib
import importlib.util
import inspect
import pathlib
import re
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import ml_collections
from absl import flags

from srfeat_jax import config_fields, errors
from srfeat_jax.configs import images_seen
from srfeat_jax.training import config_structure

flags.disclaim_key_flags()  # so that --config is in a program's --help
_NAME = "config"
_PACKAGE = pathlib.Path(__file__).parent
_argv: list[str] = []  # of the last `parse`
_FIELD = re.compile(r"--?(no)?config\.([^=]*)(?:=(.*))?", re.DOTALL)


def define(*, required: bool = True) -> flags.FlagHolder:
  """Defines --config.

  Returns:
    What has the config in `value`, a locked ConfigDict, once `parse` was
    called; None without --config.
  """
  return flags.DEFINE_string(
    _NAME,
    None,
    "Python file of the config, with :VARIANT if it has any; any field of it is"
    " set as --config.FIELD=VALUE",
    required=required,
  )


def parse(argv: Sequence[str]) -> list[str]:
  """Parses all flags of a program that has called `define`.

  Args:
    argv: the program's name and its arguments.

  Returns:
    The name, and the arguments that are not flags.

  Raises:
    absl.flags.Error: a flag is unknown or has a wrong value.
    errors.InputError: so with the config.
  """
  argv = flags.FLAGS.read_flags_from_files(argv, force_gnu=True)
  _argv[:] = argv
  config, argv = split(argv)
  rest = flags.FLAGS(argv)
  if config is not None:
    flags.FLAGS[_NAME].value = config
  return rest


def again(*defaults: str) -> ml_collections.ConfigDict | None:
  """The config once more, as if these arguments stood before all others."""
  program, *rest = _argv
  return split([program, *defaults, *rest])[0]


def split(
  argv: Sequence[str],
) -> tuple[ml_collections.ConfigDict | None, list[str]]:
  """The config of a command line, its fields set, and the other arguments.

  With another batch size than the file's, what follows from it and is not set
  is changed, too: see `images_seen`.

  Args:
    argv: the program's name and its arguments.

  Returns:
    The config, locked, None without --config; and the arguments that do not
    set its fields.

  Raises:
    errors.InputError: there is no such file or variant, or no such field, or
      it does not take its value.
  """
  path = _path(argv)
  config = None if path is None else load(path)
  rest, texts = [], {}
  arguments = iter(argv)
  for argument in arguments:
    match = _FIELD.fullmatch(argument)
    if argument == "--" or match is None:
      rest.append(argument)
      if argument == "--":
        break
      continue
    no, field, text = match.groups()
    if config is None:
      raise errors.InputError(
        f"{argument} sets a field of a config, and there is none: give"
        " --config=FILE, too"
      )
    if no or text is None:
      text = _without_value(config, argument, field, no, arguments)
    texts.setdefault(field, []).append(text)
  rest += arguments
  if config is not None:
    before = config.get("batch_size")
    for field, values in texts.items():
      config_fields.assign(config, field, values)
    if "batch_size" in texts:
      config_structure.check(config)
      wanted, config.batch_size = config.batch_size, before
      images_seen.with_batch_size(config, wanted, texts)
    elif "learning_rate_rule" in texts:
      images_seen.check_rule_without_batch_size(config.learning_rate_rule)
    config.lock()
  return config, rest


def load(path: str) -> ml_collections.ConfigDict:
  """The config of a file.

  Args:
    path: FILE or FILE:VARIANT.

  Raises:
    errors.InputError: there is no such file, it is not a config, or it has no
      such variant.
  """
  file, colon, variant = path.partition(":")
  found = _find(file)
  get_config = getattr(_imported(found, file), "get_config", None)
  if not callable(get_config):
    raise errors.InputError(
      f"--config={file} has no function get_config, which returns the config"
    )
  arguments = [variant] if colon else []
  try:
    inspect.signature(get_config).bind(*arguments)
  except TypeError as error:
    raise errors.InputError(
      f"--config={path}: {file} has no variants, leave out :{variant}"
      if colon
      else f"--config={file} needs a variant: --config={file}:VARIANT"
    ) from error
  try:
    config = get_config(*arguments)
  except errors.InputError:
    raise
  except Exception as error:  # of a user's own code
    raise _defect(found, file, error) from error
  if not isinstance(config, ml_collections.ConfigDict):
    raise errors.InputError(
      f"--config={file}: its get_config returned {type(config).__name__}:"
      " expected an ml_collections.ConfigDict, best from"
      " srfeat_jax.configs.common.get_config()"
    )
  return config.copy_and_resolve_references()


def _path(argv: Sequence[str]) -> str | None:
  """The last value of --config, None if there is none."""
  path = None
  for i, argument in enumerate(argv[1:], 1):
    if argument == "--":
      break
    if match := re.fullmatch(r"--?config=(.*)", argument, re.DOTALL):
      path = match[1]
    elif argument in ("--config", "-config") and i + 1 < len(argv):
      path = argv[i + 1]
  return path


def _without_value(
  config: ml_collections.ConfigDict, argument: str, field: str, no: str, rest
) -> str:
  """What --config.FIELD, --noconfig.FIELD or --config.FIELD VALUE mean."""
  is_bool = isinstance(config_fields.value_of(config, field), bool)
  if no and not (is_bool and "=" not in argument):
    raise errors.InputError(
      f"{argument}: only a field that is True or False is unset so"
    )
  if is_bool:
    return str(not no)
  text = next(rest, None)
  if text is None:
    raise errors.InputError(f"{argument} has no value: {argument}=VALUE")
  return text


def _find(file: str) -> pathlib.Path:
  """The file, or that of the package."""
  path = pathlib.Path(file)
  package = _PACKAGE / file
  try:
    if path.is_file():
      return path
    if file.startswith("configs/") and package.is_file():
      return package
  except (OSError, ValueError):
    pass  # too long, or not a path at all
  known = [
    f"configs/{each.name}"
    for each in sorted((_PACKAGE / "configs").glob("*.py"))
    if each.stem not in ("__init__", "common", "degradations", "images_seen")
  ]
  names = {each.rpartition("/")[2]: each for each in known}
  similar = difflib.get_close_matches(path.name, [*names, *known], 1)
  hint = f'. Did you mean "{names.get(*2 * similar)}"?' if similar else ""
  raise errors.InputError(
    f"--config={file} is not a file that can be read: expected one of your own,"
    f" or {', '.join(known)}{hint}"
  )


def _imported(path: pathlib.Path, file: str) -> Any:
  """The module that is the file's code."""
  spec = importlib.util.spec_from_file_location("_srfeat_jax_config", path)
  if spec is None or spec.loader is None:
    raise errors.InputError(f"--config={file} is not Python code: NAME.py")
  module = importlib.util.module_from_spec(spec)
  # A config may import modules next to it.
  sys.path.append(str(path.resolve().parent))
  try:
    spec.loader.exec_module(module)
  except errors.InputError:
    raise
  except Exception as error:  # of a user's own code
    raise _defect(path, file, error) from error
  finally:
    sys.path.pop()
  return module


def _defect(
  path: pathlib.Path, file: str, error: Exception
) -> errors.InputError:
  """A sentence about an exception of a config's own code, with its line."""
  lines = [
    frame.lineno
    for frame in traceback.extract_tb(error.__traceback__)
    if pathlib.Path(frame.filename).resolve() == path.resolve()
  ]
  if isinstance(error, SyntaxError):
    lines = [error.lineno]
  where = f", line {lines[-1]}" if lines and lines[-1] else ""
  return errors.InputError(
    f"--config={file}{where}: {type(error).__name__}: {error}"
  )
