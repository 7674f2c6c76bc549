"""LPIPS of whole 8-bit images."""

import functools
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from flax import linen as nn

from srfeat_jax import gray
from srfeat_jax.ops import pixels


class Metric:
  """The perceptual distance of two images; lower is better.

  It is computed in full float32 on the first device of this process; a program
  is compiled for each image size.

  Attributes:
    description: what is measured, for reports.
  """

  def __init__(self, network: nn.Module, variables: Mapping[str, Any]):
    """Puts the variables on the device.

    Args:
      network: a `models.lpips.LPIPS`.
      variables: its "params".
    """
    self.description = (
      f"LPIPS v0.1 ({network.backbone}) on all RGB pixels; lower is better"
    )
    device = jax.local_devices()[0]
    self._distance = functools.partial(
      _distance, network, jax.device_put(variables, device)
    )

  def __call__(self, a: np.ndarray, b: np.ndarray) -> float:
    """Compares two images.

    Args:
      a: uint8 [H, W, 3]; or gray [H, W], compared as RGB.
      b: uint8 of the same shape.

    Returns:
      The distance: 0 for equal images up to rounding (below 1e-12), and rarely
      above 1.

    Raises:
      errors.InputError: the images are too small for the network.
    """
    return float(self._distance(gray.to_rgb(a), gray.to_rgb(b)))


@functools.partial(jax.jit, static_argnums=0)
def _distance(network: nn.Module, variables, a, b) -> jax.Array:
  with jax.default_matmul_precision("highest"):
    a, b = (pixels.to_float(image)[None] for image in (a, b))
    return network.apply(variables, a, b)[0]
