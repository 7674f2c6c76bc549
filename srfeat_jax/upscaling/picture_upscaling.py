"""A person's picture through an upscaler, all that belongs to it with it."""

import dataclasses
import math
from collections.abc import Callable

import numpy as np

from srfeat_jax.image_io import pictures
from srfeat_jax.ops import resize
from srfeat_jax.upscaling import transparency

# From uint8 or uint16 [h, w] or [h, w, 3] and a callback for progress to the
# same enlarged, see `inference.upscaler`.
Upscaler = Callable[..., np.ndarray]


def enlarge(
  picture: pictures.Picture,
  upscale: Upscaler,
  scale: int,
  outscale: float | None = None,
  on_pixels: Callable[[int], object] | None = None,
) -> pictures.Picture:
  """Enlarges all frames of a picture.

  Transparency is enlarged by bicubic interpolation, apart from the colours;
  before these are, pixels that nobody sees get the colours of those around
  them, so that no fringe of other colours appears.

  Args:
    picture: what to enlarge.
    upscale: enlarges colours.
    scale: by how much it does.
    outscale: enlargement that is wanted, reached from what `upscale` gives by
      bicubic interpolation; None: `scale`.
    on_pixels: told the progress in pixels of `picture`; over all frames they
      add up to frames * h * w.

  Returns:
    The picture, [ceil(outscale * h), ceil(outscale * w)].
  """
  outscale = outscale or scale
  frames = []
  for index, color in enumerate(picture.frames):
    if picture.alphas:
      color = transparency.fill(color, picture.alphas[index])
    sr = upscale(color, on_pixels=on_pixels)
    frames.append(_resized(sr, outscale / scale))
  alphas = [_resized(alpha, outscale) for alpha in picture.alphas]
  return dataclasses.replace(picture, frames=frames, alphas=alphas)


def enlarged_size(height: int, width: int, outscale: float) -> tuple[int, int]:
  """Height and width of what `enlarge` gives."""
  return tuple(math.ceil(side * outscale - 1e-9) for side in (height, width))


def _resized(image: np.ndarray, scale: float) -> np.ndarray:
  """Resizes [h, w] or [h, w, c] bicubically."""
  if scale == 1:
    return image
  resized = resize.resize(np.atleast_3d(image), scale)
  return resized if image.ndim == 3 else resized[..., 0]
