"""Arrays in PyTorch's layout and in ours.

Kernels are OIHW in PyTorch and HWIO here. The outputs of a convolution before a
pixel shuffle are ordered (channel, row, column) in PyTorch and (row, column,
channel) here.
"""

import numpy as np


def kernel(weight: np.ndarray) -> np.ndarray:
  """OIHW to HWIO."""
  return weight.transpose(2, 3, 1, 0)


def weight(kernel: np.ndarray) -> np.ndarray:
  """HWIO to OIHW."""
  return kernel.transpose(3, 2, 0, 1)


def to_depth_last(outputs: np.ndarray, factor: int = 2) -> np.ndarray:
  """Reorders the last axis from PyTorch's order to ours.

  Args:
    outputs: [..., factor**2 * c], as before a pixel shuffle.
    factor: of the pixel shuffle.
  """
  grouped = outputs.reshape(*outputs.shape[:-1], -1, factor**2)
  return grouped.swapaxes(-1, -2).reshape(outputs.shape)


def to_depth_first(outputs: np.ndarray, factor: int = 2) -> np.ndarray:
  """The inverse of `to_depth_last`."""
  grouped = outputs.reshape(*outputs.shape[:-1], factor**2, -1)
  return grouped.swapaxes(-1, -2).reshape(outputs.shape)
