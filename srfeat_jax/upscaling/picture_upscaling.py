"""A `Picture` through an upscaler: all its frames, alpha and metadata."""

import dataclasses
import math
from collections.abc import Callable

import numpy as np

from srfeat_jax.image_io import pictures
from srfeat_jax.ops import resize
from srfeat_jax.upscaling import hidden_colors

# From uint8 or uint16 [h, w] or [h, w, 3] and a progress callback to the
# upscaled image, see `inference.upscaler`.
Upscaler = Callable[..., np.ndarray]


def upscale(
  picture: pictures.Picture,
  upscaler: Upscaler,
  scale: int,
  outscale: float | None = None,
  on_pixels: Callable[[int], object] | None = None,
) -> pictures.Picture:
  """Upscales all frames of an image.

  Alpha is upscaled by bicubic interpolation, separately from the colors. Before
  the colors are upscaled, fully transparent pixels get the colors around them,
  so that no fringes of other colors appear.

  Args:
    picture: the image.
    upscaler: upscales the colors.
    scale: the scale factor of `upscaler`.
    outscale: the scale factor of the result, reached by resizing the output of
      `upscaler` bicubically; None: `scale`.
    on_pixels: called with the progress in pixels of `picture`; their sum over
      all frames is frames * h * w.

  Returns:
    The image, [ceil(outscale * h), ceil(outscale * w)].
  """
  outscale = outscale or scale
  frames = []
  for index, color in enumerate(picture.frames):
    if picture.alphas:
      color = hidden_colors.fill(color, picture.alphas[index])
    sr = upscaler(color, on_pixels=on_pixels)
    frames.append(
      sr if outscale == scale else resize.resize(sr, outscale / scale)
    )
  alphas = [resize.resize(alpha, outscale) for alpha in picture.alphas]
  return dataclasses.replace(picture, frames=frames, alphas=alphas)


def upscaled_size(height: int, width: int, outscale: float) -> tuple[int, int]:
  """Height and width of the result of `upscale`."""
  high, wide = (math.ceil(side * outscale - 1e-9) for side in (height, width))
  return high, wide
