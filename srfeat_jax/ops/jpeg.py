"""JPEG compression and decompression of images, for JAX under jit and vmap.

Baseline JPEG with the tables of the standard (ITU-T T.81, Annex K) scaled by a
quality as libjpeg does, chroma halved in both directions (4:2:0), without the
entropy coding, which is lossless.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

_LUMA = np.array(
  [
    [16, 11, 10, 16, 24, 40, 51, 61],
    [12, 12, 14, 19, 26, 58, 60, 55],
    [14, 13, 16, 24, 40, 57, 69, 56],
    [14, 17, 22, 29, 51, 87, 80, 62],
    [18, 22, 37, 56, 68, 109, 103, 77],
    [24, 35, 55, 64, 81, 104, 113, 92],
    [49, 64, 78, 87, 103, 121, 120, 101],
    [72, 92, 95, 98, 112, 100, 103, 99],
  ],
  np.float32,
)
_CHROMA = np.full((8, 8), 99, np.float32)
_CHROMA[:4, :4] = [
  [17, 18, 24, 47],
  [18, 21, 26, 66],
  [24, 26, 56, 99],
  [47, 66, 99, 99],
]
_MCU = 16  # pixels a side of a minimum coded unit: two by two luma blocks


def compress(
  image: jax.Array,
  quality: ArrayLike,
  row: ArrayLike = 0,
  column: ArrayLike = 0,
) -> jax.Array:
  """The image after it was saved as JPEG and read again.

  Args:
    image: float `[h, w, 3]`, RGB in [0, 1].
    quality: 1 to 100, libjpeg's scale; may be traced.
    row: how many pixels lie above the image in the file, 0 to 15, which shifts
      the grid of blocks against it; may be traced.
    column: the same to its left.

  Returns:
    float32 `[h, w, 3]` in whole levels of 1 / 255.
  """
  height, width, _ = image.shape
  levels = jnp.floor(jnp.clip(image, 0, 1) * 255 + 0.5)
  # Around the image its edges are repeated, as encoders fill the last block.
  rows = jnp.clip(jnp.arange(_padded(height)) - row, 0, height - 1)
  columns = jnp.clip(jnp.arange(_padded(width)) - column, 0, width - 1)
  y, cb, cr = _to_ycbcr(levels[rows][:, columns])
  y = _quantized(y, quantization_table("luma", quality))
  table = quantization_table("chroma", quality)
  cb, cr = (_double(_quantized(_halve(each), table)) for each in (cb, cr))
  levels = jnp.floor(jnp.clip(_to_rgb(y, cb, cr), 0, 255) + 0.5)
  start = (row, column, 0)
  return jax.lax.dynamic_slice(levels, start, (height, width, 3)) / 255


def quantization_table(kind: str, quality: ArrayLike) -> jax.Array:
  """Annex K's table of "luma" or "chroma" for a quality, float32 `[8, 8]`."""
  table = {"luma": _LUMA, "chroma": _CHROMA}[kind]
  quality = jnp.asarray(quality, jnp.float32)
  percent = jnp.where(
    quality < 50, jnp.floor(5000 / quality), 200 - 2 * jnp.floor(quality)
  )
  return jnp.clip(jnp.floor((table * percent + 50) / 100), 1, 255)


def _padded(side: int) -> int:
  """Pixels a side of the coded units that an image and any shift fit in."""
  return -(-(side + _MCU - 1) // _MCU) * _MCU


def _to_ycbcr(rgb):
  """JFIF's full-range YCbCr, of levels 0..255."""
  r, g, b = (rgb[..., i] for i in range(3))
  y = 0.299 * r + 0.587 * g + 0.114 * b
  return y, 128 + (b - y) / 1.772, 128 + (r - y) / 1.402


def _to_rgb(y, cb, cr):
  r = y + 1.402 * (cr - 128)
  b = y + 1.772 * (cb - 128)
  g = (y - 0.299 * r - 0.114 * b) / 0.587
  return jnp.stack([r, g, b], axis=-1)


def _halve(plane):
  height, width = plane.shape
  return plane.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))


def _double(plane):
  """Doubles both sides as libjpeg does: 3/4 of the nearest, 1/4 of the next."""
  for axis in (0, 1):
    count = plane.shape[axis]
    before = plane.take(np.maximum(np.arange(count) - 1, 0), axis)
    after = plane.take(np.minimum(np.arange(count) + 1, count - 1), axis)
    pair = jnp.stack(
      [0.75 * plane + 0.25 * before, 0.75 * plane + 0.25 * after], axis + 1
    )
    shape = list(plane.shape)
    shape[axis] = 2 * count
    plane = pair.reshape(shape)
  return plane


def _quantized(plane, table):
  """A plane `[8 m, 8 n]` after quantizing the DCT of its blocks."""
  height, width = plane.shape
  blocks = plane.reshape(height // 8, 8, width // 8, 8).transpose(0, 2, 1, 3)
  dct = jnp.asarray(_DCT)
  # In fewer bits, as devices may otherwise do, coefficients would round apart.
  matmul = functools.partial(jnp.matmul, precision="highest")
  coefficients = matmul(matmul(dct, jnp.round(blocks) - 128), dct.T)
  coefficients = jnp.round(coefficients / table) * table
  blocks = matmul(matmul(dct.T, coefficients), dct) + 128
  # A decoder's samples are bytes.
  blocks = jnp.clip(jnp.round(blocks), 0, 255)
  return blocks.transpose(0, 2, 1, 3).reshape(height, width)


def _dct_matrix() -> np.ndarray:
  """The orthonormal DCT-II of 8 samples, `[8, 8]`."""
  frequencies, places = np.mgrid[:8, :8]
  matrix = np.cos((2 * places + 1) * frequencies * np.pi / 16) / 2
  matrix[0] /= np.sqrt(2)
  return matrix.astype(np.float32)


_DCT = _dct_matrix()
