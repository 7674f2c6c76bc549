"""Pixel layout and number formats, for numpy and JAX arrays alike.

Shuffles work on `[..., H, W, C]`. Channel order "DCR" (depth, column, row) is
TensorFlow's `depth_to_space`, where the output channel varies fastest; "CRD"
is PyTorch's `PixelShuffle`, where it varies slowest.
"""

from typing import Any

import numpy as np


def to_float(image: Any) -> Any:
  """uint8 0..255 to float32 in [0, 1]."""
  xp = image.__array_namespace__()
  return image.astype(xp.float32) / np.float32(255)


def to_uint8(image: Any) -> Any:
  """Floats in [0, 1] to uint8 0..255: clipped, halves rounded upwards."""
  xp = image.__array_namespace__()
  return xp.floor(xp.clip(image, 0, 1) * 255 + 0.5).astype(xp.uint8)


def pixel_shuffle(x: Any, scale: int, order: str = "DCR") -> Any:
  """`[..., H, W, C * scale**2]` to `[..., H * scale, W * scale, C]`.

  Sub-pixel convolution's rearrangement (Shi et al. 2016, equation 4).
  """
  xp = x.__array_namespace__()
  *batch, height, width, depth = x.shape
  channels = _divide(depth, scale**2, "channels")
  n = len(batch)
  if _checked(order) == "DCR":
    x = x.reshape(*batch, height, width, scale, scale, channels)
    axes = (n, n + 2, n + 1, n + 3, n + 4)
  else:
    x = x.reshape(*batch, height, width, channels, scale, scale)
    axes = (n, n + 3, n + 1, n + 4, n + 2)
  x = xp.permute_dims(x, (*range(n), *axes))
  return x.reshape(*batch, height * scale, width * scale, channels)


def pixel_unshuffle(x: Any, scale: int, order: str = "DCR") -> Any:
  """The inverse of `pixel_shuffle`: the scale must divide height and width."""
  xp = x.__array_namespace__()
  *batch, height, width, channels = x.shape
  height = _divide(height, scale, "height")
  width = _divide(width, scale, "width")
  n = len(batch)
  x = x.reshape(*batch, height, scale, width, scale, channels)
  if _checked(order) == "DCR":
    axes = (n, n + 2, n + 1, n + 3, n + 4)
  else:
    axes = (n, n + 2, n + 4, n + 1, n + 3)
  x = xp.permute_dims(x, (*range(n), *axes))
  return x.reshape(*batch, height, width, channels * scale**2)


def _checked(order: str) -> str:
  if order not in ("DCR", "CRD"):
    raise ValueError(f'order must be "DCR" or "CRD", got "{order}"')
  return order


def _divide(size: int, divisor: int, what: str) -> int:
  if size % divisor:
    raise ValueError(f"{what} {size} is not divisible by {divisor}")
  return size // divisor
