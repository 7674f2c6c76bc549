"""Image resizing as MATLAB's `imresize` does it, as two matrix products.

The field's low-resolution images come from MATLAB: bicubic with a = -0.5, the
kernel widened when shrinking (antialiasing), edges mirrored, and 8-bit images
rounded to 8 bits after the rows *and* after the columns. Works on
`[..., H, W, C]` arrays of numpy (host) and JAX (device, under jit).
"""

import functools
import math

import numpy as np


def resize(
  image, scale: float, kernel: str = "bicubic", antialias: bool = True
):
  """Resizes `[..., H, W, C]` to `[..., ceil(H * scale), ceil(W * scale), C]`.

  Args:
    image: floats of any range, or uint8. The result has the same dtype, as in
      MATLAB: floats are neither clipped nor rounded, uint8 is rounded after
      each of the two passes.
    scale: factor above 0; 0.25 shrinks four times, 4 enlarges four times.
    kernel: "bicubic" (Keys 1981, a = -0.5) or "bilinear"; when enlarging the
      latter equals PyTorch's `interpolate(align_corners=False)`.
    antialias: widen the kernel when shrinking.

  Returns:
    The resized array.

  Raises:
    ValueError: unknown kernel, scale not above 0, or an empty image.
  """
  xp = image.__array_namespace__()
  levels = image.dtype == np.uint8
  if levels:
    # Powers of two as scale have weights that float32 sums exactly; other
    # scales want all the bits there are, which on a device is float32.
    image = image.astype(np.float64 if xp is np else np.float32)
  *batch, height, width, channels = image.shape
  rows = _matrix(height, float(scale), kernel, antialias)
  columns = _matrix(width, float(scale), kernel, antialias)
  rows = xp.asarray(rows, dtype=image.dtype)
  columns = xp.asarray(columns, dtype=image.dtype)
  # On accelerators a float32 product is done in fewer bits unless asked.
  precise = {} if xp is np else {"precision": "highest"}
  image = image.reshape(*batch, height, width * channels)
  image = xp.matmul(rows, image, **precise)
  if levels:
    image = _round(xp, image)
  image = image.reshape(*batch, rows.shape[0], width, channels)
  image = xp.matmul(columns, image, **precise)
  return _round(xp, image).astype(np.uint8) if levels else image


def _round(xp, levels):
  return xp.floor(xp.clip(levels, 0, 255) + 0.5)


@functools.lru_cache(maxsize=64)
def _matrix(
  length: int, scale: float, kernel: str, antialias: bool
) -> np.ndarray:
  """Weights `[ceil(length * scale), length]`, float64, rows sum to 1."""
  if scale <= 0:
    raise ValueError(f"scale must be above 0, got {scale}")
  if length < 1:
    raise ValueError("the image is empty")
  function, support = _kernel(kernel)
  stretch = min(scale, 1.0) if antialias else 1.0
  support /= stretch
  # The small term keeps e.g. 30 * 0.1 = 3.0000000000000004 from becoming 4.
  new_length = math.ceil(length * scale - 1e-9)
  centres = (np.arange(new_length) + 0.5) / scale - 0.5
  first = np.floor(centres - support / 2).astype(int)
  taps = first[:, None] + np.arange(math.ceil(support) + 2)
  weights = function((centres[:, None] - taps) * stretch)
  weights /= weights.sum(axis=1, keepdims=True)
  mirrored = np.mod(taps, 2 * length)
  mirrored = np.minimum(mirrored, 2 * length - 1 - mirrored)
  matrix = np.zeros((new_length, length))
  np.add.at(matrix, (np.arange(new_length)[:, None], mirrored), weights)
  matrix.setflags(write=False)  # shared by every caller of the cache
  return matrix


def _kernel(name: str):
  if name == "bicubic":
    return _cubic, 4.0
  if name == "bilinear":
    return _triangle, 2.0
  raise ValueError(f'kernel must be "bicubic" or "bilinear", got "{name}"')


def _cubic(x: np.ndarray) -> np.ndarray:
  x = np.abs(x)
  near = 1.5 * x**3 - 2.5 * x**2 + 1
  far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
  return np.where(x <= 1, near, np.where(x <= 2, far, 0.0))


def _triangle(x: np.ndarray) -> np.ndarray:
  return np.maximum(1 - np.abs(x), 0.0)
