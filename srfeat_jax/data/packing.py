"""Packing: which images lie in which row of an array of bytes.

No image is divided, so that positions within a row fit in 32 bits however large
the array is; and rows are so short that one can be filled on the host and then
sent.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

_ROW_BYTES = 2**28
_ROWS_PER_DEVICE = 8  # at least, of small sets: so little is left over
_IMAGES_PER_ROW = 4  # likewise


@dataclasses.dataclass(frozen=True)
class Places:
  """Where images are.

  Attributes:
    rows: int64 [n], of each image.
    starts: int64 [n], the byte of the row at which it begins.
  """

  rows: np.ndarray
  starts: np.ndarray

  def __getitem__(self, index: slice) -> "Places":
    return Places(self.rows[index], self.starts[index])


@dataclasses.dataclass(frozen=True)
class Packing:
  """Where all images of a set are.

  Attributes:
    places: of the images.
    num_rows: a multiple of the number of devices.
    row_bytes: of each row, its end unused.
  """

  places: Places
  num_rows: int
  row_bytes: int

  @property
  def num_bytes(self) -> int:
    """Of all rows."""
    return self.num_rows * self.row_bytes


def pack(sizes: Sequence[int], devices: int) -> Packing:
  """Puts images one after the other into rows.

  Args:
    sizes: of the images, in bytes.
    devices: between which the rows are to be divided.
  """
  largest = max(sizes)
  row_bytes = max(
    largest,
    min(
      _ROW_BYTES,
      max(
        _IMAGES_PER_ROW * largest, sum(sizes) // (_ROWS_PER_DEVICE * devices)
      ),
    ),
  )
  rows, starts = [], []
  row = start = 0
  for size in sizes:
    if start + size > row_bytes:
      row, start = row + 1, 0
    rows.append(row)
    starts.append(start)
    start += size
  return Packing(
    Places(np.array(rows), np.array(starts)),
    num_rows=-(-(row + 1) // devices) * devices,
    row_bytes=row_bytes,
  )
