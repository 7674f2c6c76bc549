"""How large tiles may be: by what compiled programs say that they take."""

import functools
import math

import jax
import jax.numpy as jnp
from flax import linen as nn

from srfeat_jax.inference import network

_PROBE = 64  # side of the tile that is compiled to see what it takes
_STEP = 64
_LARGEST = 1024  # from here on overlaps cost next to nothing
# Convolutions' own work space, which XLA does not count on CPUs: 18 % of the
# whole were measured for 32 channels, 12 % for 64.
_UNCOUNTED = 1.25


def default_budget() -> int:
  """Bytes a device may take for a tile, unless told otherwise.

  A quarter of an accelerator's memory; 1.5 GiB of a CPU's, which others use.
  """
  statistics = jax.local_devices()[0].memory_stats() or {}
  return statistics.get("bytes_limit", 6 * 2**30) // 4


def largest_tile(generator: nn.Module, ensemble: bool, budget: int) -> int:
  """Chooses the side of tiles.

  Args:
    generator: as for `network.enlarge`.
    ensemble: likewise.
    budget: bytes that a device may take for one tile, without the weights.

  Returns:
    LR pixels, at most 1024; 0 where even the smallest would take more.
  """
  side = math.sqrt(budget / _bytes_per_pixel(generator, ensemble))
  return min(int(side) // _STEP * _STEP, _LARGEST)


def is_exhausted(error: Exception) -> bool:
  """Whether this is what host or device raise when memory runs out."""
  return isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)


@functools.lru_cache(maxsize=16)
def _bytes_per_pixel(generator: nn.Module, ensemble: bool) -> float:
  """Bytes a device takes for each LR pixel: all maps grow with the area."""
  lr = jax.ShapeDtypeStruct((1, _PROBE, _PROBE, 3), jnp.float32)
  variables = jax.eval_shape(generator.init, jax.random.key(0), lr)
  program = network.enlarge.lower(
    generator, variables, lr, (_PROBE, _PROBE), ensemble=ensemble
  ).compile()
  taken = program.memory_analysis()
  total = taken.temp_size_in_bytes + taken.output_size_in_bytes
  return _UNCOUNTED * total / _PROBE**2
