"""NIQE, the quality of an image without a target (Mittal et al. 2013).

Statistics of an image's blocks are fitted by a Gaussian, whose distance from
that of undamaged photographs is the score: lower is better. In float64 on the
host. The mean and covariance of photographs are parameters, because the
published ones were measured on the authors' photographs.
"""

import functools

import numpy as np

from srfeat_jax.ops import resize

NUM_FEATURES = 36  # 18 on each of two scales
BLOCK = 96  # pixels a side, on the first scale
MIN_BLOCKS = 2  # of which there is a covariance
_WINDOW_SIDE, _WINDOW_SIGMA = 7, 7 / 6
# Places of the neighbors: below, right, and on both diagonals.
_SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))


def niqe(luma: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> float:
  """Scores an image, as the authors' MATLAB code does (equation 10).

  Blocks of 96 x 96 pixels from the top left corner on are used, and what is
  left over at the right and at the bottom is not.

  Args:
    luma: [H, W], Y or gray in whole levels, 0..255.
    mean: [36], of the features of photographs.
    covariance: [36, 36], likewise.

  Returns:
    The score, 0 or more; photographs have about 2 to 6.

  Raises:
    ValueError: not [H, W], less than two blocks, or less than two with any
      detail, as in a flat image, for which NIQE is not defined.
  """
  features = block_features(luma)
  complete = features[np.isfinite(features).all(axis=1)]
  if len(complete) < MIN_BLOCKS:
    raise ValueError(
      f"NIQE needs detail in {MIN_BLOCKS} blocks of {BLOCK} x {BLOCK} pixels,"
      f" and {len(complete)} of {len(features)} have any"
    )
  # A block that lacks one feature counts for the means of the others.
  sums = np.where(np.isfinite(features), features, 0).sum(axis=0)
  difference = sums / np.isfinite(features).sum(axis=0) - mean.reshape(-1)
  of_both = (np.cov(complete, rowvar=False) + covariance) / 2
  squared = difference @ np.linalg.pinv(of_both) @ difference
  return float(np.sqrt(max(squared, 0.0)))


def block_features(luma: np.ndarray) -> np.ndarray:
  """The 36 features of each block; NaN where one is not defined.

  Args:
    luma: [H, W], 0..255.

  Returns:
    [blocks, 36], float64.

  Raises:
    ValueError: not [H, W], or less than two blocks.
  """
  if luma.ndim != 2:
    raise ValueError(f"NIQE is of [H, W], not of {luma.shape}")
  rows, columns = (side // BLOCK for side in luma.shape)
  if rows * columns < MIN_BLOCKS:
    raise ValueError(
      f"NIQE needs {MIN_BLOCKS} blocks of {BLOCK} x {BLOCK} pixels, and there"
      f" are {rows * columns} in {luma.shape[0]} x {luma.shape[1]} (height x"
      " width)"
    )
  image = luma[: rows * BLOCK, : columns * BLOCK].astype(np.float64)
  scales = []
  for side in (BLOCK, BLOCK // 2):
    blocks = _normalized(image).reshape(rows, side, columns, side)
    blocks = blocks.transpose(0, 2, 1, 3).reshape(-1, side, side)
    scales.append([_features(block) for block in blocks])
    if side == BLOCK:
      image = resize.resize(image, 0.5)
  return np.concatenate(scales, axis=1)


def _normalized(image: np.ndarray) -> np.ndarray:
  """Subtracts local means, and divides by local deviations (equation 1)."""
  mean = _blurred(image)
  deviation = np.sqrt(np.abs(_blurred(image**2) - mean**2))
  return (image - mean) / (deviation + 1)


def _blurred(x: np.ndarray) -> np.ndarray:
  from scipy import ndimage  # takes as long to import as all else here together

  offsets = np.arange(_WINDOW_SIDE) - _WINDOW_SIDE // 2
  weights = np.exp(-(offsets**2) / (2 * _WINDOW_SIGMA**2))
  weights /= weights.sum()
  for axis in (0, 1):
    x = ndimage.correlate1d(x, weights, axis=axis, mode="nearest")
  return x


def _features(block: np.ndarray) -> list[float]:
  """The 18 features of a block: equations 4 to 8."""
  shape, left, right = _fit(block)
  features = [shape, (left + right) / 2]
  for shift in _SHIFTS:
    # Around the edges, as the authors' code has it.
    shape, left, right = _fit(block * np.roll(block, shift, axis=(0, 1)))
    _, _, of_mean = _gammas(shape)
    features += [shape, (right - left) * of_mean, left, right]
  return features


def _fit(values: np.ndarray) -> tuple[float, float, float]:
  """Fits an asymmetric generalized Gaussian by its moments.

  Returns:
    Its shape, and its scales to the left and to the right of 0. Of a side
    without values the scale is NaN, and the shape the first of the table, as in
    the authors' code.
  """
  shapes, ratios = _table()
  left, right = (
    np.sqrt(np.mean(side**2)) if side.size else np.nan
    for side in (values[values < 0], values[values > 0])
  )
  ratio = left / right
  if np.isnan(ratio):
    return float(shapes[0]), float(left), float(right)
  target = np.mean(np.abs(values)) ** 2 / np.mean(values**2)
  target *= (ratio**3 + 1) * (ratio + 1) / (ratio**2 + 1) ** 2
  place = int(np.searchsorted(ratios, target))
  nearby = range(max(0, place - 1), min(len(ratios), place + 1))
  shape = float(shapes[min(nearby, key=lambda i: abs(ratios[i] - target))])
  first, third, _ = _gammas(shape)
  to_scale = np.sqrt(first / third)
  return shape, float(left * to_scale), float(right * to_scale)


@functools.cache
def _table() -> tuple[np.ndarray, np.ndarray]:
  """Shapes, and of each the squared mean over the mean square, which grows."""
  from scipy import special

  shapes = np.arange(0.2, 10.001, 0.001)
  inverse = 1 / shapes
  ratios = special.gamma(2 * inverse) ** 2 / (
    special.gamma(inverse) * special.gamma(3 * inverse)
  )
  return shapes, ratios


@functools.lru_cache(maxsize=1 << 14)
def _gammas(shape: float) -> tuple[float, float, float]:
  """The gamma function of 1 / shape and 3 / shape, and the factor of a mean."""
  from scipy import special

  first, second, third = special.gamma(np.array([1.0, 2.0, 3.0]) / shape)
  return float(first), float(third), float(second / first)
