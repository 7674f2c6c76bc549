"""The part of a network's weights that fits another of the same kind.

Networks that differ in scale factor, in number of blocks or in how they upscale
have the same layers up to a point: one starts from those of the other that it
has too, and its own remaining ones begin at random, as people train x4 from x2.
"""

import itertools
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from flax import linen as nn
from flax import traverse_util

from srfeat_jax.weights import architectures

# Fields in which the networks may differ.
FIELDS = ("scale", "num_blocks", "blur_after_shuffle", "upsampler")


def fit(
  ours: nn.Module,
  theirs: nn.Module,
  our_variables: Mapping[str, Any],
  their_variables: Mapping[str, Any],
) -> tuple[dict[str, Any], str] | None:
  """Takes what of one network's weights another has too, by name and shape.

  Args:
    ours: the network whose weights there are.
    theirs: the network to start.
    our_variables: arrays.
    their_variables: arrays, or shapes as returned by `jax.eval_shape`.

  Returns:
    A tree of those of our arrays that the other network has, and part of a
    sentence that lists its layers for which there is none, and our layers that
    it does not have. None if the networks differ in other fields than `FIELDS`
    or in none, or share nothing.
  """
  differing = architectures.differing_fields(ours, theirs)
  if not differing or not set(differing) <= set(FIELDS):
    return None
  found, wanted = (
    traverse_util.flatten_dict(tree)
    for tree in (our_variables, their_variables)
  )
  taken = {
    path: array
    for path, array in found.items()
    if path in wanted and np.shape(array) == np.shape(wanted[path])
  }
  if not taken:
    return None
  changes = ", ".join(
    f"{name} {getattr(ours, name)} instead of {getattr(theirs, name)}"
    for name in differing
  )
  said = [f"{changes}; {len(taken)} of its {len(found)} arrays are taken"]
  for words, without in (
    ("begun at random", wanted.keys() - taken.keys()),
    ("left out", found.keys() - taken.keys()),
  ):
    if without:
      said.append(f"{words}: {_listed(path[1] for path in without)}")
  return traverse_util.unflatten_dict(taken), "; ".join(said)


def completed(
  part: Mapping[str, Any], variables: Mapping[str, Any]
) -> dict[str, Any]:
  """The variables of a network, with those of a part in their places."""
  arrays = traverse_util.flatten_dict(variables)
  return traverse_util.unflatten_dict(arrays | traverse_util.flatten_dict(part))


def _listed(layers: Iterable[str]) -> str:
  """Names in order, of those with consecutive numbers the first and last."""
  numbered: dict[str, list[int]] = {}
  for layer in set(layers):
    match = re.fullmatch(r"(.*_)(\d+)", layer)
    numbers = numbered.setdefault(match[1] if match else layer, [])
    if match:
      numbers.append(int(match[2]))
  names = []
  for prefix, numbers in sorted(numbered.items()):
    if not numbers:
      names.append(prefix)
    runs = itertools.groupby(
      enumerate(sorted(numbers)), key=lambda each: each[1] - each[0]
    )
    for _, run in runs:
      first, *others = (number for _, number in run)
      last = f" to {prefix}{others[-1]}" if others else ""
      names.append(f"{prefix}{first}{last}")
  return ", ".join(names)
