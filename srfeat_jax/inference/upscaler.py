"""Upscalers: functions from a picture to the enlarged picture.

A picture is [h, w, 3] in RGB or [h, w] in gray, uint8 or uint16, and comes back
with as many channels and bits, [scale * h, scale * w, 3] or [scale * h,
scale * w]. `Upscaler` makes one of a generator; `bicubic` is the baseline that
every generator is compared with.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from absl import logging
from flax import linen as nn
from jax.sharding import PartitionSpec as P

from srfeat_jax import errors
from srfeat_jax.inference import (
  folding,
  memory,
  network,
  overlap,
  tile_shape,
  tiling,
)
from srfeat_jax.ops import resize

PRECISIONS = ("float32", "bfloat16")


class Upscaler:
  """A generator and its variables as a function of pictures.

  Pictures go through the network in tiles, of which as many at once as this
  process has devices, so that pictures of any size take no more memory on a
  device, and on the host no more than they and their results; see `tiling`. A
  program is compiled for each shape of tile, of which there are few, see
  `tile_shape`, and shared by all upscalers of the same generator. Batch
  normalisation is folded.

  Attributes:
    scale: the generator's enlargement.
  """

  def __init__(
    self,
    generator: nn.Module,
    variables: Mapping[str, Any],
    tile: int | None = None,
    *,
    memory: int | None = None,
    ensemble: bool = False,
    precision: str | None = None,
  ):
    """Prepares the variables; they go to the devices with the first picture.

    Args:
      generator: one of `models.build`.
      variables: its "params" and, if it has them, "batch_stats": arrays that
        this process can read whole.
      tile: side in LR pixels of the largest square tile, and others have no
        larger area; None: what `memory` allows.
      memory: bytes that a device may take for a tile, beside the weights; None:
        a quarter of what the device has, 1.5 GiB on a CPU.
      ensemble: the mean over the picture turned and mirrored in all eight ways,
        which is a little better and takes eight times as long.
      precision: "float32" (in full: GPUs and TPUs would use fewer bits unasked)
        or "bfloat16"; None: what the generator was built with.

    Raises:
      errors.InputError: the tile is not larger than what is thrown away of it,
        the memory is too little for any, or there is no such precision.
    """
    if precision not in (None, *PRECISIONS):
      raise errors.InputError(
        f'precision is "{precision}": expected float32 or bfloat16'
      )
    self._overlap = overlap.of(generator)
    least = self._overlap.shortest_side
    if tile is not None and tile < least:
      raise errors.InputError(
        f"The tile of {tile} pixels is too small: this network sees"
        f" {self._overlap.thrown} pixels around each, so choose a tile of"
        f" {least} or more, better twice that."
      )
    self.scale = generator.scale
    self._largest = tile and tile - tile % self._overlap.fold
    self._memory = memory
    self._ensemble = ensemble
    generator, self._variables = folding.fold(generator, variables)
    if precision:
      generator = generator.clone(dtype=precision)
    self._generator = generator
    if tile is None:
      self._largest = self._affordable_tile()
    self._placed = {}  # the variables by the number of devices they are on

  def __call__(
    self, lr: np.ndarray, on_pixels: Callable[[int], object] | None = None
  ) -> np.ndarray:
    """Enlarges a picture.

    A gray picture is given to the network as three equal channels; the luma of
    what comes out is returned. Where memory runs out tiles are halved, from
    here on, and a warning logged.

    Args:
      lr: uint8 or uint16 [h, w, 3] or [h, w]; or float32 in [0, 1], of which
        the result is what the network gives, neither rounded nor clipped.
      on_pixels: told the progress in LR pixels, see `tiling.upscale_tiled`.

    Returns:
      [scale * h, scale * w, 3] or [scale * h, scale * w] of the same dtype.

    Raises:
      errors.InputError: there is not memory enough for the smallest tiles.
    """
    progress = _Progress(on_pixels)
    while True:
      cut = self._tiling(lr.shape[:2])
      try:
        sr = tiling.upscale_tiled(
          self._network(cut.batch), np.atleast_3d(lr), cut, progress
        )
      except (MemoryError, jax.errors.JaxRuntimeError) as error:
        if not memory.is_exhausted(error):
          raise
        self._halve(cut.tile, lr.shape, error)
        progress.restart()
      else:
        return sr if lr.ndim == 3 else sr[..., 0]

  def _tiling(self, shape: tuple[int, int]) -> tiling.Tiling:
    """Decides how a picture is cut."""
    tile = tile_shape.choose(
      shape, self._largest, self._overlap, square=self._ensemble
    )
    several = shape[0] > tile[0] or shape[1] > tile[1]
    batch = len(jax.local_devices()) if several else 1
    return tiling.Tiling(self.scale, tile, self._overlap, batch)

  def _affordable_tile(self) -> int:
    budget = self._memory or memory.default_budget()
    tile = memory.largest_tile(self._generator, self._ensemble, budget)
    if tile < self._overlap.shortest_side:
      raise errors.InputError(
        f"{_amount(budget)} of memory are too little for this network:"
        f" its tiles need {self._overlap.shortest_side} pixels or more"
        f" a side, and {tile or 'not even 64'} is what there is memory for."
      )
    return tile

  def _network(self, num_devices: int) -> tiling.Network:
    """The compiled network on so many devices."""
    mesh = jax.make_mesh(
      (num_devices,),
      ("tiles",),
      axis_types=(jax.sharding.AxisType.Auto,),
      devices=jax.local_devices()[:num_devices],
    )
    if num_devices not in self._placed:
      everywhere = jax.NamedSharding(mesh, P())
      self._placed[num_devices] = jax.device_put(self._variables, everywhere)
    split = jax.NamedSharding(mesh, P("tiles"))

    def run(tiles: np.ndarray, inside: tuple[int, int]) -> jax.Array:
      return network.enlarge(
        self._generator,
        self._placed[num_devices],
        jax.device_put(tiles, split),
        inside,
        ensemble=self._ensemble,
      )

    return run

  def _halve(
    self, tile: tuple[int, int], shape: tuple[int, ...], error: Exception
  ) -> None:
    half = self._overlap.whole_folds(math.sqrt(tile[0] * tile[1]) / 2)
    if half < self._overlap.shortest_side:
      raise errors.InputError(
        f"There is not enough memory to enlarge a picture of {shape[1]} x"
        f" {shape[0]} pixels, not even in tiles of {tile[1]} x {tile[0]}."
      ) from error
    logging.warning("out of memory: going on with tiles of %d pixels", half)
    self._largest = half


def _amount(num_bytes: int) -> str:
  """Bytes in words."""
  for exponent, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
    if num_bytes >= 2**exponent:
      return f"{num_bytes / 2**exponent:.4g} {unit}"
  return f"{num_bytes} bytes"


class _Progress:
  """Tells of pixels once, also when a picture is begun again."""

  def __init__(self, on_pixels: Callable[[int], object] | None):
    self._on_pixels = on_pixels
    self._done = self._told = 0

  def __call__(self, pixels: int) -> None:
    self._done += pixels
    if self._on_pixels and self._done > self._told:
      self._on_pixels(self._done - self._told)
      self._told = self._done

  def restart(self) -> None:
    self._done = 0


def bicubic(
  lr: np.ndarray,
  scale: int = 4,
  on_pixels: Callable[[int], object] | None = None,
) -> np.ndarray:
  """Enlarges a picture as MATLAB's `imresize` does.

  Args:
    lr: uint8 or uint16 [h, w, 3] or [h, w].
    scale: enlargement.
    on_pixels: told the number of LR pixels, all at once.

  Returns:
    [scale * h, scale * w, 3] or [scale * h, scale * w] of the same dtype.
  """
  image = np.atleast_3d(lr)
  if lr.dtype == np.uint16:
    sr = resize.resize(image.astype(np.float64), scale)
    sr = np.floor(np.clip(sr, 0, 65535) + 0.5).astype(np.uint16)
  else:
    sr = resize.resize(image, scale)
  if on_pixels:
    on_pixels(lr.shape[0] * lr.shape[1])
  return sr if lr.ndim == 3 else sr[..., 0]
