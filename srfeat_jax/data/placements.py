"""Where images lie in device memory, for crops without their pixels.

A placement stands for an image in what draws crops: it has a shape, and is cut
and turned as an array would be, but all that becomes of it is five numbers.
Images lie in the rows of one array of bytes, each within a row.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from srfeat_jax import errors
from srfeat_jax.data import packing, pairs

_CHANNELS = 3
# Of an image that is not there, which is black.
_NOWHERE = np.array([-1, 0, 0, 0, 0], np.int32)
NUMBERS_BYTES = _NOWHERE.nbytes  # of a crop


@dataclasses.dataclass(frozen=True, slots=True)
class Placement:
  """An image, or a part of it, in device memory.

  Attributes:
    row: of the array of bytes.
    start: the byte of the row at which it begins.
    stride: bytes from a line of it to the next.
    height: in pixels.
    width: likewise.
    turns: quarter turns counterclockwise, as of `np.rot90`.
    flips: 1 if left and right are exchanged, after that.
  """

  row: int
  start: int
  stride: int
  height: int
  width: int
  turns: int = 0
  flips: int = 0

  @property
  def shape(self) -> tuple[int, int, int]:
    """Of the array that it stands for."""
    return self.height, self.width, _CHANNELS

  def __getitem__(self, index: tuple[slice, slice]) -> "Placement":
    """A rectangle of an image that was not turned."""
    (top, bottom, _), (left, right, _) = (
      part.indices(length)
      for part, length in zip(index, self.shape, strict=False)
    )
    start = self.start + top * self.stride + left * _CHANNELS
    return Placement(self.row, start, self.stride, bottom - top, right - left)

  def oriented(self, turns: int, flips: int) -> "Placement":
    """The placement, turned and flipped, of one that was not."""
    return dataclasses.replace(self, turns=turns, flips=flips)


class Placements:
  """A source, see `sources`, of the placements of another one's images."""

  mean_bytes = float(NUMBERS_BYTES)

  def __init__(
    self, source: Any, places: packing.Places, damaged: Sequence[int]
  ):
    """Finds what stands in for damaged images: the next good one.

    Args:
      source: of the images.
      places: of its images, in their order.
      damaged: the indices of those that cannot be decoded.

    Raises:
      errors.InputError: all are damaged.
    """
    self.pair_scale = getattr(source, "pair_scale", None)
    self.has_teacher = getattr(source, "has_teacher", False)
    self._sizes = source.sizes
    self._places = places
    if len(damaged) == len(source):
      raise errors.InputError(
        f"none of the {len(source)} images in {source.location} can be decoded:"
        " point config.data.train at undamaged files"
      )
    self._stands_in = _stands_in(len(source), damaged)

  def __len__(self) -> int:
    return len(self._sizes)

  def __getitem__(self, index: int) -> Placement | pairs.Pair:
    index = self._stands_in[index]
    row, start = int(self._places.rows[index]), int(self._places.starts[index])
    found = {}
    for name, (height, width) in parts_of(self._sizes[index]).items():
      found[name] = Placement(row, start, _CHANNELS * width, height, width)
      start += _CHANNELS * height * width
    return pairs.Pair(**found) if self.pair_scale else found["hr"]


def numbers(image: Any) -> Any:
  """What is sent to the device for a crop.

  Args:
    image: the placement of a crop, or what `pairs.entry` makes of some.

  Returns:
    For a placement int32 `[5]`: row, start, stride, turns and flips; of an
    image that is black because it is not there, the row is -1. For an entry, a
    dict of them, and "is_pair" if it is there.
  """
  if isinstance(image, dict):
    return {
      name: value if name == "is_pair" else numbers(value)
      for name, value in image.items()
    }
  if not isinstance(image, Placement):
    return _NOWHERE
  return np.array(
    [image.row, image.start, image.stride, image.turns, image.flips], np.int32
  )


def sizes_of(size: Any) -> Sequence[tuple[int, int]]:
  """Height and width of each image of what `sizes` of a source has."""
  return tuple(parts_of(size).values())


def parts_of(image: Any) -> dict[str, Any]:
  """The parts of a pair by name, or an image alone as "hr"."""
  return image.parts() if isinstance(image, pairs.Pair) else {"hr": image}


def num_bytes(size: Any) -> int:
  """Of the decoded image, or pair, of a size."""
  return sum(_CHANNELS * height * width for height, width in sizes_of(size))


def _stands_in(length: int, damaged: Sequence[int]) -> list[int]:
  """For each index itself, or the next that is not damaged."""
  bad = set(damaged)
  result = list(range(length))
  for index in bad:
    while result[index] in bad:
      result[index] = (result[index] + 1) % length
  return result
