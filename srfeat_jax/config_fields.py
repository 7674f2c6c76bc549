"""Fields of a config, set from text as it stands on a command line.

A field keeps the type that the config's file gives it. What cannot be meant is
refused in one sentence that names the field.
"""

import ast
import difflib
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import ml_collections

from srfeat_jax import errors
from srfeat_jax.training import earlier_configs

# Groups whose fields depend on what they are for: a dict replaces them, where
# it changes fields of others.
_REPLACED = r"generator|discriminators(\.\w+)?|losses\.perceptual_layers"
# What other packages call a field.
_ELSEWHERE = {
  "lr": "learning_rate.peak",
  "bs": "batch_size",
  "steps": "num_steps",
  "iters": "num_steps",
  "total_iter": "num_steps",
  "patch_size": "crop_size",
  "gt_size": "crop_size",
  "workers": "data.num_workers",
  "manual_seed": "seed",
}
# What tuples hold that may be empty in a config's file, by the field's name.
_ELEMENTS: Mapping[str, Any] = {
  "sets": "",
  "metrics": "",
  "boundaries": 0.0,
  "factors": 0.0,
  "profile_steps": 0,
  "snapshots": 0.0,
}
_TRUE, _FALSE = ("true", "t", "yes", "1"), ("false", "f", "no", "0")
_LONGEST = 200  # characters of a value that a sentence repeats
_NO_LITERAL = (ValueError, SyntaxError, TypeError, MemoryError, RecursionError)


def assign(
  config: ml_collections.ConfigDict, field: str, texts: Sequence[str]
) -> None:
  """Sets a field.

  Args:
    config: of a run, not locked.
    field: without "config.", its parts separated by dots, as in
      `learning_rate.peak` or `learning_rate.factors[0]`.
    texts: the values it is given, at least one: the last one counts, but those
      of a tuple are joined.

  Raises:
    errors.InputError: there is no such field, or it does not take the value.
  """
  *_, (owner, name, value) = _steps(config, field)
  if isinstance(value, ml_collections.ConfigDict):
    _assign_group(config, field, texts[-1])
    return
  if isinstance(owner, tuple):
    elements: list[Any] = list(owner)
    elements[name] = _parsed(field, texts[-1], value)
    field = field.rpartition("[")[0]
    *_, (owner, name, _) = _steps(config, field)
    new: Any = tuple(elements)
  elif isinstance(value, (tuple, list)):
    like = value[0] if value else _ELEMENTS.get(name)
    new = tuple(
      _parsed(field, part, like, f", each {_words(like)}", whole=text)
      for text in texts
      for part in _parts(text)
    )
  else:
    new = _parsed(field, texts[-1], value)
  with owner.ignore_type():
    owner[name] = new


def value_of(config: ml_collections.ConfigDict, field: str) -> Any:
  """The value of a field, named as for `assign`.

  Raises:
    errors.InputError: there is no such field.
  """
  *_, (_, _, value) = _steps(config, field)
  return value


def _steps(
  config: ml_collections.ConfigDict, field: str
) -> Iterator[tuple[Any, Any, Any]]:
  """On the way to a field: an owner, the name of what it owns, its value."""
  owner: Any = config
  path = "config"
  if renamed := earlier_configs.sentence(field):
    raise errors.InputError(renamed)
  if not re.fullmatch(r"[^.\[\]]+(\.[^.\[\]]+|\[[^.\[\]]+\])*", field):
    raise errors.InputError(
      f"--config.{_short(field)} is no field: give one as"
      " --config.learning_rate.peak=1e-4"
    )
  for name in re.findall(r"[^.\[\]]+", field):
    if isinstance(owner, (tuple, list)):
      if not (name.isdecimal() and len(name) < 9 and int(name) < len(owner)):
        raise errors.InputError(
          f"{path} is {owner!r}, which has no element {_short(name)}"
        )
      name, owner = int(name), tuple(owner)
    elif not isinstance(owner, ml_collections.ConfigDict):
      raise errors.InputError(
        f"{path} is {owner!r}, which has no fields: there is no {_short(name)}"
      )
    elif name not in owner:
      raise errors.InputError(
        f"{path} has no field {_short(name)}{_hint(config, owner, name)}"
      )
    yield owner, name, owner[name]
    owner, path = owner[name], f"{path}.{name}"


