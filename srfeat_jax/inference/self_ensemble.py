"""The geometric self-ensemble (x8), Timofte et al., CVPR 2016, section 3.3.

It is the mean of a network's results for an image flipped and rotated in all
eight ways, each result turned back.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp

# The symmetries of the square: flip rows, flip columns, transpose.
_SYMMETRIES = [(bool(i & 1), bool(i & 2), bool(i & 4)) for i in range(8)]


def mean(
  network: Callable[[jax.Array, jax.Array], jax.Array],
  lr: jax.Array,
  mask: jax.Array,
  scale: int,
) -> jax.Array:
  """Applies a network eight times, one after the other, and averages.

  Eight at once would take eight times the memory.

  Args:
    network: from LR images and their mask to SR images.
    lr: float32 [b, h, w, 3].
    mask: bool [1, h, w, 1], transformed with the images.
    scale: the network's scale factor.

  Returns:
    float32 [b, scale * h, scale * w, 3].
  """
  batch, height, width, channels = lr.shape

  def add(total, symmetry, transpose=False):
    flip_rows, flip_columns, *transposed = symmetry

    def transform(x):
      x = jnp.where(flip_rows, x[:, ::-1], x)
      x = jnp.where(flip_columns, x[:, :, ::-1], x)
      if transposed:  # known when the program runs; the shape stays the same
        return jnp.where(transposed[0], x.swapaxes(1, 2), x)
      return x.swapaxes(1, 2) if transpose else x

    def inverse(x):
      if transposed:
        x = jnp.where(transposed[0], x.swapaxes(1, 2), x)
      elif transpose:
        x = x.swapaxes(1, 2)
      x = jnp.where(flip_columns, x[:, :, ::-1], x)
      return jnp.where(flip_rows, x[:, ::-1], x)

    return total + inverse(network(transform(lr), transform(mask))), None

  total = jnp.zeros((batch, scale * height, scale * width, channels))
  if height == width:
    total, _ = jax.lax.scan(add, total, jnp.array(_SYMMETRIES))
  else:
    flips = jnp.array(_SYMMETRIES)[:4, :2]
    for transpose in (False, True):
      add_flipped = functools.partial(add, transpose=transpose)
      total, _ = jax.lax.scan(add_flipped, total, flips)
  return total / len(_SYMMETRIES)
