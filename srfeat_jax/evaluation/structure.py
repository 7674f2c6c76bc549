"""SSIM of color images, and MS-SSIM, as metrics of whole 8-bit images."""

import dataclasses
import functools
import math
from collections.abc import Callable

import numpy as np

from srfeat_jax.evaluation import protocol
from srfeat_jax.ops import quality, similarity


@dataclasses.dataclass(frozen=True)
class Metric:
  """A metric of structure, see `evaluation.metric`.

  Attributes:
    name: for tables.
    description: for reports.
    measure: the function.
  """

  name: str
  description: str
  measure: Callable[[np.ndarray, np.ndarray], float]

  def __call__(self, sr: np.ndarray, hr: np.ndarray) -> float:
    """Compares uint8 [H, W, 3] or [H, W]."""
    return self.measure(sr, hr)


def metrics(rules: protocol.Protocol, scale: int) -> tuple[Metric, ...]:
  """Returns SSIM of RGB on all pixels and without the border, and MS-SSIM of Y.

  Args:
    rules: how other metrics are measured; if it leaves out no border, neither
      do these.
    scale: scale factor, and width of the border.
  """
  border = rules.border(scale)
  least = similarity.LEAST_SIDE

  def ssim_rgb(sr, hr, border=0):
    if min(sr.shape[:2]) - 2 * border < quality.SSIM_WINDOW:
      return math.nan
    return quality.ssim(sr, hr, border)

  def ms_ssim_y(sr, hr):
    if min(sr.shape[:2]) - 2 * border < least:
      return math.nan
    levels = (protocol.luma_levels(image) for image in (sr, hr))
    return quality.ms_ssim(*levels, border)

  found = [
    Metric("ssim_rgb", "SSIM, the mean of R, G and B, all pixels", ssim_rgb)
  ]
  if border:
    found.append(
      Metric(
        f"ssim_rgb_crop{border}",
        f"SSIM, the mean of R, G and B, without a border of {border} pixels",
        functools.partial(ssim_rgb, border=border),
      )
    )
  description = (
    "MS-SSIM on five scales, on 8-bit Y"
    + (f" without a border of {border} pixels" if border else "")
    + f"; not defined for a side of less than {least + 2 * border} pixels"
  )
  return (*found, Metric("ms_ssim_y", description, ms_ssim_y))
