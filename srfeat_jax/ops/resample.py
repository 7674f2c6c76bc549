"""Resizing between sizes that only the run knows, for JAX under jit and vmap.

An image lies in the top left corner of a square canvas, whose size is static;
beyond the image its last row and column are repeated. This is for degradations
that draw a size for each image; `resize` resizes to fixed sizes as MATLAB does.
"""

import functools

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

KERNELS = ("area", "bilinear", "bicubic", "antialiased")


def resample(
  canvas: jax.Array,
  side: ArrayLike,
  new_canvas: int,
  new_side: ArrayLike,
  kernel: ArrayLike,
) -> jax.Array:
  """Resizes the square image of a canvas to another square.

  Args:
    canvas: float `[s, s, c]`.
    side: pixels a side of the image in it; may be traced.
    new_canvas: pixels a side of the result, static.
    new_side: pixels a side of the image in the result; may be traced.
    kernel: index into `KERNELS`, may be traced: the mean over a pixel's area;
      bilinear or bicubic (a = -0.75) interpolation of the nearest pixels as in
      OpenCV and PyTorch, which aliases when downscaling; bicubic (a = -0.5)
      with antialiasing, as in Pillow and MATLAB.

  Returns:
    float32 `[new_canvas, new_canvas, c]`.
  """
  matrix = _weights(canvas.shape[0], side, new_canvas, new_side, kernel)
  # In fewer bits, as devices may otherwise do, 8-bit levels would change.
  einsum = functools.partial(jnp.einsum, precision="highest")
  rows = einsum("oi,ijc->ojc", matrix, canvas)
  return einsum("pj,ojc->opc", matrix, rows)


def _weights(length, side, new_length, new_side, kernel):
  """The matrix `[new_length, length]` that resizes a line; rows sum to 1."""
  ratio = jnp.asarray(side, jnp.float32) / new_side
  i = jnp.minimum(jnp.arange(new_length), new_side - 1)[:, None]
  j = jnp.arange(length)[None, :]
  center = jnp.clip((i + 0.5) * ratio - 0.5, 0, side - 1.0)
  width = jnp.maximum(ratio, 1.0)  # of the antialiasing kernel
  start, end = i * ratio, (i + 1) * ratio
  overlap = jnp.minimum(j + 1.0, end) - jnp.maximum(1.0 * j, start)
  options = (
    jnp.maximum(overlap, 0.0),
    jnp.maximum(1 - jnp.abs(center - j), 0.0),
    _cubic(center - j, -0.75),
    _cubic((center - j) / width, -0.5),
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
