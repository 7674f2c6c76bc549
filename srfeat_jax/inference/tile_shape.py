"""Which shape of tile a picture is done in.

One shape for all would be least to compile, and a picture's own least to
compute: a small picture in a large tile is mostly padding, and one a little
larger than the tile is computed twice. So shapes come from a short list of
sides, of which the roundest that wastes little is taken. It depends on nothing
but the picture's size: pictures enlarged together come out as they do alone.
"""

import itertools

from srfeat_jax.inference import overlap as overlap_lib

_PARTS = 16  # sides are sixteenths of the square tile's
_SHORTEST = 32  # LR pixels: no picture is small enough to want less
_WASTE = 1.125  # times the least that could be computed along an axis
# How far beyond the picture, if at all, its mirrored pixels must go: as far as
# the kernel reaches that enlarges a residual base.
_MARGIN = 2


def choose(
  shape: tuple[int, int],
  largest: int,
  overlap: overlap_lib.Overlap,
  square: bool,
) -> tuple[int, int]:
  """Chooses the shape of a picture's tiles.

  Args:
    shape: height and width of the picture.
    largest: side of the largest square tile, a multiple of the fold. No tile
      has a larger area, but for a few pixels a side of square ones at times.
    overlap: what neighbours overlap by.
    square: whether tiles must be.

  Returns:
    Height and width.
  """
  shape = tuple(overlap.whole_folds(length) for length in shape)
  costs = [_costs(length, largest, overlap) for length in shape]
  if not square:
    whole = tuple(
      _roundest(
        {side: n for side, n in each.items() if side >= length}, largest
      )
      for length, each in zip(shape, costs, strict=True)
    )
    if whole[0] * whole[1] <= largest**2:
      return whole
  costs = [
    {side: n for side, n in each.items() if side <= largest} for each in costs
  ]
  if not square:
    return tuple(_roundest(each, largest) for each in costs)
  both = {
    side: costs[0][side] * costs[1][side]
    for side in costs[0].keys() & costs[1].keys()
  }
  side = _roundest(both, largest) if both else largest
  while any(0 < side - length < _MARGIN for length in shape):
    side += overlap.fold
  return side, side


def _costs(
  length: int, largest: int, overlap: overlap_lib.Overlap
) -> dict[int, int]:
  """What is computed along an axis with each side that there is."""
  shortest = overlap.whole_folds(min(_SHORTEST, largest))
  sides = {shortest}
  for i in itertools.count(1):
    side = overlap.whole_folds(largest * i / _PARTS)
    if side > shortest:
      sides.add(side)
    if side >= max(2 * length, largest):
      break
  if any(0 < side - length < _MARGIN for side in sides):
    sides.add(length)  # in the place of those
  costs = {}
  for side in sides:
    kept = side - 2 * overlap.thrown - overlap.feather
    if length <= side:
      count = 1
    elif side >= overlap.shortest_side:
      count = 1 - (length - side) // -kept
    else:
      continue
    if not 0 < side - length < _MARGIN:
      costs[side] = count * side
  return costs


def _roundest(costs: dict[int, int], largest: int) -> int:
  """Of the sides that cost little more than the least, the most usual."""
  most = _WASTE * min(costs.values())

  def roundness(side: int) -> tuple[int, int]:
    parts, rest = divmod(side * _PARTS, largest)
    return (0 if rest else parts & -parts), side

  return max((side for side in costs if costs[side] <= most), key=roundness)
