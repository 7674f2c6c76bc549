"""What pairs of training images look like, measured before training begins."""

import statistics
from typing import Any

import numpy as np

from srfeat_jax.data import pairs
from srfeat_jax.ops import quality, resize

_MEASURED = 16  # pairs
_SIDE = 128  # LR pixels a side, from the middle of each
_BORDER = 4  # LR pixels that the surroundings of a part influence
# dB between LR images and bicubic of HR, in 8 bits. Pillow's differs from
# MATLAB's by rounding, 55 dB; Lanczos, bilinear kernels and means of squares
# have 38 to 44, JPEG at quality 75 has 31, kernels without antialiasing 25.
_SAME = 48.0
_SIMILAR = 30.0
_OTHER_CONTENT = 12.0


def sentence(source: Any, scale: int) -> str:
  """Describes the LR images of a source of pairs.

  Args:
    source: of `pairs.Pair`.
    scale: how many times larger HR is than LR.

  Returns:
    How many pairs there are, and whether LR looks like bicubic of HR: then with
    the PSNR between it and ours, the median of some pairs.
  """
  measured = min(_MEASURED, len(source))
  places = (len(source) * i // measured for i in range(measured))
  between = statistics.median(psnr(source[i], scale) for i in places)
  decibels = f"{between:.1f} dB between it and ours, median of {measured} pairs"
  if scale == 1:
    likeness = f"LR is as large as HR ({decibels})"
  elif between >= _SAME:
    likeness = f"LR is bicubic of HR as MATLAB and Pillow make it ({decibels})"
  elif between >= _SIMILAR:
    likeness = (
      f"LR looks like bicubic of HR, but not MATLAB's ({decibels}): scores on"
      " benchmark sets, whose LR is MATLAB's, will be lower"
    )
  elif between >= _OTHER_CONTENT:
    likeness = f"LR is not MATLAB's bicubic of HR ({decibels})"
  else:
    likeness = (
      f"LR does not look like HR at all ({decibels}): check that partners show"
      " the same"
    )
  return f"{source.identity.split(',')[0]} of HR and LR: {likeness}"


def psnr(pair: pairs.Pair, scale: int) -> float:
  """PSNR between the LR image of a pair and our bicubic of its HR image.

  Args:
    pair: of images.
    scale: how many times larger HR is than LR.

  Returns:
    dB, in RGB, of the middle of the image.
  """
  side = min(_SIDE, *pair.lr.shape[:2])
  part = pairs.center_crop(pair, scale * side, scale)
  expected = resize.resize(np.ascontiguousarray(part.hr), 1 / scale)
  border = min(_BORDER, (side - 1) // 2)
  return quality.psnr(part.lr, expected, border)
