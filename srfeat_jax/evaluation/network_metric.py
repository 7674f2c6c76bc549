"""Distances of whole 8-bit images that a network measures."""

import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from srfeat_jax import gray
from srfeat_jax.ops import pixels


class Metric:
  """A perceptual distance of two images; lower is better.

  It is computed in full float32 on JAX's default device; a program is compiled
  for each image size. See `evaluation.metric`.

  Attributes:
    name: for tables.
    description: what is measured, for reports.
  """

  def __init__(
    self,
    network: nn.Module,
    variables: Mapping[str, Any],
    name: str,
    description: str,
  ):
    """Keeps the variables; a first image sends them to its device.

    Args:
      network: takes two batches of RGB in [0, 1], and returns a distance of
        each pair.
      variables: its "params".
      name: for tables.
      description: for reports.
    """
    self.name = name
    self.description = description
    self._network = network
    self._variables = variables
    self._placed: dict[jax.Device, Any] = {}

  def __call__(self, a: np.ndarray, b: np.ndarray) -> float:
    """Compares two images.

    Args:
      a: uint8 [H, W, 3]; or gray [H, W], compared as RGB.
      b: uint8 of the same shape.

    Returns:
      The distance.

    Raises:
      errors.InputError: the images are too small for the network.
    """
    device = jnp.zeros(()).device
    if device not in self._placed:
      self._placed[device] = jax.device_put(self._variables, device)
    return float(
      _distance(
        self._network, self._placed[device], gray.to_rgb(a), gray.to_rgb(b)
      )
    )


@functools.partial(jax.jit, static_argnums=0)
def _distance(network: nn.Module, variables, a, b) -> jax.Array:
  with jax.default_matmul_precision("highest"):
    a, b = (pixels.to_float(image)[None] for image in (a, b))
    return network.apply(variables, a, b)[0]
