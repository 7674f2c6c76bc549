"""How large tiles may be, by the memory that compiled programs report."""

import functools
import hashlib
import math
import pathlib
import re
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from srfeat_jax import models
from srfeat_jax.inference import compile_cache, overlap, tile_program

_PROBE = 64  # side of the tile that is compiled to measure its memory
_STEP = 64
_LARGEST = 1024  # from here on, overlaps cost next to nothing
# The convolutions' own workspace, which XLA does not count on CPUs: 18% of the
# total was measured for 32 channels, 12% for 64.
_UNCOUNTED = 1.25
# Numbers in an array: cuDNN's convolutions count them in 32 bits.
_MOST_NUMBERS = 2**31 - 1
_ARRAY = re.compile(r"tensor<(\d+(?:x\d+)*)x")


def default_budget() -> int:
  """Bytes that a tile may take on a device, by default.

  A quarter of an accelerator's memory; 1.5 GiB on a CPU, whose memory other
  programs use too.
  """
  statistics = jax.local_devices()[0].memory_stats() or {}
  return statistics.get("bytes_limit", 6 * 2**30) // 4


def largest_tile(
  generator: nn.Module,
  variables: Mapping[str, Any],
  ensemble: bool,
  budget: int,
) -> int:
  """Chooses the side of square tiles.

  Args:
    generator: as for `tile_program.upscale_tiles`.
    variables: likewise.
    ensemble: likewise.
    budget: bytes that one tile may take on a device, without the weights.

  Returns:
    LR pixels, at most 1024, a multiple of `unshuffle`, and so many that no
    array is too large for a GPU's convolutions; 0 if even the smallest tile
    would take more.
  """
  probe = overlap.exact(generator).round_up(_PROBE)
  per_pixel = _bytes(generator, variables, ensemble, probe) / probe**2
  side = min(math.sqrt(budget / per_pixel), _LARGEST)
  # No single array has more bytes than all together, nor numbers of one byte.
  if per_pixel * side**2 > _MOST_NUMBERS:
    numbers = _numbers(generator, variables, ensemble, probe) / probe**2
    side = min(side, math.sqrt(_MOST_NUMBERS / numbers))
  side = int(side) // _STEP * _STEP
  return side - side % overlap.unshuffle_of(generator)


def of_whole(
  generator: nn.Module,
  variables: Mapping[str, Any],
  ensemble: bool,
  shape: tuple[int, int],
) -> float:
  """Estimates what an image in one piece takes.

  Args:
    generator: as for `tile_program.upscale_tiles`.
    variables: likewise.
    ensemble: likewise.
    shape: height and width in LR pixels.

  Returns:
    Bytes on a device, without the weights. They grow as between two small
    images: with the area, or faster where positions are compared in pairs.
  """
  probe = overlap.exact(generator).round_up(_PROBE)
  small, large = (
    _bytes(generator, variables, ensemble, side) for side in (probe, 2 * probe)
  )
  growth = max(1.0, math.log(large / small, 4))
  return large * (shape[0] * shape[1] / (2 * probe) ** 2) ** growth


def is_exhausted(error: Exception) -> bool:
  """Whether this is the error of a host or device that runs out of memory."""
  return isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)


def _bytes(generator, variables, ensemble: bool, side: int) -> float:
  """Bytes that a square tile takes on a device."""
  return _of_tile("tile", _compiled_bytes, generator, variables, ensemble, side)


def _numbers(generator, variables, ensemble: bool, side: int) -> float:
  """Numbers in the largest array that a square tile needs."""
  return _of_tile(
    "numbers", _largest_array, generator, variables, ensemble, side
  )


def _of_tile(
  what: str, find_out: Callable, generator, variables, ensemble, side: int
) -> float:
  """What the program tells that upscales a tile, if need be from the disk."""
  leaves, tree = jax.tree.flatten(variables)
  shapes = tuple((leaf.shape, leaf.dtype) for leaf in leaves)
  arguments = (generator, tree, shapes, ensemble, side)
  # Another's class may change, and would be called the same.
  if type(generator) not in models.GENERATORS.values():
    return find_out(*arguments)
  return compile_cache.number(
    f"{what} {_code()} {arguments}", functools.partial(find_out, *arguments)
  )


@functools.cache
def _code() -> str:
  """A hash of the code of all networks."""
  folder = pathlib.Path(models.__file__).parent
  files = [each.read_bytes() for each in sorted(folder.rglob("*.py"))]
  return hashlib.sha256(b"".join(files)).hexdigest()


@functools.lru_cache(maxsize=16)
def _compiled_bytes(generator, tree, shapes, ensemble, side) -> float:
  program = _lowered(generator, tree, shapes, ensemble, side).compile()
  usage = program.memory_analysis()
  assert usage is not None
  return _UNCOUNTED * (usage.temp_size_in_bytes + usage.output_size_in_bytes)


@functools.lru_cache(maxsize=16)
def _largest_array(generator, tree, shapes, ensemble, side) -> int:
  text = _lowered(generator, tree, shapes, ensemble, side).as_text()
  return max(
    math.prod(map(int, sizes.split("x"))) for sizes in _ARRAY.findall(text)
  )


def _lowered(generator, tree, shapes, ensemble, side) -> jax.stages.Lowered:
  lr = jax.ShapeDtypeStruct((1, side, side, 3), jnp.float32)
  variables = jax.tree.unflatten(
    tree, [jax.ShapeDtypeStruct(*leaf) for leaf in shapes]
  )
  return tile_program.upscale_tiles.lower(
    generator, variables, lr, (side, side), ensemble=ensemble
  )
