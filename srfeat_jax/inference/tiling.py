"""Pictures of any size through a network in tiles, as if in one piece.

A network with zero padding errs near the edges of what it is given, unless
these are the picture's own edges, where it is meant to pad. So every tile lies
inside the picture, and of its other edges at least `overlap` pixels are thrown
away. With `overlap` no less than the network's receptive radius the result is
that of the whole picture, up to the rounding of floats.
"""

from collections.abc import Callable, Iterator

import numpy as np

Network = Callable[[np.ndarray], np.ndarray]


def upscale_tiled(
  network: Network,
  lr: np.ndarray,
  scale: int,
  tile: int,
  overlap: int,
  on_pixels: Callable[[int], object] | None = None,
) -> np.ndarray:
  """Enlarges a picture, a tile at a time.

  All tiles of a picture have one shape: `tile` high and wide, or the picture's
  own height or width where that is less.

  Args:
    network: maps uint8 [h, w, 3] to uint8 [scale * h, scale * w, 3].
    lr: uint8 [H, W, 3].
    scale: the network's enlargement.
    tile: side of a tile in LR pixels.
    overlap: LR pixels thrown away at a tile's inner edges.
    on_pixels: called after each tile with the number of LR pixels it has
      finished; over a picture they add up to H * W.

  Returns:
    uint8 [scale * H, scale * W, 3].

  Raises:
    ValueError: the tile is too small to keep anything of it.
  """
  if tile <= 2 * overlap:
    raise ValueError(f"tile {tile} must be above twice the overlap {overlap}")
  height, width = lr.shape[:2]
  sr = np.empty((scale * height, scale * width, 3), np.uint8)
  for top, *rows in _spans(height, tile, overlap):
    for left, *columns in _spans(width, tile, overlap):
      piece = network(lr[top : top + tile, left : left + tile])
      sr[_scaled(rows, scale), _scaled(columns, scale)] = piece[
        _scaled(rows, scale, top), _scaled(columns, scale, left)
      ]
      if on_pixels:
        on_pixels((rows[1] - rows[0]) * (columns[1] - columns[0]))
  return sr


def _spans(
  length: int, tile: int, overlap: int
) -> Iterator[tuple[int, int, int]]:
  """Yields where a tile starts, and the first and last + 1 pixel to keep."""
  tile = min(tile, length)
  low = 0
  while low < length:
    start = max(0, min(low - overlap, length - tile))
    end = start + tile
    high = length if end == length else end - overlap
    yield start, low, high
    low = high


def _scaled(span: list[int], scale: int, origin: int = 0) -> slice:
  low, high = span
  return slice(scale * (low - origin), scale * (high - origin))
