"""Upscalers: functions from an image to the upscaled image.

Images are [h, w, 3] in RGB or [h, w] in gray, uint8 or uint16; results have the
same number of channels and dtype, [scale * h, scale * w, 3] or [scale * h,
scale * w]. `Upscaler` makes such a function of a generator; `bicubic` is the
baseline that every generator is compared with.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from absl import logging
from flax import linen as nn
from jax.sharding import PartitionSpec as P

from srfeat_jax import errors, models
from srfeat_jax.inference import (
  equivalence,
  folding,
  overlap,
  tile_memory,
  tile_program,
  tile_shape,
  tiling,
)
from srfeat_jax.ops import resize

PRECISIONS = ("float32", "bfloat16")


class Upscaler:
  """A generator and its variables as a function of images.

  Images go through the network in tiles, as many at once as this process has
  devices. So images of any size take the same memory on a device, and on the
  host no more than they and their results take; see `tiling`. A program is
  compiled for each shape of tile, of which there are few (see `tile_shape`),
  and shared by all upscalers of the same generator. BatchNorm is folded.

  All this is done only as far as it leaves the generator's results as they are
  (see `equivalence`): one that needs the whole image gets it.

  Attributes:
    scale: the generator's scale factor.
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
    devices: Sequence[jax.Device] | None = None,
  ):
    """Prepares the variables; the first image sends them to the devices.

    Args:
      generator: any generator that keeps to the contract in `models`.
      variables: its "params" and, if it has them, "batch_stats": arrays that
        are fully addressable by this process.
      tile: side in LR pixels of the largest square tile; tiles of other shapes
        have no larger area. None: what `memory` allows. Without effect for a
        generator that needs the whole image.
      memory: bytes that a tile may take on a device, besides the weights; None:
        a quarter of the device's memory, 1.5 GiB on a CPU.
      ensemble: whether to use the geometric self-ensemble (x8): the mean over
        the image flipped and rotated in all eight ways, which is a little
        better and takes eight times as long.
      precision: "float32" (in full: by default, GPUs and TPUs use fewer bits)
        or "bfloat16"; None: the precision that the generator was built with.
      devices: of this process; None: all of them.

    Raises:
      errors.InputError: the tile is not larger than its margins, the memory is
        too little for any tile, there is no such precision, the generator has
        no field `dtype` to set it, or does not keep to the contract.
    """
    if precision not in (None, *PRECISIONS):
      raise errors.InputError(
        f'precision is "{precision}": expected float32 or bfloat16'
      )
    if precision and "dtype" not in models.fields_of(generator):
      raise errors.InputError(
        f"precision is {precision}, but {type(generator).__name__} has no field"
        " dtype to set it: leave precision out"
      )
    found = equivalence.of(generator, variables)
    self._overlap = found.overlap
    self._masking, self._rounding = found.masking, found.rounding
    self._unshuffle = overlap.unshuffle_of(generator)
    self.scale = generator.scale
    self._memory = memory
    self._ensemble = ensemble
    self._variables = dict(variables)
    if found.folding:
      self._variables = folding.fold(generator, variables)
    if precision:
      generator = generator.clone(dtype=precision)
    self._generator = generator
    self._largest = self._largest_tile(tile)
    self._devices = list(devices or jax.local_devices())
    self._placed = {}  # the variables by the number of devices they are on

  def __call__(
    self, lr: np.ndarray, on_pixels: Callable[[int], object] | None = None
  ) -> np.ndarray:
    """Upscales an image.

    The network sees a gray image as three equal channels; the luma of its
    output is returned. If memory runs out, this and all later images are
    upscaled in tiles of half the size, and a warning is logged.

    Args:
      lr: uint8 or uint16 [h, w, 3] or [h, w]; or float32 in [0, 1], for which
        the network's output is returned neither rounded nor clipped.
      on_pixels: called with the progress in LR pixels, see
        `tiling.upscale_tiled`.

    Returns:
      [scale * h, scale * w, 3] or [scale * h, scale * w] of the same dtype.

    Raises:
      errors.InputError: there is not enough memory for the smallest tiles.
    """
    progress = _Progress(on_pixels)
    while True:
      cut = self._tiling(lr.shape[:2])
      try:
        sr = tiling.upscale_tiled(
          self._network(cut.batch), np.atleast_3d(lr), cut, progress
        )
      except (MemoryError, jax.errors.JaxRuntimeError) as error:
        if not tile_memory.is_exhausted(error):
          raise
        self._halve(cut, lr.shape, error)
        progress.restart()
      else:
        return sr if lr.ndim == 3 else sr[..., 0]

  def num_computed(self, shape: tuple[int, int]) -> int:
    """Counts the LR pixels that go through the network for an image.

    Args:
      shape: height and width of the image.

    Returns:
      More than the image has, because tiles overlap: the time that the network
      takes grows with it.
    """
    return tiling.num_computed(shape, self._tiling(shape))

  def _tiling(self, shape: tuple[int, int]) -> tiling.Tiling:
    """Decides how an image is cut."""
    if self._overlap is None or (
      not self._rounding and any(side % self._unshuffle for side in shape)
    ):
      return self._whole(shape)
    height, width = tile_shape.choose(
      shape, self._largest, self._overlap, square=self._ensemble
    )
    if not self._masking:
      height, width = (
        min(side, self._overlap.round_up(length))
        for side, length in zip((height, width), shape, strict=True)
      )
    several = shape[0] > height or shape[1] > width
    batch = len(self._devices) if several else 1
    return tiling.Tiling(self.scale, (height, width), self._overlap, batch)

  def _whole(self, shape: tuple[int, int]) -> tiling.Tiling:
    """Takes an image in one piece, if memory allows."""
    cut = overlap.Overlap(0, 0, self._unshuffle if self._rounding else 1)
    height, width = (cut.round_up(length) for length in shape)
    budget = self._memory or tile_memory.default_budget()
    needed = tile_memory.of_whole(
      self._generator, self._variables, self._ensemble, (height, width)
    )
    if needed > budget:
      raise errors.InputError(
        f"{type(self._generator).__name__} needs the whole image at once, as it"
        f" cannot be cut into tiles, and {shape[1]} x {shape[0]} pixels take"
        f" about {_amount(int(needed))} of memory, more than the"
        f" {_amount(budget)} allowed: choose a smaller image, or allow more"
        " memory if there is more"
      )
    return tiling.Tiling(self.scale, (height, width), cut)

  def _largest_tile(self, chosen: int | None) -> int:
    """The side of the largest square tile; 0 if images are not cut."""
    if self._overlap is None:
      return 0
    least = self._overlap.min_tile
    if chosen is not None:
      if chosen < least:
        raise errors.InputError(
          f"a tile of {chosen} pixels is too small for this network, whose"
          f" tiles lose a margin of {self._overlap.margin} pixels on each side:"
          f" choose {least} or more, preferably twice that"
        )
      return chosen - chosen % self._overlap.unshuffle
    budget = self._memory or tile_memory.default_budget()
    tile = tile_memory.largest_tile(
      self._generator, self._variables, self._ensemble, budget
    )
    if tile < least:
      raise errors.InputError(
        f"{_amount(budget)} of memory are too little for this network: its"
        f" tiles need {least} pixels or more a side, and there"
        f" is memory for {tile or 'less than 64'}"
      )
    return tile

  def _network(self, num_devices: int) -> tiling.Network:
    """Returns the compiled network on this number of devices."""
    mesh = jax.make_mesh(
      (num_devices,),
      ("tiles",),
      axis_types=(jax.sharding.AxisType.Auto,),
      devices=self._devices[:num_devices],
    )
    if num_devices not in self._placed:
      everywhere = jax.NamedSharding(mesh, P())
      self._placed[num_devices] = jax.device_put(self._variables, everywhere)
    split = jax.NamedSharding(mesh, P("tiles"))

    def run(tiles: np.ndarray, valid: tuple[int, int]) -> jax.Array:
      return tile_program.upscale_tiles(
        self._generator,
        self._placed[num_devices],
        jax.device_put(tiles, split),
        valid,
        ensemble=self._ensemble,
      )

    return run

  def _halve(
    self, cut: tiling.Tiling, shape: tuple[int, ...], error: Exception
  ) -> None:
    """Halves the tiles of all later images."""
    short = (
      f"there is not enough memory to upscale an image of {shape[1]} x"
      f" {shape[0]} pixels"
    )
    height, width = cut.tile
    if cut.overlap is not self._overlap:
      raise errors.InputError(
        f"{short}, which {type(self._generator).__name__} needs in one piece:"
        " choose a smaller image"
      ) from error
    half = cut.overlap.round_up(math.sqrt(height * width) / 2)
    if half < cut.overlap.min_tile:
      raise errors.InputError(
        f"{short}, not even in tiles of {width} x {height}"
      ) from error
    logging.warning("out of memory: continuing with tiles of %d pixels", half)
    self._largest = half


