"""Full-reference quality of images on the 0..255 scale, in float64 on the host.

Every function takes two arrays of one shape, `[H, W]` or `[H, W, C]`, and
leaves out `border` pixels on each side (the field shaves as many as the scale).
"""

import numpy as np

from srfeat_jax.ops import similarity

SSIM_WINDOW = 11  # pixels
_PEAK = 255.0


def mse(a: np.ndarray, b: np.ndarray, border: int = 0) -> float:
  """Mean squared error in squared levels."""
  a, b = _prepare(a, b, border)
  return float(np.mean((a - b) ** 2))


def psnr(a: np.ndarray, b: np.ndarray, border: int = 0) -> float:
  """Peak signal-to-noise ratio in dB; infinite for equal images."""
  error = mse(a, b, border)
  return float("inf") if error == 0 else float(10 * np.log10(_PEAK**2 / error))


def ssim(a: np.ndarray, b: np.ndarray, border: int = 0) -> float:
  """Structural similarity (Wang et al. 2004) as MATLAB's `ssim.m` has it.

  Gaussian window of 11 pixels, sigma 1.5, only where it lies within the image;
  the mean over channels for color.

  Raises:
    ValueError: shapes differ, or less than 11 pixels are left on a side.
  """
  a, b = _prepare(a, b, border)
  if min(a.shape[:2]) < SSIM_WINDOW:
    raise ValueError(
      f"SSIM needs at least 11x11 pixels, got {a.shape[1]}x{a.shape[0]}"
      f" after shaving {border}"
    )
  c1, c2 = (0.01 * _PEAK) ** 2, (0.03 * _PEAK) ** 2
  mean_a, mean_b = _window(a), _window(b)
  variance_a = _window(a * a) - mean_a**2
  variance_b = _window(b * b) - mean_b**2
  covariance = _window(a * b) - mean_a * mean_b
  luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
  structure = (2 * covariance + c2) / (variance_a + variance_b + c2)
  return float(np.mean(luminance * structure))


def ms_ssim(a: np.ndarray, b: np.ndarray, border: int = 0) -> float:
  """MS-SSIM (Wang et al. 2003) on five scales, see `similarity.ms_ssim`.

  The mean over channels for color. Where contrasts are opposed on a scale it is
  0, as in pytorch-msssim.

  Raises:
    ValueError: shapes differ, or less than 176 pixels are left on a side.
  """
  a, b = _prepare(a, b, border)
  if min(a.shape[:2]) < similarity.LEAST_SIDE:
    raise ValueError(
      f"MS-SSIM needs at least {similarity.LEAST_SIDE} pixels a side, got"
      f" {a.shape[1]}x{a.shape[0]} after shaving {border}"
    )
  a, b = (np.atleast_3d(image)[None] / _PEAK for image in (a, b))
  return float(np.mean(similarity.ms_ssim(a, b)))


def _window(x: np.ndarray) -> np.ndarray:
  from scipy import ndimage  # takes as long to import as all else here together

  offsets = np.arange(11) - 5
  weights = np.exp(-(offsets**2) / (2 * 1.5**2))
  weights /= weights.sum()
  for axis in (0, 1):
    x = ndimage.correlate1d(x, weights, axis=axis)
  return x[5:-5, 5:-5]


def _prepare(a, b, border: int) -> tuple[np.ndarray, np.ndarray]:
  if a.shape != b.shape:
    raise ValueError(f"images differ in shape: {a.shape} and {b.shape}")
  if min(a.shape[:2]) <= 2 * border:
    raise ValueError(f"nothing is left of {a.shape} after shaving {border}")
  kept = slice(border, -border or None)
  a, b = a[kept, kept], b[kept, kept]
  return a.astype(np.float64), b.astype(np.float64)
