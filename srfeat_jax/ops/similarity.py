"""Structural similarity on several scales, for numpy and JAX arrays alike.

Images are floats `[b, H, W, C]` in [0, 1].
"""

from typing import Any

import numpy as np

WINDOW = 11  # pixels a side
_SIGMA = 1.5
_CONSTANTS = (0.01**2, 0.03**2)
# Of the scales, the finest first (Wang et al. 2003, section 3.2).
_EXPONENTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
# Pixels a side of the smallest image that has the paper's five scales.
LEAST_SIDE = WINDOW << (len(_EXPONENTS) - 1)


def num_scales(side: int) -> int:
  """How many of the five scales have a window in them, see `ms_ssim`.

  Args:
    side: pixels of the shorter side.
  """
  return min(len(_EXPONENTS), (side // WINDOW).bit_length())


def ms_ssim(
  a: Any, b: Any, scales: int = len(_EXPONENTS), least: float = 0.0
) -> Any:
  """MS-SSIM of each channel (Wang et al. 2003, equation 7).

  A Gaussian window of 11 pixels, sigma 1.5, only where it lies within the
  image; from scale to scale the mean of 2x2 pixels, of which an odd last row or
  column is left out. Contrast and structure count on all scales, and luminance
  on the coarsest.

  Args:
    a: images.
    b: others of the same shape.
    scales: 5, or less for sides below 176 pixels: then their exponents are
      divided by their sum.
    least: what the similarity of a scale is at least. It can be below 0, of
      which there is no power; and powers have no slope at 0.

  Returns:
    `[b, C]`, 1 for equal images.
  """
  xp = a.__array_namespace__()
  exponents = np.array(_EXPONENTS[:scales])
  if scales < len(_EXPONENTS):  # the paper's do not quite sum to 1
    exponents /= exponents.sum()
  product = 1.0
  for i, exponent in enumerate(exponents.tolist()):
    luminance, structure = _similarities(a, b)
    last = i == len(exponents) - 1
    mean = xp.mean(luminance * structure if last else structure, axis=(1, 2))
    product = (
      product * xp.maximum(mean, xp.asarray(least, mean.dtype)) ** exponent
    )
    a, b = _halved(a), _halved(b)
  return product


def _similarities(a: Any, b: Any) -> tuple[Any, Any]:
  """SSIM's two factors at each position: of luminance, and of structure."""
  mean_a, mean_b = _gaussian(a), _gaussian(b)
  variances = _gaussian(a * a + b * b) - mean_a**2 - mean_b**2
  covariance = _gaussian(a * b) - mean_a * mean_b
  c1, c2 = _CONSTANTS
  luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
  return luminance, (2 * covariance + c2) / (variances + c2)


def _gaussian(x: Any) -> Any:
  """Means in SSIM's window, only where it lies within the image."""
  offsets = np.arange(WINDOW) - WINDOW // 2
  weights = np.exp(-(offsets**2) / (2 * _SIGMA**2))
  weights = (weights / weights.sum()).astype(x.dtype)
  # Sums of slices: a convolution might have fewer bits on an accelerator.
  height, width = (side - WINDOW + 1 for side in x.shape[1:3])
  x = sum(weight * x[:, i : i + height] for i, weight in enumerate(weights))
  return sum(
    weight * x[:, :, i : i + width] for i, weight in enumerate(weights)
  )


def _halved(x: Any) -> Any:
  """The means of 2x2 pixels; an odd last row or column is left out."""
  height, width = (side - side % 2 for side in x.shape[1:3])
  x = x[:, :height, :width]
  rows = x[:, ::2] + x[:, 1::2]
  return (rows[:, :, ::2] + rows[:, :, 1::2]) / 4
