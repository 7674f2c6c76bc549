"""Weights for x4 that a command line names: NAME=WEIGHTS, or WEIGHTS."""

import pathlib
from collections.abc import Sequence

from srfeat_jax import errors

SCALE = 4


def named(arguments: Sequence[str]) -> dict[str, str]:
  """Splits NAME=WEIGHTS.

  Args:
    arguments: NAME=WEIGHTS; or WEIGHTS, named by the last part of its path.

  Returns:
    The weights by name, at least one.

  Raises:
    errors.InputError: there are none, or two have the same name.
  """
  if not arguments:
    raise errors.InputError(
      "no weights are named: expected one or more, such as srfeat-lite or"
      " mine=runs/x4"
    )
  found = {}
  for text in arguments:
    name, equals, path = text.partition("=")
    if not equals:
      name, path = pathlib.Path(text).name, text
    if not name or not path:
      raise errors.InputError(f'"{text}" is not of the form NAME=WEIGHTS')
    if name in found:
      raise errors.InputError(
        f"{found[name]} and {path} would both be called {name}: write"
        f" NAME={path} with another name"
      )
    found[name] = path
  return found


def load(path: str):
  """Makes an upscaler from weights, which must be for x4.

  Raises:
    errors.InputError: there are no such weights, or they are for another scale
      factor.
  """
  from srfeat_jax.upscaling import options, upscaler_factory

  upscale, scale = upscaler_factory.make(options.Options(weights=path))
  if scale != SCALE:
    raise errors.InputError(
      f"{path} upscales by {scale}: expected weights that upscale by {SCALE}"
    )
  return upscale