def _amount(num_bytes: int) -> str:
  """Bytes in words."""
  for exponent, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
    if num_bytes >= 2**exponent:
      return f"{num_bytes / 2**exponent:.4g} {unit}"
  return f"{num_bytes} bytes"


class _Progress:
  """Reports pixels once, even if an image is started again."""

  def __init__(self, on_pixels: Callable[[int], object] | None):
    self._on_pixels = on_pixels
    self._done = self._reported = 0

  def __call__(self, pixels: int) -> None:
    self._done += pixels
    if self._on_pixels and self._done > self._reported:
      self._on_pixels(self._done - self._reported)
      self._reported = self._done

  def restart(self) -> None:
    self._done = 0


def bicubic(
  lr: np.ndarray,
  scale: int = 4,
  on_pixels: Callable[[int], object] | None = None,
) -> np.ndarray:
  """Upscales an image as MATLAB's `imresize` does.

  Args:
    lr: uint8 or uint16 [h, w, 3] or [h, w].
    scale: the scale factor.
    on_pixels: called once, with the number of LR pixels.

  Returns:
    [scale * h, scale * w, 3] or [scale * h, scale * w] of the same dtype.
  """
  if lr.dtype == np.uint16:
    sr = resize.resize(lr.astype(np.float64), scale)
    sr = np.floor(np.clip(sr, 0, 65535) + 0.5).astype(np.uint16)
  else:
    sr = resize.resize(lr, scale)
  if on_pixels:
    on_pixels(lr.shape[0] * lr.shape[1])
  return sr
