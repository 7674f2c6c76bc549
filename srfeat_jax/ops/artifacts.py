"""Measures of artifacts that upscalers add, in float64 on the host.

Each LR pixel becomes a block of `scale` x `scale` pixels; the position of a
pixel in its block, its row and column modulo `scale`, is its phase. A network
has kernels of its own for each phase, and so its errors may repeat with the
block. Images are on the 0..255 scale, begin with a whole block, and count up to
their edges; they need not end with one.
"""

import numpy as np


def checkerboard(luma: np.ndarray, scale: int) -> float:
  """How unevenly the steps between neighbors are spread over the phases.

  Natural images do not know where an LR pixel began, so the mean absolute
  difference of neighboring pixels is much the same at every phase. This is the
  largest over the smallest, the geometric mean of both directions: from 1, no
  checkerboard. It needs no target. Over the whole images of Set14 (geometric
  mean) HR has 1.06, srfeat-lite 1.21 and the srfeat-lite-gan of the same time
  1.52, whether Y is rounded or not; without a border of 4, 0.01 less.

  It is for networks: interpolation has about 1.5 for another reason, its phases
  being unequally smooth. It is blind to a grid with equal steps at every
  phase, which `phase_error` sees.

  Args:
    luma: [H, W]; Y or gray, in whole levels or not. The published Y, with
      levels from 16 to 235, serves: the ratio has no unit.
    scale: scale factor.

  Returns:
    The ratio; 1 for a direction without any differences; infinite where only
    some phases have none, as after repeating each pixel.

  Raises:
    ValueError: not [H, W], or a side of `scale` pixels or less.
  """
  if luma.ndim != 2 or min(luma.shape) <= scale:
    raise ValueError(
      f"a checkerboard shows in [H, W] of more than {scale} pixels a side, not"
      f" in {luma.shape}"
    )
  ratios = []
  for image in (luma, luma.T):
    steps = np.abs(np.diff(image.astype(np.float64), axis=1))
    means = [steps[:, phase::scale].mean() for phase in range(scale)]
    least, most = min(means), max(means)
    if most == 0:
      ratios.append(1.0)
    else:
      ratios.append(most / least if least else np.inf)
  return float(np.sqrt(np.prod(ratios)))


def phase_error(sr: np.ndarray, hr: np.ndarray, scale: int) -> float:
  """A grid that is the same all over the image, in 8-bit levels.

  The error SR - HR is averaged over the image at each of the `scale` x `scale`
  phases, where detail cancels and a fixed grid does not. This is the mean
  absolute deviation of these averages from their mean, over phases and
  channels. An even shift of color does not count; a grid that changes with
  the content escapes, see `checkerboard`.

  Args:
    sr: [H, W] or [H, W, C].
    hr: the target, of the same shape.
    scale: scale factor.

  Raises:
    ValueError: shapes differ, or a side is shorter than `scale`.
  """
  error = _error(sr, hr)
  if min(error.shape[:2]) < scale:
    raise ValueError(f"{sr.shape} has no whole block of {scale} x {scale}")
  means = np.array(
    [
      error[row::scale, column::scale].mean(axis=(0, 1))
      for row in range(scale)
      for column in range(scale)
    ]
  )
  return float(np.mean(np.abs(means - means.mean(axis=0))))


def color_error(sr: np.ndarray, hr: np.ndarray) -> float:
  """How far the image's mean color is off, in levels.

  Args:
    sr: [H, W] or [H, W, C].
    hr: the target, of the same shape.

  Returns:
    The mean over channels of the absolute difference of the channel's means.

  Raises:
    ValueError: shapes differ.
  """
  return float(np.mean(np.abs(_error(sr, hr).mean(axis=(0, 1)))))


def _error(sr: np.ndarray, hr: np.ndarray) -> np.ndarray:
  """Returns SR - HR as [H, W, C]."""
  if sr.shape != hr.shape:
    raise ValueError(f"images differ in shape: {sr.shape} and {hr.shape}")
  return np.atleast_3d(sr.astype(np.float64) - hr.astype(np.float64))
