"""Whether weights of one network fit another."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from flax import linen as nn
from flax import traverse_util

from srfeat_jax.interchange import mismatch

# Fields of a network that do not change the meaning of its weights.
_INCIDENTAL = ("dtype", "initializer", "parent", "name")


def differences(
  ours: nn.Module,
  theirs: nn.Module,
  our_variables: Mapping[str, Any],
  their_variables: Mapping[str, Any],
) -> str:
  """Describes the fields in which two networks differ, with both values.

  Args:
    ours: a network.
    theirs: another network.
    our_variables: arrays, or shapes as returned by `jax.eval_shape`.
    their_variables: likewise.

  Returns:
    Part of a sentence; empty if weights of one network fit the other.
  """
  if type(ours) is type(theirs):
    fields = [field.name for field in dataclasses.fields(ours)]
    differing = [
      f"{name} is {getattr(ours, name)!r} and {getattr(theirs, name)!r}"
      for name in fields
      if name not in _INCIDENTAL
      and getattr(ours, name) != getattr(theirs, name)
    ]
  else:
    differing = [
      f"architecture is {type(ours).__name__} and {type(theirs).__name__}"
    ]
  problems = _problems(our_variables, their_variables)
  return "; ".join(filter(None, [*differing, problems]))


def _problems(found: Mapping, expected: Mapping) -> str:
  """Describes how two trees of arrays or shapes differ; "" if they do not."""
  shapes = [
    {
      name: x.shape
      for name, x in traverse_util.flatten_dict(tree, sep="/").items()
    }
    for tree in (found, expected)
  ]
  return mismatch.describe(*shapes)
