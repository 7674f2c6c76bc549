"""NIQE of whole 8-bit images."""

import math

import numpy as np

from srfeat_jax.evaluation import protocol
from srfeat_jax.ops import niqe


class Metric:
  """How far an image's statistics are from photographs'; lower is better.

  See `evaluation.metric`. The target is not used.
  """

  name = "niqe"

  def __init__(self, mean: np.ndarray, covariance: np.ndarray, border: int):
    """Keeps the parameters.

    Args:
      mean: [36], see `ops.niqe`.
      covariance: [36, 36].
      border: pixels that are left out on each side.
    """
    self._parameters = mean, covariance
    self._border = border
    self.description = (
      "NIQE, on 8-bit Y"
      + (f" without a border of {border} pixels" if border else "")
      + "; lower is better; not defined for images without detail in two blocks"
      f" of {niqe.BLOCK} x {niqe.BLOCK} pixels"
    )

  def __call__(self, sr: np.ndarray, hr: np.ndarray) -> float:
    """Scores uint8 [H, W, 3] or [H, W]; NaN where NIQE is not defined."""
    del hr
    kept = slice(self._border, -self._border or None)
    luma = protocol.luma_levels(sr)[kept, kept]
    try:
      return niqe.niqe(luma, *self._parameters)
    except ValueError:  # too small, or too flat
      return math.nan
