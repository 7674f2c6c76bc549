"""Images of any size through a network in tiles, as if in one piece.

A network with zero padding makes errors near the edges of its input, except at
the image's own edges, where the padding is what it was trained with. So all
tiles have one shape and lie within the image, and a margin is cropped from the
other edges of their results; if it is no less than the network's receptive
radius, the result is that of the whole image, up to the rounding of floats. An
image smaller than the tile is mirrored beyond its last row and column to fill
the tile, and the network is told which part of the tile is the image.
"""

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np

from srfeat_jax.inference import overlap as overlap_lib

# From tiles [b, h, w, c] and the (height, width) of their part that shows the
# image, to [b, scale * h, scale * w, c], which may still be computing.
Network = Callable[[np.ndarray, tuple[int, int]], object]


@dataclasses.dataclass(frozen=True)
class Tiling:
  """How an image is cut into tiles; lengths are in LR pixels.

  Attributes:
    scale: the network's scale factor.
    tile: height and width of a tile.
    overlap: how tiles overlap.
    batch: number of tiles that go through the network at once.
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
    low: the first pixel that is kept.
    high: the pixel after the last that is kept.
    before: how many pixels from `low` on are shared with the previous tile.
    after: how many pixels up to `high` are shared with the next tile.
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
  """Upscales an image, a batch of tiles at a time.

  Each batch is started before the result of the previous one is awaited.
  Nothing but the result takes memory that grows with the image.

  Args:
    network: see `Network`; its results have the dtype of `lr`.
    lr: [H, W, c].
    tiling: how to cut the image.
    on_pixels: called after each batch with the number of LR pixels that it has
      finished; their sum over an image is H * W.

  Returns:
    [scale * H, scale * W, c] in the dtype of `lr`.
  """
  height, width, channels = lr.shape
  scale = tiling.scale
  sr = np.zeros((scale * height, scale * width, channels), lr.dtype)
  canvas = _Canvas(sr, scale)
  valid_height, valid_width = (
    min(side, tiling.overlap.round_up(length))
    for side, length in zip(tiling.tile, lr.shape, strict=False)
  )
  rows, columns = (
    list(_spans(length, side, tiling.overlap))
    for side, length in zip(tiling.tile, lr.shape, strict=False)
  )
  places = itertools.product(rows, columns)
  running = None
  while batch := list(itertools.islice(places, tiling.batch)):
    # The last batch is filled by repeating its first tiles.
    tiles = np.stack(
      [
        _cut(lr, *batch[i % len(batch)], tiling.tile)
        for i in range(tiling.batch)
      ]
    )
    started = batch, network(tiles, (valid_height, valid_width))
    if running:
      _keep(canvas, *running, on_pixels)
    running = started
  assert running  # an image has at least one tile
  _keep(canvas, *running, on_pixels)
  return sr


def num_computed(shape: tuple[int, int], tiling: Tiling) -> int:
  """Counts the LR pixels that go through the network for an image.

  Args:
    shape: height and width of the image.
    tiling: how it is cut.

  Returns:
    The pixels of all tiles with their margins, and of those that fill the last
    batch: at least the image's.
  """
  count = math.prod(
    sum(1 for _ in _spans(length, side, tiling.overlap))
    for length, side in zip(shape, tiling.tile, strict=True)
  )
  batches = math.ceil(count / tiling.batch)
  return batches * tiling.batch * math.prod(tiling.tile)


def _keep(canvas, batch, results, on_pixels) -> None:
  """Waits for the results of a batch and writes them where they belong."""
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

  Neighbors in a row are faded into each other before either is written, and
  the result is faded into the row above: so no seam shows where four tiles
  meet.
  """

  def __init__(self, sr: np.ndarray, scale: int):
    self._sr = sr
    self._scale = scale
    # What the tile on the left shares with the next one.
    self._left: np.ndarray | None = None

  def put(self, row: _Span, column: _Span, result: np.ndarray) -> None:
    """Writes the result of a tile, [scale * tile, scale * tile, c]."""
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
    if left and shared is not None:
      faded = _faded(shared, new[:, :left], axis=1)
      new = np.concatenate([faded, new[:, left:]], axis=1)
    if above:
      faded = _faded(target[:above], new[:above], axis=0)
      new = np.concatenate([faded, new[above:]], axis=0)
    if new.dtype != target.dtype:
      new = np.rint(new)
    target[:] = new


def _faded(old: np.ndarray, new: np.ndarray, axis: int) -> np.ndarray:
  """Blends linearly from the old to the new along an axis, in float32."""
  length = new.shape[axis]
  weight = (np.arange(length, dtype=np.float32) + 0.5) / length
  weight = np.expand_dims(weight, [i for i in range(3) if i != axis])
  return old + weight * (new.astype(np.float32) - old)


def _spans(
  length: int, side: int, overlap: overlap_lib.Overlap
) -> Iterator[_Span]:
  """Yields the tiles along an axis."""
  last = max(0, overlap.round_up(length) - side)
  if last and side < overlap.min_tile:
    raise ValueError(f"side {side} must be {overlap.min_tile} or more")
  low = before = 0
  while True:
    start = max(0, min(low - overlap.margin, last))
    if start == last:
      yield _Span(start, low, length, before, 0)
      return
    high = start + side - overlap.margin
    yield _Span(start, low, high, before, overlap.feather)
    low, before = high - overlap.feather, overlap.feather


def _cut(
  lr: np.ndarray, row: _Span, column: _Span, tile: tuple[int, int]
) -> np.ndarray:
  height, width = tile
  piece = lr[row.start : row.start + height, column.start :][:, :width]
  beyond = [(0, height - piece.shape[0]), (0, width - piece.shape[1]), (0, 0)]
  # Mirrored, as the kernels that upscale a residual base pad images.
  return np.pad(piece, beyond, mode="symmetric")


def _scaled(span: _Span, scale: int, origin: int = 0) -> slice:
  return slice(scale * (span.low - origin), scale * (span.high - origin))
