"""The compiled program that upscales tiles: all that runs on the device.

Tiles are sent in the image's dtype, go through a generator, whose BatchNorm may
be folded (see `folding`), and return in the same dtype, so that little is
copied between host and device. `upscale_tiles` is one `jax.jit`: what has been
compiled for a generator is shared by all who use it.
"""

import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from srfeat_jax import gray
from srfeat_jax.inference import folding, self_ensemble
from srfeat_jax.models import dense_block, layers
from srfeat_jax.ops import color

_CONVOLUTIONS = (
  layers.Conv,
  dense_block.Convolve,
  nn.Conv,
  nn.ConvTranspose,
)


@functools.partial(jax.jit, static_argnames=("generator", "ensemble"))
def upscale_tiles(
  generator: nn.Module,
  variables: Mapping[str, Any],
  tiles: jax.Array,
  valid: tuple[int, int],
  ensemble: bool = False,
) -> jax.Array:
  """Upscales tiles of an image.

  Pixels of a tile outside of `valid` count as zero padding to every
  convolution, as if the tile ended there. Whether a network gives the result of
  an image that does end there is for `equivalence` to find out.

  Args:
    generator: any generator, see `models`.
    variables: its variables, as they are or as `folding.fold` returns them.
    tiles: [b, h, w, c] uint8, uint16, or float32 in [0, 1]; of one channel
      (gray) or three. The network sees gray as three equal channels.
    valid: height and width of the part of each tile, from its top left corner,
      that shows the image; multiples of the generator's pixel unshuffle, if it
      has one.
    ensemble: whether to use the geometric self-ensemble (x8), see
      `self_ensemble`.

  Returns:
    [b, scale * h, scale * w, c] of the tiles' dtype: integers are rounded and
    clipped, floats are neither; for gray tiles, the luma.
  """
  is_gray = tiles.shape[-1] == 1
  lr = gray.to_rgb(_to_float(tiles))
  rows, columns = (
    jnp.arange(side) < length
    for side, length in zip(tiles.shape[1:3], valid, strict=True)
  )
  mask = (rows[:, None] & columns)[None, ..., None]
  network = functools.partial(_apply, generator, variables)
  if ensemble:
    sr = self_ensemble.mean(network, lr, mask, generator.scale)
  else:
    sr = network(lr, mask)
  sr = _to_levels(sr, tiles.dtype)
  if is_gray:
    sr = color.rgb_to_gray(sr.astype(jnp.float32))[..., None]
    if tiles.dtype != jnp.float32:
      sr = jnp.rint(sr)
  return sr.astype(tiles.dtype)


def _apply(generator, variables, lr, mask) -> jax.Array:
  """Applies the generator to what the mask lets through, without folded norms.

  The models know about neither: their layers' calls are intercepted.
  """

  def intercept(call, args, kwargs, context):
    module = context.module
    if context.method_name != "__call__" or not args:
      return call(*args, **kwargs)
    x, *rest = args
    if isinstance(module, nn.BatchNorm) and folding.is_folded(module):
      return folding.shifted(module, x)
    if isinstance(module, _CONVOLUTIONS) and np.max(module.kernel_size) > 1:
      here = _resized_mask(mask, x.shape)
      if here is not None:
        args = (jnp.where(here, x, 0), *rest)
    return call(*args, **kwargs)

  # Accelerators would compute float32 with fewer bits unasked.
  with jax.default_matmul_precision("highest"), nn.intercept_methods(intercept):
    return generator.apply(variables, lr)


def _resized_mask(mask: jax.Array, shape: tuple[int, ...]) -> jax.Array | None:
  """The mask [1, h, w, 1] at the size of a feature map; None if it has none."""
  _, h, w, _ = mask.shape
  if len(shape) != 4 or shape[1] * w != shape[2] * h:
    return None
  height = shape[1]
  if height and h % height == 0:
    return mask[:, :: h // height, :: h // height]
  if height % h == 0:
    return mask.repeat(height // h, axis=1).repeat(height // h, axis=2)
  return None


def _to_float(levels: jax.Array) -> jax.Array:
  """To float32 in [0, 1]."""
  if jnp.issubdtype(levels.dtype, jnp.floating):
    return levels
  return levels.astype(jnp.float32) / jnp.iinfo(levels.dtype).max


def _to_levels(image: jax.Array, dtype) -> jax.Array:
  """To the dtype again: clipped, halves rounded up as in `ops.pixels`."""
  if jnp.issubdtype(dtype, jnp.floating):
    return image
  levels = jnp.clip(image, 0, 1) * jnp.iinfo(dtype).max
  return jnp.floor(levels + 0.5).astype(dtype)
