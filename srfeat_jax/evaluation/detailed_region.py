"""Where in an image there is most detail."""

import numpy as np


def find(energy: np.ndarray, height: int, width: int) -> tuple[int, int]:
  """Finds the rectangle with the largest sum.

  Args:
    energy: [H, W], how much detail each pixel has.
    height: of the rectangle, from 1 to H.
    width: likewise, from 1 to W.

  Returns:
    Top and left of the rectangle, the first one of several.
  """
  # Sums over all rectangles from the top left corner give those of any other.
  total = np.pad(energy.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
  sums = (
    total[height:, width:]
    - total[:-height, width:]
    - total[height:, :-width]
    + total[:-height, :-width]
  )
  top, left = np.unravel_index(sums.argmax(), sums.shape)
  return int(top), int(left)
