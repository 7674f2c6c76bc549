"""Colors for the transparent parts of an image, before it is upscaled."""

import numpy as np


def fill(color: np.ndarray, alpha: np.ndarray) -> np.ndarray:
  """Fills fully transparent pixels with the colors around them.

  Their colors in a file are arbitrary, often black: a network would draw an
  edge along them and mix them into the visible pixels. Colors are averaged over
  larger and larger squares, weighted by their opacity, until every pixel has
  one.

  Args:
    color: uint8 or uint16, [h, w] or [h, w, 3].
    alpha: in the same dtype, [h, w].

  Returns:
    The colors; where alpha is above 0 they are unchanged.
  """
  hidden = alpha == 0
  if not hidden.any() or hidden.all():
    return color
  weights = alpha[..., None].astype(np.float32) / np.iinfo(alpha.dtype).max
  around = _averaged(np.atleast_3d(color) * weights, weights)
  around = np.rint(around).astype(color.dtype).reshape(color.shape)
  return np.where(
    hidden if color.ndim == 2 else hidden[..., None], around, color
  )


def _averaged(colors: np.ndarray, weights: np.ndarray) -> np.ndarray:
  """Divides colors by their weights, from larger squares where those are 0.

  Args:
    colors: float [h, w, c], multiplied with their weights.
    weights: float [h, w, 1], some above 0.
  """
  unknown = weights == 0
  plain = colors / np.where(unknown, 1, weights)
  if not unknown.any():
    return plain
  height, width = weights.shape[:2]
  coarse = _averaged(_halved(colors), _halved(weights))
  coarse = coarse.repeat(2, axis=0)[:height].repeat(2, axis=1)[:, :width]
  return np.where(unknown, coarse, plain)


def _halved(values: np.ndarray) -> np.ndarray:
  """Sums squares of 2 x 2."""
  height, width = values.shape[:2]
  values = np.pad(values, ((0, height % 2), (0, width % 2), (0, 0)))
  rows = values[::2] + values[1::2]
  return rows[:, ::2] + rows[:, 1::2]
