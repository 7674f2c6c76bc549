"""Upscalers: functions from a uint8 picture to the enlarged uint8 picture.

A picture is [h, w, 3] in RGB or [h, w] in gray, and comes back [scale * h,
scale * w, 3] or [scale * h, scale * w]. `Upscaler` makes one of a generator;
`bicubic` is the baseline that every generator is compared with.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from flax import linen as nn

from srfeat_jax import errors
from srfeat_jax.inference import tiling
from srfeat_jax.ops import color, pixels, resize


class Upscaler:
  """A generator and its variables as a function of pictures.

  It computes in full float32 (GPUs and TPUs would use fewer bits unasked) on
  this process's first device. One program is compiled for each shape of tile,
  and shared by all upscalers of the same generator.

  Attributes:
    scale: the generator's enlargement.
  """

  def __init__(
    self,
    generator: nn.Module,
    variables: Mapping[str, Any],
    tile: int | None = 192,
  ):
    """Puts the variables on the device.

    Args:
      generator: one of `models.build`.
      variables: its "params" and, if it has them, "batch_stats": arrays that
        this process can read whole.
      tile: side in LR pixels of the tiles in which larger pictures are done,
        which bounds the memory; None: pictures are always done in one piece.

    Raises:
      errors.InputError: the tile is not larger than what is thrown away of it.
    """
    radius = generator.receptive_radius
    if tile is not None and tile <= 2 * radius:
      raise errors.InputError(
        f"The tile of {tile} pixels is too small: this network sees {radius}"
        f" pixels around each, so choose a tile of {2 * radius + 1} or more,"
        " better twice that."
      )
    self.scale = generator.scale
    self._tile = tile
    self._overlap = radius
    device = jax.local_devices()[0]
    self._network = functools.partial(
      _enlarge, generator, jax.device_put(variables, device)
    )

  def __call__(
    self, lr: np.ndarray, on_pixels: Callable[[int], object] | None = None
  ) -> np.ndarray:
    """Enlarges a picture.

    A gray picture is given to the network as three equal channels; the luma of
    what comes out is returned.

    Args:
      lr: uint8 [h, w, 3] or [h, w].
      on_pixels: told the progress in LR pixels, see `tiling.upscale_tiled`.

    Returns:
      uint8 [scale * h, scale * w, 3] or [scale * h, scale * w].
    """
    if lr.ndim == 2:
      sr = self(np.repeat(lr[..., None], 3, axis=-1), on_pixels)
      return np.rint(color.rgb_to_gray(sr)).astype(np.uint8)
    tile = self._tile or max(*lr.shape, 2 * self._overlap + 1)
    return tiling.upscale_tiled(
      lambda piece: np.asarray(self._network(piece)),
      lr,
      self.scale,
      tile,
      self._overlap,
      on_pixels,
    )


def bicubic(
  lr: np.ndarray,
  scale: int = 4,
  on_pixels: Callable[[int], object] | None = None,
) -> np.ndarray:
  """Enlarges a picture as MATLAB's `imresize` does.

  Args:
    lr: uint8 [h, w, 3] or [h, w].
    scale: enlargement.
    on_pixels: told the number of LR pixels, all at once.

  Returns:
    uint8 [scale * h, scale * w, 3] or [scale * h, scale * w].
  """
  sr = resize.resize(np.atleast_3d(lr), scale)
  if on_pixels:
    on_pixels(lr.shape[0] * lr.shape[1])
  return sr if lr.ndim == 3 else sr[..., 0]


@functools.partial(jax.jit, static_argnums=0)
def _enlarge(generator: nn.Module, variables, lr: jax.Array) -> jax.Array:
  with jax.default_matmul_precision("highest"):
    sr = generator.apply(variables, pixels.to_float(lr)[None])
  return pixels.to_uint8(sr[0])