def _hint(config, owner: ml_collections.ConfigDict, name: str) -> str:
  """What may be meant by a field that is not there."""
  if name.replace("-", "_") in owner:
    right = name.replace("-", "_")
    return f', names have underscores. Did you mean "{right}" instead of' + (
      f' "{name}"?'
    )
  similar = difflib.get_close_matches(name, owner.keys(), 1)
  if similar:
    return f'. Did you mean "{similar[0]}" instead of "{name}"?'
  fields = sorted(_flat(config), key=len)  # the plainest first
  last = [field.rpartition(".")[2] for field in fields]
  elsewhere = _ELSEWHERE.get(name.lower().replace("-", "_"))
  if elsewhere in fields:
    return f". Did you mean config.{elsewhere}?"
  if similar := difflib.get_close_matches(name, last, 1):
    return f". Did you mean config.{fields[last.index(similar[0])]}?"
  return f": it has {', '.join(sorted(owner)) or 'none'}"


def _flat(owner: ml_collections.ConfigDict, prefix="") -> Iterator[str]:
  """The paths of all fields."""
  for name, value in owner.items():
    yield prefix + name
    if isinstance(value, ml_collections.ConfigDict):
      yield from _flat(value, f"{prefix}{name}.")


def _assign_group(
  config: ml_collections.ConfigDict, field: str, text: str
) -> None:
  """Sets a group of fields from a dict."""
  values = _literal(text)
  if not isinstance(values, dict):
    raise _refused(
      field, text, "a dict such as {'name': 1.0}, or one of its fields alone"
    )
  if re.fullmatch(_REPLACED, field):
    group = _group(field, values)
    *_, (owner, name, _) = _steps(config, field)
    with owner.ignore_type():
      owner[name] = group
    return
  for name, value in values.items():
    text = value if isinstance(value, str) else repr(value)
    assign(config, f"{field}.{name}", [text])


def _group(field: str, values: dict) -> ml_collections.ConfigDict:
  """A group of fields from a dict whose values may be of any simple type."""
  group = ml_collections.ConfigDict()
  for name, value in values.items():
    if not (isinstance(name, str) and name.isidentifier()):
      raise _refused(field, repr(values), "names of fields as keys")
    if isinstance(value, dict):
      value = _group(f"{field}.{name}", value)
    elif not _is_simple(value):
      raise _refused(
        f"{field}.{name}", repr(value), "a number, a text, True or False"
      )
    group[name] = value
  return group


def _is_simple(value: Any) -> bool:
  if isinstance(value, tuple):
    return all(map(_is_simple, value))
  if isinstance(value, float):
    return math.isfinite(value)
  return isinstance(value, (bool, int, str))


def _parsed(
  field: str, text: str, like: Any, words: str = "", whole: str = ""
) -> Any:
  """The text as a value of the type of another one.

  Args:
    field: which is named where the text is refused.
    text: of the value.
    like: of the type; None: of any.
    words: what a field takes, if that is not the type of `like`.
    whole: the text to repeat in the message, by default `text`.

  Raises:
    errors.InputError: it is of another type.
  """
  parsers: dict[type, Callable[[str], Any]] = {
    bool: _bool,
    int: _int,
    float: _float,
    str: str,
  }
  try:
    return parsers.get(type(like), _any)(text)
  except (ValueError, OverflowError):
    if words:
      words = f"values separated by commas{words}"
    raise _refused(field, whole or text, words or _words(like)) from None


def _words(like: Any) -> str:
  return {
    bool: "True or False",
    int: "a whole number",
    float: "a finite number",
    str: "a text",
  }.get(type(like), "a value")


def _bool(text: str) -> bool:
  lower = text.strip().lower()
  if lower not in (*_TRUE, *_FALSE):
    raise ValueError
  return lower in _TRUE


def _int(text: str) -> int:
  try:
    return int(text)
  except ValueError:
    number = float(text)  # 1e4
    if not number.is_integer():
      raise
    return int(number)


def _float(text: str) -> float:
  number = float(text)
  if not math.isfinite(number):
    raise ValueError
  return number


def _any(text: str) -> Any:
  value = _literal(text)
  if isinstance(value, dict):
    raise ValueError
  return text if value is None else value


def _parts(text: str) -> list[str]:
  """The elements of a tuple: "(1, 2)", "1,2", "a,b" or "('a', 'b')"."""
  literal = _literal(text)
  if isinstance(literal, (tuple, list)):
    return [each if isinstance(each, str) else repr(each) for each in literal]
  text = text.strip()
  if text[:1] + text[-1:] in ("()", "[]"):
    text = text[1:-1]
  parts = [part.strip().strip("'\"") for part in text.split(",")]
  return [part for part in parts if part]


def _literal(text: str) -> Any:
  """The value of a Python literal, None if the text is not one."""
  try:
    return ast.literal_eval(text.strip())
  except _NO_LITERAL:
    return None


def _refused(field: str, text: str, expected: str) -> errors.InputError:
  return errors.InputError(
    f"--config.{field}={_short(text)}: expected {expected}"
  )


def _short(text: str) -> str:
  return f"{text[:_LONGEST]}..." if len(text) > _LONGEST else text
