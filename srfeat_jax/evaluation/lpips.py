"""LPIPS of whole 8-bit images."""

from collections.abc import Mapping
from typing import Any

from flax import linen as nn

from srfeat_jax.evaluation import network_metric


class Metric(network_metric.Metric):
  """LPIPS, see `network_metric`: 0 for equal images, and rarely above 1.

  Between equal images it is 0 up to rounding (below 1e-12).
  """

  def __init__(
    self, network: nn.Module, variables: Mapping[str, Any], name: str = "lpips"
  ):
    """Keeps the network.

    Args:
      network: a `models.lpips.LPIPS`.
      variables: its "params".
      name: for tables that have several.
    """
    description = (
      f"LPIPS v0.1 ({network.backbone}) on all RGB pixels; lower is better"
    )
    super().__init__(network, variables, name, description)
    self.backbone = network.backbone
