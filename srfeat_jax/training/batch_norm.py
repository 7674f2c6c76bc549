"""The parameters of a network's BatchNorms: gamma ("scale"), beta ("bias").

They are found by the running statistics, which every BatchNorm keeps at its own
path in "batch_stats". Other state there, such as that of spectral
normalization, has no mean and variance.
"""

from collections.abc import Mapping
from typing import Any

import jax
from flax import traverse_util

from srfeat_jax import errors


def with_those_of(
  params: Mapping[str, Any], others: Mapping[str, Any], batch_stats: Any
) -> dict[str, Any]:
  """Parameters, with the BatchNorms' own taken from another tree.

  Args:
    params: a network's parameters, or a tree like them.
    others: a tree of the same structure, where gamma and beta are taken from.
    batch_stats: the network's, with "mean" and "var" of each BatchNorm.

  Returns:
    A tree like `params`.
  """
  statistics = traverse_util.flatten_dict(batch_stats)
  norms = {path[:-1] for path in statistics if path[-1] == "var"}
  flat = traverse_util.flatten_dict(others)
  return traverse_util.unflatten_dict(
    {
      path: flat[path] if path[:-1] in norms else value
      for path, value in traverse_util.flatten_dict(params).items()
    }
  )


def check_frozen(freeze_batch_norm: bool, batch_stats: Any) -> None:
  """Refuses to freeze what is not there.

  Args:
    freeze_batch_norm: `config.freeze_batch_norm`.
    batch_stats: the generator's, of BatchNorm or of layers of one's own.

  Raises:
    errors.InputError: so it is.
  """
  if freeze_batch_norm and not jax.tree.leaves(batch_stats):
    raise errors.InputError(
      "config.freeze_batch_norm is True, and config.generator has no BatchNorm:"
      " set config.freeze_batch_norm=False, or choose a generator with it"
    )
