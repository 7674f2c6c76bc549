"""Image resizing as MATLAB's `imresize` does it, as two matrix products.

The field's low-resolution images come from MATLAB: bicubic with a = -0.5, the
kernel widened when shrinking (antialiasing), edges mirrored, and 8-bit images
rounded to 8 bits after the rows *and* after the columns. Works on
`[..., H, W, C]` and `[H, W]` arrays of NumPy (host) and JAX (device, under
jit).
"""

import functools
import math
from typing import Any

import numpy as np

_STRIP = 1 << 20  # numbers that are done at a time on the host


def resize(
  image: Any, scale: float, kernel: str = "bicubic", antialias: bool = True
) -> Any:
  """Resizes an image, or a batch of them.

  Args:
    image: `[..., H, W, C]` or `[H, W]`, floats of any range, uint8, or (numpy)
      uint16. The result has the same dtype, as in MATLAB: floats are neither
      clipped nor rounded, integers are rounded after each of the two passes.
    scale: factor above 0; 0.25 shrinks four times, 4 upscales four times.
    kernel: "bicubic" (Keys 1981, a = -0.5); "bilinear", which when upscaling
      equals PyTorch's `interpolate(align_corners=False)`; or "lanczos3".
    antialias: widen the kernel when shrinking.

  Returns:
    `[..., ceil(H * scale), ceil(W * scale), C]`, or the same without C.

  Raises:
    ValueError: unknown kernel, scale not above 0, or an empty image.
  """
  if image.ndim == 2:
    return resize(image[..., None], scale, kernel, antialias)[..., 0]
  xp = image.__array_namespace__()
  if xp is np and image.dtype in (np.uint8, np.uint16):
    for axis in (-3, -2):
      image = _resize_levels(image, axis, float(scale), kernel, antialias)
    return image
  if not all(isinstance(side, int) for side in image.shape[-3:-1]):
    return _upscale(xp, image, scale, kernel)
  levels = image.dtype == np.uint8
  if levels:
    # Powers of two as scale have weights that float32 sums exactly.
    image = image.astype(np.float32)
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


def _upscale(xp, image, scale: float, kernel: str):
  """Resizes an image whose size only the compiled program will know.

  A matrix needs the size; but when the scale is a whole number, every pixel
  becomes `scale` sums of its neighbors, with the same weights everywhere.
  """
  if scale != int(scale) or image.dtype == np.uint8:
    raise ValueError("an image of unknown size takes a whole number as scale")
  function, support = _kernel(kernel)
  scale, reach = int(scale), int(support / 2)
  offsets = np.arange(-reach, reach + 1)
  centers = (np.arange(scale) + 0.5) / scale - 0.5
  weights = function(centers[:, None] - offsets)
  weights = (weights / weights.sum(axis=1, keepdims=True)).astype(image.dtype)
  for axis in (image.ndim - 3, image.ndim - 2):
    length = image.shape[axis]
    neighbors = []
    for offset in offsets:
      i = (xp.arange(length) + offset) % (2 * length)
      i = xp.minimum(i, 2 * length - 1 - i)
      neighbors.append(xp.take(image, i, axis))
    phases = [
      sum(w * x for w, x in zip(row, neighbors, strict=True) if w)
      for row in weights
    ]
    shape = (*image.shape[:axis], scale * length, *image.shape[axis + 1 :])
    image = xp.stack(phases, axis + 1).reshape(shape)
  return image


def _resize_levels(image, axis, scale, kernel, antialias) -> np.ndarray:
  """Resizes one axis of integers on the host, in little memory at any size.

  Matrices are as long as the image: right for crops on a device, too large for
  an image 12,000 pixels wide.
  """
  rows = np.moveaxis(image, axis, 0)
  places, weights = taps(len(rows), scale, kernel, antialias)
  used = (weights != 0).any(axis=0)
  places, weights = places[:, used], weights[:, used]
  shape = list(image.shape)
  shape[axis] = len(places)
  result = np.empty(shape, image.dtype)
  resized = np.moveaxis(result, axis, 0)
  count = max(1, _STRIP // max(1, rows[0].size))
  for start in range(0, len(places), count):
    part = slice(start, start + count)
    total = np.zeros(resized[part].shape)
    for place, weight in zip(places[part].T, weights[part].T, strict=True):
      total += rows[place] * weight.reshape(-1, *[1] * (rows.ndim - 1))
    top = np.iinfo(image.dtype).max
    resized[part] = np.floor(np.clip(total, 0, top) + 0.5)
  return result


def _round(xp, levels):
  return xp.floor(xp.clip(levels, 0, 255) + 0.5)


@functools.lru_cache(maxsize=64)
def _matrix(
  length: int, scale: float, kernel: str, antialias: bool
) -> np.ndarray:
  """Weights `[ceil(length * scale), length]`, float64, rows sum to 1."""
  places, weights = taps(length, scale, kernel, antialias)
  matrix = np.zeros((len(places), length))
  np.add.at(matrix, (np.arange(len(places))[:, None], places), weights)
  matrix.setflags(write=False)  # shared by every caller of the cache
  return matrix


def taps(
  length: int, scale: float, kernel: str = "bicubic", antialias: bool = True
) -> tuple[np.ndarray, np.ndarray]:
  """What each pixel of a resized row is a weighted sum of.

  Args:
    length: pixels of the row.
    scale: as `resize`, and so are the others.

  Returns:
    int [ceil(length * scale), taps]: places in the row; and their weights,
    float64 of the same shape, which sum to 1.
  """
  if scale <= 0:
    raise ValueError(f"scale must be above 0, got {scale}")
  if length < 1:
    raise ValueError("the image is empty")
  function, support = _kernel(kernel)
  stretch = min(scale, 1.0) if antialias else 1.0
  support /= stretch
  # The small term keeps e.g. 30 * 0.1 = 3.0000000000000004 from becoming 4.
  new_length = math.ceil(length * scale - 1e-9)
  centers = (np.arange(new_length) + 0.5) / scale - 0.5
  first = np.floor(centers - support / 2).astype(int)
  places = first[:, None] + np.arange(math.ceil(support) + 2)
  weights = function((centers[:, None] - places) * stretch)
  weights /= weights.sum(axis=1, keepdims=True)
  mirrored = np.mod(places, 2 * length)
  return np.minimum(mirrored, 2 * length - 1 - mirrored), weights


def _kernel(name: str):
  if name == "bicubic":
    return _cubic, 4.0
  if name == "bilinear":
    return _triangle, 2.0
  if name == "lanczos3":
    return _lanczos, 6.0
  raise ValueError(
    f'kernel must be "bicubic", "bilinear" or "lanczos3", got "{name}"'
  )


def _cubic(x: np.ndarray) -> np.ndarray:
  x = np.abs(x)
  near = 1.5 * x**3 - 2.5 * x**2 + 1
  far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
  return np.where(x <= 1, near, np.where(x <= 2, far, 0.0))


def _triangle(x: np.ndarray) -> np.ndarray:
  return np.maximum(1 - np.abs(x), 0.0)


def _lanczos(x: np.ndarray) -> np.ndarray:
  return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0.0)
