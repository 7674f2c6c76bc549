"""The compiled program that enlarges tiles: all that runs on the device.

Tiles come in the number format of the picture, go through a generator whose
batch normalisation is folded (see `folding`), and leave in the same format, so
little passes between host and device. `enlarge` is one `jax.jit`: what was
compiled for a generator is shared by all who use it.
"""

import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from srfeat_jax.models import layers
from srfeat_jax.ops import color

# Of the square: whether to mirror rows, to mirror columns, to transpose.
_ISOMETRIES = [(bool(i & 1), bool(i & 2), bool(i & 4)) for i in range(8)]


@functools.partial(jax.jit, static_argnames=("generator", "ensemble"))
def enlarge(
  generator: nn.Module,
  variables: Mapping[str, Any],
  tiles: jax.Array,
  inside: tuple[int, int],
  ensemble: bool = False,
) -> jax.Array:
  """Enlarges tiles as parts of pictures.

  What lies in a tile beyond `inside` counts as zero padding to every
  convolution, just as if the tile ended there.

  Args:
    generator: without batch normalisation, or with it folded.
    variables: its "params".
    tiles: [b, h, w, c] uint8, uint16, or float32 in [0, 1]; of one channel
      (gray) or three. Gray is given to the network as three equal channels.
    inside: height and width, from the top left, in which the tiles show the
      picture; multiples of the generator's fold, if it has one.
    ensemble: the mean of what the network makes of the tiles, which must be
      square, turned and mirrored in all eight ways (Timofte et al., CVPR 2016,
      section 3.3).

  Returns:
    [b, scale * h, scale * w, c] of the tiles' dtype: integers are rounded and
    clipped, floats are neither; of gray tiles the luma.
  """
  gray = tiles.shape[-1] == 1
  lr = _to_float(tiles)
  if gray:
    lr = lr.repeat(3, axis=-1)
  rows, columns = (
    jnp.arange(side) < length
    for side, length in zip(tiles.shape[1:3], inside, strict=True)
  )
  mask = (rows[:, None] & columns)[None, ..., None]
  if ensemble:
    sr = _mean_of_isometries(generator, variables, lr, mask)
  else:
    sr = _apply(generator, variables, lr, mask)
  sr = _to_levels(sr, tiles.dtype)
  if gray:
    sr = color.rgb_to_gray(sr.astype(jnp.float32))[..., None]
    if tiles.dtype != jnp.float32:
      sr = jnp.rint(sr)
  return sr.astype(tiles.dtype)


def _apply(generator, variables, lr, mask) -> jax.Array:
  """Applies the generator, without norms, to what the mask lets through.

  The models know of neither: both are done to their layers from outside.
  """

  def intercept(call, args, kwargs, context):
    module = context.module
    if context.method_name != "__call__":
      return call(*args, **kwargs)
    if isinstance(module, nn.BatchNorm):
      return args[0]
    if isinstance(module, layers.Conv) and module.kernel_size > 1:
      x, *rest = args
      args = (jnp.where(_fitted(mask, x.shape[1]), x, 0), *rest)
    return call(*args, **kwargs)

  # Accelerators would compute float32 with fewer bits unasked.
  with jax.default_matmul_precision("highest"), nn.intercept_methods(intercept):
    return generator.apply(variables, lr)


def _fitted(mask: jax.Array, height: int) -> jax.Array:
  """The mask [1, h, w, 1] at the size of feature maps of that height."""
  h = mask.shape[1]
  if height < h:
    return mask[:, :: h // height, :: h // height]
  return mask.repeat(height // h, axis=1).repeat(height // h, axis=2)


def _mean_of_isometries(generator, variables, lr, mask) -> jax.Array:
  def add(total, isometry):
    mirror_rows, mirror_columns, transpose = isometry

    def turned(x):
      x = jnp.where(mirror_rows, x[:, ::-1], x)
      x = jnp.where(mirror_columns, x[:, :, ::-1], x)
      return jnp.where(transpose, x.swapaxes(1, 2), x)

    def turned_back(x):
      x = jnp.where(transpose, x.swapaxes(1, 2), x)
      x = jnp.where(mirror_columns, x[:, :, ::-1], x)
      return jnp.where(mirror_rows, x[:, ::-1], x)

    sr = _apply(generator, variables, turned(lr), turned(mask))
    return total + turned_back(sr), None

  # One after the other: eight at once would take eight times the memory.
  batch, height, width, channels = lr.shape
  scale = generator.scale
  total = jnp.zeros((batch, scale * height, scale * width, channels))
  total, _ = jax.lax.scan(add, total, jnp.array(_ISOMETRIES))
  return total / len(_ISOMETRIES)


def _to_float(levels: jax.Array) -> jax.Array:
  """To float32 in [0, 1]."""
  if jnp.issubdtype(levels.dtype, jnp.floating):
    return levels
  return levels.astype(jnp.float32) / jnp.iinfo(levels.dtype).max


def _to_levels(image: jax.Array, dtype) -> jax.Array:
  """Back to the dtype: clipped, halves rounded upwards as `pixels` does."""
  if jnp.issubdtype(dtype, jnp.floating):
    return image
  levels = jnp.clip(image, 0, 1) * jnp.iinfo(dtype).max
  return jnp.floor(levels + 0.5).astype(dtype)
