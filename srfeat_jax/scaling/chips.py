"""What TPU chips can do, by generation, as published.

Peak and memory are those of Google Cloud's pages "TPU v4", "TPU v5e", "TPU
v5p" and "TPU v6e" (docs.cloud.google.com/tpu/docs). Links, the time of a hop,
and which axes of a slice are rings, are those of Austin et al. 2025, "How to
Scale Your Model", parts 2 and 3 (jax-ml.github.io/scaling-book).
"""

import dataclasses
from collections.abc import Mapping

SOURCES = (
  "https://docs.cloud.google.com/tpu/docs/v4",
  "https://docs.cloud.google.com/tpu/docs/v5e",
  "https://docs.cloud.google.com/tpu/docs/v5p",
  "https://docs.cloud.google.com/tpu/docs/v6e",
  "https://jax-ml.github.io/scaling-book/tpus",
  "https://jax-ml.github.io/scaling-book/sharding",
)
# What a message takes from a chip to its neighbor, however short it is.
HOP_SECONDS = 1e-6


@dataclasses.dataclass(frozen=True)
class Chip:
  """One chip.

  Attributes:
    flops_per_s: peak, of bfloat16 products with sums in float32.
    memory_bytes: capacity of its memory (HBM).
    memory_bytes_per_s: bandwidth of its memory.
    link_bytes_per_s: bandwidth of a link to a neighbor, one way.
    axes: of the torus that its pods are, 2 or 3.
    clock_hz: cycles per second; 0 where no peak follows from the published
      matrix units (`clock_hz` times 2 x 128 x 128 operations a unit).
  """

  flops_per_s: float
  memory_bytes: int
  memory_bytes_per_s: float
  link_bytes_per_s: float
  axes: int
  clock_hz: float

  def is_ring(self, shape: tuple[int, ...], axis: int) -> bool:
    """Whether a slice's axis is closed to a ring.

    Args:
      shape: chips along each axis.
      axis: the index of one.
    """
    if self.axes == 2:
      return shape[axis] == 16
    return all(size % 4 == 0 for size in shape)


GENERATIONS: Mapping[str, Chip] = {
  "v4": Chip(275e12, 32 * 2**30, 1200e9, 4.5e10, axes=3, clock_hz=1.05e9),
  "v5e": Chip(197e12, 16 * 2**30, 819e9, 5e10, axes=2, clock_hz=1.5e9),
  "v5p": Chip(459e12, 95 * 2**30, 2765e9, 1e11, axes=3, clock_hz=1.75e9),
  "v6e": Chip(918e12, 32 * 2**30, 1600e9, 1e11, axes=2, clock_hz=0.0),
}
