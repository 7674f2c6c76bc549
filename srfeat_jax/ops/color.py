"""Luma, for numpy and JAX arrays alike."""

from typing import Any


def rgb_to_y(rgb: Any) -> Any:
  """RGB `[..., 3]` in [0, 1] to BT.601 studio luma, [16/255, 235/255].

  MATLAB's `rgb2ycbcr` on doubles, which is the Y channel of the field's PSNR.
  """
  red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
  return (65.481 * red + 128.553 * green + 24.966 * blue + 16) / 255


def rgb_to_gray(rgb: Any) -> Any:
  """RGB `[..., 3]` in any range to full-range luma `[...]`: gray stays gray.

  The weights of `rgb_to_y` without its offset; a color network's output for a
  single-channel image is compared with that image through it.
  """
  red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
  return (65.481 * red + 128.553 * green + 24.966 * blue) / 219
