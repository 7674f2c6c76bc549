"""DISTS of whole 8-bit images."""

from collections.abc import Mapping
from typing import Any

from flax import linen as nn

from srfeat_jax.evaluation import network_metric


class Metric(network_metric.Metric):
  """DISTS, see `network_metric`: 0 for equal images."""

  def __init__(self, network: nn.Module, variables: Mapping[str, Any]):
    """Keeps the network.

    Args:
      network: a `models.dists.DISTS`.
      variables: its "params".
    """
    super().__init__(
      network,
      variables,
      "dists",
      "DISTS on all RGB pixels, images at their own size; lower is better",
    )
