"""The compiled program that upscales tiles: all that runs on the device.

Tiles are sent in the image's dtype, go through a generator whose BatchNorm is
folded (see `folding`), and return in the same dtype, so that little is copied
between host and device. `upscale_tiles` is one `jax.jit`: what has been
compiled for a generator is shared by all who use it.
"""

import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from srfeat_jax import gray
from srfeat_jax.models import layers
from srfeat_jax.ops import color

# The symmetries of the square: flip rows, flip columns, transpose.
_SYMMETRIES = [(bool(i & 1), bool(i & 2), bool(i & 4)) for i in range(8)]


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
  convolution, as if the tile ended there.

  Args:
    generator: without BatchNorm, or with it folded.
    variables: its "params".
    tiles: [b, h, w, c] uint8, uint16, or float32 in [0, 1]; of one channel
      (gray) or three. The network sees gray as three equal channels.
    valid: height and width of the part of each tile, from its top left corner,
      that shows the image; multiples of the generator's pixel unshuffle, if it
      has one.
    ensemble: whether to use the geometric self-ensemble (x8): the mean of the
      results for the tiles, which must be square, flipped and rotated in all
      eight ways (Timofte et al., CVPR 2016, section 3.3).

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
  if ensemble:
    sr = _self_ensemble(generator, variables, lr, mask)
  else:
    sr = _apply(generator, variables, lr, mask)
  sr = _to_levels(sr, tiles.dtype)
  if is_gray:
    sr = color.rgb_to_gray(sr.astype(jnp.float32))[..., None]
    if tiles.dtype != jnp.float32:
      sr = jnp.rint(sr)
  return sr.astype(tiles.dtype)


def _apply(generator, variables, lr, mask) -> jax.Array:
  """Applies the generator, without its norms, to what the mask lets through.

  The models know about neither: their layers' calls are intercepted.
  """

  def intercept(call, args, kwargs, context):
    module = context.module
    if context.method_name != "__call__":
      return call(*args, **kwargs)
    if isinstance(module, nn.BatchNorm):
      return args[0]
    if isinstance(module, layers.Conv) and module.kernel_size > 1:
      x, *rest = args
      args = (jnp.where(_resized_mask(mask, x.shape[1]), x, 0), *rest)
    return call(*args, **kwargs)

  # Accelerators would compute float32 with fewer bits unasked.
  with jax.default_matmul_precision("highest"), nn.intercept_methods(intercept):
    return generator.apply(variables, lr)


def _resized_mask(mask: jax.Array, height: int) -> jax.Array:
  """The mask [1, h, w, 1] at the size of feature maps of this height."""
  h = mask.shape[1]
  if height < h:
    return mask[:, :: h // height, :: h // height]
  return mask.repeat(height // h, axis=1).repeat(height // h, axis=2)


def _self_ensemble(generator, variables, lr, mask) -> jax.Array:
  def add(total, symmetry):
    flip_rows, flip_columns, transpose = symmetry

    def transform(x):
      x = jnp.where(flip_rows, x[:, ::-1], x)
      x = jnp.where(flip_columns, x[:, :, ::-1], x)
      return jnp.where(transpose, x.swapaxes(1, 2), x)

    def inverse(x):
      x = jnp.where(transpose, x.swapaxes(1, 2), x)
      x = jnp.where(flip_columns, x[:, :, ::-1], x)
      return jnp.where(flip_rows, x[:, ::-1], x)

    sr = _apply(generator, variables, transform(lr), transform(mask))
    return total + inverse(sr), None

  # One after the other: eight at once would take eight times the memory.
  batch, height, width, channels = lr.shape
  scale = generator.scale
  total = jnp.zeros((batch, scale * height, scale * width, channels))
  total, _ = jax.lax.scan(add, total, jnp.array(_SYMMETRIES))
  return total / len(_SYMMETRIES)


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
