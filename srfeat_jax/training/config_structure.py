"""Whether a config has all fields, and whether they are of the right types.

What is right is what `configs.common.get_config()` has. A group that is empty
there, such as `generator`, depends on what it is for: whoever reads it checks
it.
"""

import functools
import math
from typing import Any

import ml_collections

from srfeat_jax import errors
from srfeat_jax.configs import common

_NAMES = ("data.sets", "validation.metrics")  # tuples of names, not of numbers


def check(config: ml_collections.ConfigDict) -> None:
  """Refuses a config that lacks a field, or has one of another type.

  Args:
    config: of a run, see `configs/`; it may have more fields than needed.

  Raises:
    errors.InputError: such a field, by its name.
  """
  _check_group(config, _right(), "")
  for name, value in config.discriminators.items():
    if not isinstance(value, ml_collections.ConfigDict):
      raise _wrong(f"discriminators.{name}", value, "a group of fields")


@functools.cache
def _right() -> ml_collections.ConfigDict:
  return common.get_config()


def _check_group(config: Any, right: ml_collections.ConfigDict, prefix: str):
  for name, expected in right.items():
    field = prefix + name
    if name not in config:
      raise errors.InputError(
        f"the config has no field config.{field}: begin with"
        " srfeat_jax.configs.common.get_config(), and change what differs"
      )
    value = config[name]
    if isinstance(expected, ml_collections.ConfigDict):
      if not isinstance(value, ml_collections.ConfigDict):
        raise _wrong(field, value, "a group of fields")
      _check_group(value, expected, f"{field}.")
    elif words := _mismatch(field, value, expected):
      raise _wrong(field, value, words)


def _mismatch(field: str, value: Any, expected: Any) -> str:
  """What a field takes if the value is of another type, else ""."""
  match expected:
    case bool():
      return "" if isinstance(value, bool) else "True or False"
    case str():
      return "" if isinstance(value, str) else "a text"
    case int():
      whole = isinstance(value, int) and not isinstance(value, bool)
      return "" if whole else "a whole number"
    case float():
      return "" if _is_number(value) else "a number"
  of_names = field in _NAMES
  words = f"a tuple of {'names' if of_names else 'finite numbers'}"
  if not isinstance(value, (tuple, list)):
    return words
  if expected and len(value) != len(expected):
    return f"{len(expected)} numbers, as in {expected}"
  right = all(
    isinstance(each, str)
    if of_names
    else _is_number(each) and math.isfinite(each)
    for each in value
  )
  return "" if right else words


def _is_number(value: Any) -> bool:
  return isinstance(value, (int, float)) and not isinstance(value, bool)


def _wrong(field: str, value: Any, expected: str) -> errors.InputError:
  return errors.InputError(f"config.{field} is {value!r}: expected {expected}")
