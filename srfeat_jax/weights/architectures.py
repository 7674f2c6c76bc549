"""Whether weights of one network are weights of another."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from flax import linen as nn
from flax import traverse_util

from srfeat_jax.interchange import mismatch

# Fields of a network that do not change what its weights mean.
_INCIDENTAL = ("dtype", "initializer", "parent", "name")


def differences(
  ours: nn.Module,
  theirs: nn.Module,
  our_variables: Mapping[str, Any],
  their_variables: Mapping[str, Any],
) -> str:
  """The fields in which two networks differ, each with both values.

  Args:
    ours: a network.
    theirs: the other.
    our_variables: arrays, or shapes as `jax.eval_shape` gives them.
    their_variables: likewise.

  Returns:
    Part of a sentence; empty if weights of one are weights of the other.
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
  """What differs between two trees of arrays or shapes, "" if nothing."""
  shapes = [
    {
      name: x.shape
      for name, x in traverse_util.flatten_dict(tree, sep="/").items()
    }
    for tree in (found, expected)
  ]
  return mismatch.describe(*shapes)
