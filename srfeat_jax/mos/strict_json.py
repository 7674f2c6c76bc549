"""Reading JSON of strangers: what Python's parser lets pass is refused."""

import json
import re
from typing import Any

from srfeat_jax import errors

_DEEPEST = 8  # levels of objects and arrays
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


def parse(data: bytes) -> Any:
  """Parses JSON as RFC 8259 has it.

  Args:
    data: UTF-8 without a byte order mark.

  Returns:
    The value, of dict, list, str, int, float, bool and None.

  Raises:
    errors.InputError: the data is no such JSON, names a field twice, is nested
      too deeply, or has a number that is not finite (NaN, Infinity, 1e999).
  """
  try:
    text = data.decode()
  except UnicodeDecodeError as error:
    raise errors.InputError("it is not UTF-8") from error
  if _depth(text) > _DEEPEST:
    raise errors.InputError(f"it is nested more deeply than {_DEEPEST} levels")
  try:
    return json.loads(
      text,
      parse_constant=_refuse_constant,
      parse_float=_finite,
      parse_int=_integer,
      object_pairs_hook=_object,
    )
  except (ValueError, RecursionError) as error:
    raise errors.InputError("it is not JSON") from error


def _depth(text: str) -> int:
  """How deep brackets are nested; those in strings do not count."""
  deepest = depth = 0
  for each in _STRING.sub("", text):
    if each in "[{":
      depth += 1
      deepest = max(deepest, depth)
    elif each in "]}":
      depth -= 1
  return deepest


def _refuse_constant(name: str):
  raise errors.InputError(f"it has {name}, which is no number of JSON")


def _finite(text: str) -> float:
  number = float(text)
  if abs(number) == float("inf"):
    raise errors.InputError("it has a number that is too large")
  return number


def _integer(text: str) -> int:
  if len(text) > 20:
    raise errors.InputError("it has a number that is too large")
  return int(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
  found = dict(pairs)
  if len(found) != len(pairs):
    raise errors.InputError("it names a field twice")
  return found
