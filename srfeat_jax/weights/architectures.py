"""Whether weights of one network fit another."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from flax import linen as nn
from flax import traverse_util

from srfeat_jax.interchange import mismatch

# Fields of a network that do not change the meaning of its weights.
_INCIDENTAL = ("dtype", "initializer", "icnr", "parent", "name")


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
    differing = [
      f"{name} is {getattr(ours, name)!r} and {getattr(theirs, name)!r}"
      for name in differing_fields(ours, theirs)
    ]
  else:
    differing = [
      f"architecture is {type(ours).__name__} and {type(theirs).__name__}"
    ]
  problems = _problems(our_variables, their_variables)
  return "; ".join(filter(None, [*differing, problems]))


def differing_fields(ours: nn.Module, theirs: nn.Module) -> list[str]:
  """Names the fields that differ and change what weights mean.

  Args:
    ours: a network.
    theirs: another network.

  Returns:
    The names; ["architecture"] alone if the networks are of different classes.
  """
  if type(ours) is not type(theirs):
    return ["architecture"]
  return [
    field.name
    for field in dataclasses.fields(ours)
    if field.name not in _INCIDENTAL
    and getattr(ours, field.name) != getattr(theirs, field.name)
  ]


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
