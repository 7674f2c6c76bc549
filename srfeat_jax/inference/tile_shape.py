"""The shape of the tiles that an image is cut into.

One shape for all images would mean the least to compile, and each image's own
shape the least to compute: a small image in a large tile is mostly padding, and
one a little larger than the tile is computed twice. So shapes come from a short
list of sides, of which the roundest that wastes little is taken: the less, the
more tiles there are, for what that saves grows with them, and a program is
compiled once. The choice depends on the image's size alone: images give the
same results alone as together with others.
"""

import itertools

from srfeat_jax.inference import overlap as overlap_lib

_PARTS = 16  # sides are sixteenths of the square tile's
_SHORTEST = 32  # LR pixels; shorter tiles would save nothing
# How much more than the least may be computed along an axis, as a share of it:
# by a few tiles, and by more of them in all as by two.
_WASTE, _FEW = 0.125, 3
# How far beyond the image its mirrored pixels must go, if there are any: as far
# as the kernel reaches that upscales a residual base.
_PADDING = 2


def choose(
  shape: tuple[int, int],
  largest: int,
  overlap: overlap_lib.Overlap,
  square: bool,
) -> tuple[int, int]:
  """Chooses the shape of an image's tiles.

  Args:
    shape: height and width of the image.
    largest: side of the largest square tile, a multiple of
      `overlap.unshuffle`. No tile has a larger area, except that square tiles
      are sometimes a few pixels larger.
    overlap: how tiles overlap.
    square: whether tiles must be square.

  Returns:
    Height and width.
  """
  shape = tuple(overlap.round_up(length) for length in shape)
  costs = [_costs(length, largest, overlap) for length in shape]
  if not square:
    whole = tuple(
      _roundest(
        {side: n for side, n in each.items() if side >= length}, largest
      )
      for length, each in zip(shape, costs, strict=True)
    )
    if whole[0] * whole[1] <= largest**2:
      return whole[0], whole[1]
  costs = [
    {side: n for side, n in each.items() if side <= largest} for each in costs
  ]
  if not square:
    height, width = (_roundest(each, largest) for each in costs)
    return height, width
  both = {
    side: costs[0][side] * costs[1][side]
    for side in costs[0].keys() & costs[1].keys()
  }
  side = _roundest(both, largest, axes=2) if both else largest
  while any(0 < side - length < _PADDING for length in shape):
    side += overlap.unshuffle
  return side, side


def _costs(
  length: int, largest: int, overlap: overlap_lib.Overlap
) -> dict[int, int]:
  """The pixels computed along an axis, by the tile's side."""
  shortest = overlap.round_up(min(_SHORTEST, largest))
  sides = {shortest}
  for i in itertools.count(1):
    side = overlap.round_up(largest * i / _PARTS)
    if side > shortest:
      sides.add(side)
    if side >= max(2 * length, largest):
      break
  if any(0 < side - length < _PADDING for side in sides):
    sides.add(length)  # in place of those
  costs = {}
  for side in sides:
    kept = side - 2 * overlap.margin - overlap.feather
    if length <= side:
      count = 1
    elif side >= overlap.min_tile:
      count = 1 - (length - side) // -kept
    else:
      continue
    if not 0 < side - length < _PADDING:
      costs[side] = count * side
  return costs


def _roundest(costs: dict[int, int], largest: int, axes: int = 1) -> int:
  """Of the sides that cost little more than the least, the most common."""
  tiles = min(cost // side**axes for side, cost in costs.items())
  count = tiles ** (1 / axes)  # along an axis
  waste = _WASTE if count <= _FEW else 2 * _WASTE / count
  most = (1 + waste) * min(costs.values())

  def roundness(side: int) -> tuple[int, int]:
    parts, rest = divmod(side * _PARTS, largest)
    return (0 if rest else parts & -parts), side

  return max((side for side in costs if costs[side] <= most), key=roundness)
