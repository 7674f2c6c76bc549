"""Resizing between sizes that only the run knows, for JAX under jit and vmap.

An image lies in the top left corner of a canvas, whose size is static; what is
beyond its sides repeats its last row and column. `resize` is for exact sizes,
as MATLAB resizes; this is for degradations that draw a size for each image.
"""

import jax
import jax.numpy as jnp

KERNELS = ("area", "bilinear", "bicubic", "antialiased")


def resample(canvas, side, new_canvas: int, new_side, kernel) -> jax.Array:
  """Resizes the square image of a canvas to another square.

  Args:
    canvas: float `[s, s, c]`.
    side: pixels a side of the image in it; may be traced.
    new_canvas: pixels a side of the result, static.
    new_side: pixels a side of the image in the result; may be traced.
    kernel: index into `KERNELS`, may be traced: the mean over a pixel's area;
      bilinear and bicubic (a = -0.75) between the nearest pixels, as OpenCV
      and PyTorch have them, which alias when they shrink; bicubic (a = -0.5)
      widened when it shrinks, as Pillow and MATLAB have it.

  Returns:
    float32 `[new_canvas, new_canvas, c]`.
  """
  matrix = _weights(canvas.shape[0], side, new_canvas, new_side, kernel)
  product = lambda *args: jnp.einsum(*args, precision="highest")  # noqa: E731
  rows = product("oi,ijc->ojc", matrix, canvas)
  return product("pj,ojc->opc", matrix, rows)


def _weights(length, side, new_length, new_side, kernel):
  """`[new_length, length]`, rows sum to 1."""
  ratio = jnp.asarray(side, jnp.float32) / new_side
  i = jnp.minimum(jnp.arange(new_length), new_side - 1)[:, None]
  j = jnp.arange(length)[None, :]
  center = jnp.clip((i + 0.5) * ratio - 0.5, 0, side - 1.0)
  wide = jnp.maximum(ratio, 1.0)
  start, end = i * ratio, (i + 1) * ratio
  overlap = jnp.minimum(j + 1.0, end) - jnp.maximum(1.0 * j, start)
  options = (
    jnp.maximum(overlap, 0.0),
    jnp.maximum(1 - jnp.abs(center - j), 0.0),
    _cubic(center - j, -0.75),
    _cubic((center - j) / wide, -0.5),
  )
  weights = jnp.select([kernel == k for k in range(len(options))], options)
  weights = jnp.where(j < side, weights, 0.0)
  return weights / jnp.sum(weights, axis=1, keepdims=True)


def _cubic(x, a: float):
  """Keys' kernel (1981)."""
  x = jnp.abs(x)
  near = (a + 2) * x**3 - (a + 3) * x**2 + 1
  far = a * (x**3 - 5 * x**2 + 8 * x - 4)
  return jnp.where(x <= 1, near, jnp.where(x < 2, far, 0.0))
