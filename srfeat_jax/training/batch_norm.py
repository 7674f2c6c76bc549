"""The parameters of a network's BatchNorms: gamma ("scale"), beta ("bias").

They are found by the running statistics, which every BatchNorm keeps at its own
path in "batch_stats". Other state there, such as that of spectral
normalization, has no mean and variance.
"""

from collections.abc import Mapping
from typing import Any

from flax import traverse_util


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
