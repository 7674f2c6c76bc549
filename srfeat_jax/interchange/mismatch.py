"""Says how the arrays of a file differ from those expected."""

import pathlib
from collections.abc import Mapping, Sequence

import jax.numpy as jnp
import numpy as np

from srfeat_jax import errors
from srfeat_jax.interchange.containers import pickles

_NAMED = 5  # names listed of each kind


def describe(
  found: Mapping[str, tuple[int, ...]], expected: Mapping[str, tuple[int, ...]]
) -> str:
  """Lists missing, unexpected and misshapen arrays.

  Args:
    found: shapes by name.
    expected: likewise.

  Returns:
    Part of a sentence; empty if names and shapes agree.
  """
  problems = {
    "missing": sorted(expected.keys() - found.keys()),
    "unexpected": sorted(found.keys() - expected.keys()),
    "of another shape": [
      f"{name} {tuple(found[name])} instead of {tuple(expected[name])}"
      for name in sorted(found.keys() & expected.keys())
      if tuple(found[name]) != tuple(expected[name])
    ],
  }
  return "; ".join(
    f"{len(names)} {kind}: {listed(names)}"
    for kind, names in problems.items()
    if names
  )


def check_floating_point(
  path: str | pathlib.Path, arrays: Mapping[str, np.ndarray]
) -> None:
  """Checks the number format of weights.

  Args:
    path: where they are from, for the message.
    arrays: by name.

  Raises:
    errors.InputError: an array is of integers or other objects.
  """
  for name, array in arrays.items():
    if not jnp.issubdtype(array.dtype, jnp.floating):
      raise errors.InputError(
        f"{path} has {pickles.printable(name)} as {array.dtype}: expected"
        " floating point"
      )


def listed(names: Sequence[str]) -> str:
  """Returns the first of some names, made printable, and how many more."""
  shown = ", ".join(map(pickles.printable, names[:_NAMED]))
  more = len(names) - _NAMED
  return f"{shown} and {more} more" if more > 0 else shown
