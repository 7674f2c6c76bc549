"""Pictures of any size through a network in tiles, as if in one piece.

A network with zero padding errs near the edges of what it is given, unless
these are the picture's own edges, where it is meant to pad. So tiles, which
have one shape, lie inside the picture, and what is too near to their other
edges is thrown away; if that is no less than the network's receptive radius,
the result is that of the whole picture, up to the rounding of floats. A picture
smaller than the tile is mirrored beyond its last row and column to fill it, and
the network is told how much of the tile is the picture.
"""

import dataclasses
import itertools
from collections.abc import Callable, Iterator

import numpy as np

from srfeat_jax.inference import overlap as overlap_lib

# From tiles [b, h, w, c] and the (height, width) in which they show the picture
# to [b, scale * h, scale * w, c], perhaps still being computed.
Network = Callable[[np.ndarray, tuple[int, int]], object]


@dataclasses.dataclass(frozen=True)
class Tiling:
  """How a picture is cut; lengths are in LR pixels.

  Attributes:
    scale: the network's enlargement.
    tile: height and width of a tile.
    overlap: what neighbours overlap by.
    batch: tiles given to the network at once.
  """

  scale: int
  tile: tuple[int, int]
  overlap: overlap_lib.Overlap
  batch: int = 1


@dataclasses.dataclass(frozen=True)
class _Span:
  """One tile along one axis, in LR pixels.

  Attributes:
    start: where the tile begins.
    low: first pixel that is kept.
    high: the pixel after the last that is kept.
    before: how many pixels from `low` on are shared with the tile before.
    after: how many pixels up to `high` are shared with the tile after.
  """

  start: int
  low: int
  high: int
  before: int
  after: int


def upscale_tiled(
  network: Network,
  lr: np.ndarray,
  tiling: Tiling,
  on_pixels: Callable[[int], object] | None = None,
) -> np.ndarray:
  """Enlarges a picture, a batch of tiles at a time.

  The next batch is given to the network before the last one's result is waited
  for. Besides the result nothing is made that grows with the picture.

  Args:
    network: see `Network`; its results have lr's dtype.
    lr: [H, W, c].
    tiling: how to cut it.
    on_pixels: called after each batch with the number of LR pixels it has
      finished; over a picture they add up to H * W.

  Returns:
    [scale * H, scale * W, c] of lr's dtype.
  """
  height, width, channels = lr.shape
  scale = tiling.scale
  sr = np.zeros((scale * height, scale * width, channels), lr.dtype)
  canvas = _Canvas(sr, scale)
  inside = tuple(
    min(side, tiling.overlap.whole_folds(length))
    for side, length in zip(tiling.tile, lr.shape, strict=False)
  )
  rows, columns = (
    list(_spans(length, side, tiling.overlap))
    for side, length in zip(tiling.tile, lr.shape, strict=False)
  )
  places = itertools.product(rows, columns)
  running = None
  while batch := list(itertools.islice(places, tiling.batch)):
    # The last batch is filled up with what it begins with.
    tiles = np.stack(
      [
        _cut(lr, *batch[i % len(batch)], tiling.tile)
        for i in range(tiling.batch)
      ]
    )
    started = batch, network(tiles, inside)
    if running:
      _keep(canvas, *running, on_pixels)
    running = started
  _keep(canvas, *running, on_pixels)
  return sr


def _keep(canvas, batch, results, on_pixels) -> None:
  """Waits for the results of a batch and puts them where they belong."""
  pixels = 0
  for (row, column), result in zip(batch, np.asarray(results), strict=False):
    canvas.put(row, column, result)
    pixels += (row.high - row.low - row.before) * (
      column.high - column.low - column.before
    )
  if on_pixels:
    on_pixels(pixels)


class _Canvas:
  """The result, filled from left to right and from top to bottom.

  Neighbours in a row fade into each other before either is put down, and what
  comes of it then fades into the row above: so nothing of a tile shows where
  four of them meet.
  """

  def __init__(self, sr: np.ndarray, scale: int):
    self._sr = sr
    self._scale = scale
    self._left = None  # what the tile to the left shares with the next

  def put(self, row: _Span, column: _Span, result: np.ndarray) -> None:
    """Puts a tile's [scale * tile, scale * tile, c] down."""
    scale = self._scale
    above, left, right = (
      scale * shared for shared in (row.before, column.before, column.after)
    )
    new = result[
      _scaled(row, scale, row.start), _scaled(column, scale, column.start)
    ]
    target = self._sr[_scaled(row, scale), _scaled(column, scale)]
    shared = self._left
    if right:
      self._left = new[:, -right:].copy()
      new, target = new[:, :-right], target[:, :-right]
    if left:
      faded = _faded(shared, new[:, :left], axis=1)
      new = np.concatenate([faded, new[:, left:]], axis=1)
    if above:
      faded = _faded(target[:above], new[:above], axis=0)
      new = np.concatenate([faded, new[above:]], axis=0)
    if new.dtype != target.dtype:
      new = np.rint(new)
    target[:] = new


def _faded(old: np.ndarray, new: np.ndarray, axis: int) -> np.ndarray:
  """From the old to the new along an axis, in float32."""
  length = new.shape[axis]
  weight = (np.arange(length, dtype=np.float32) + 0.5) / length
  weight = np.expand_dims(weight, [i for i in range(3) if i != axis])
  return old + weight * (new.astype(np.float32) - old)


def _spans(
  length: int, side: int, overlap: overlap_lib.Overlap
) -> Iterator[_Span]:
  """Yields the tiles along an axis."""
  last = max(0, overlap.whole_folds(length) - side)
  if last and side < overlap.shortest_side:
    raise ValueError(f"side {side} must be {overlap.shortest_side} or more")
  low = before = 0
  while True:
    start = max(0, min(low - overlap.thrown, last))
    if start == last:
      yield _Span(start, low, length, before, 0)
      return
    high = start + side - overlap.thrown
    yield _Span(start, low, high, before, overlap.feather)
    low, before = high - overlap.feather, overlap.feather


def _cut(
  lr: np.ndarray, row: _Span, column: _Span, tile: tuple[int, int]
) -> np.ndarray:
  height, width = tile
  piece = lr[row.start : row.start + height, column.start :][:, :width]
  beyond = [(0, height - piece.shape[0]), (0, width - piece.shape[1]), (0, 0)]
  # Mirrored, so that kernels which enlarge find what they would make up.
  return np.pad(piece, beyond, mode="symmetric")


def _scaled(span: _Span, scale: int, origin: int = 0) -> slice:
  return slice(scale * (span.low - origin), scale * (span.high - origin))
