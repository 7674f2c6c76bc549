"""How long a step takes at least, from what it computes, reads and sends.

  step = max(compute, memory) + communication
  compute = operations a chip / peak
  memory = bytes a chip reads and writes / bandwidth of its memory

Collectives are counted in full, as if nothing were computed meanwhile, by the
formulas of Austin et al. 2025, part 3: an all-gather of V bytes on a torus

  max(hops * time of a hop, V * (n - 1) / n / W),

where W is the sum over the axes of a slice of what a chip sends along it: both
ways on a ring, one way on a line, and hops is the sum of the longest ways along
each. A reduce-scatter takes the same, an all-reduce twice that, an all-to-all a
quarter, and a permutation one hop along one link.

Matrix units that are not filled, and whatever else keeps a chip from its peak,
are left out: a real step takes longer.
"""

import dataclasses
from collections.abc import Iterable

from srfeat_jax.scaling import chips, collectives, topologies


@dataclasses.dataclass(frozen=True)
class Times:
  """Seconds of a step.

  Attributes:
    compute: of operations, at the chip's peak.
    memory: of reading and writing its memory.
    communication: of collectives, one after the other.
    waiting: of it, those that are so small that hops alone determine them.
  """

  compute: float
  memory: float
  communication: float
  waiting: float

  @property
  def step(self) -> float:
    """Of all together."""
    return max(self.compute, self.memory) + self.communication


def times(
  topology: topologies.Topology,
  flops: float,
  num_bytes: float,
  sent: Iterable[collectives.Collective],
) -> Times:
  """The times of a step on a slice of a TPU.

  Args:
    topology: of a TPU.
    flops: operations a chip.
    num_bytes: that a chip reads and writes.
    sent: all collectives of a step.
  """
  chip = topology.chip
  assert chip is not None  # no public figures make a CPU's roofline
  communication = waiting = 0.0
  for each in sent:
    latency, transfer = collective_times(chip, topology.shape, each)
    communication += each.count * max(latency, transfer)
    if latency > transfer:
      waiting += each.count * latency
  return Times(
    compute=flops / chip.flops_per_s,
    memory=num_bytes / chip.memory_bytes_per_s,
    communication=communication,
    waiting=waiting,
  )


def collective_times(
  chip: chips.Chip, shape: tuple[int, ...], each: collectives.Collective
) -> tuple[float, float]:
  """Seconds that a collective of all chips takes by its hops, and by its bytes.

  Args:
    chip: the slice's.
    shape: of the slice.
    each: its `count` is left out.
  """
  hops, links, size = 0, 0, 1
  for axis, along in enumerate(shape):
    if along > 1:
      ring = chip.is_ring(shape, axis)
      hops += along // 2 if ring else along - 1
      links += 2 if ring else 1
      size *= along
  if size == 1:
    return 0.0, 0.0
  if each.kind == "collective-permute":
    return chips.HOP_SECONDS, each.num_bytes / chip.link_bytes_per_s
  passes = {"all-reduce": 2.0, "all-to-all": 0.25}.get(each.kind, 1.0)
  width = links * chip.link_bytes_per_s
  return (
    max(1.0, passes) * hops * chips.HOP_SECONDS,
    passes * each.num_bytes * (size - 1) / size / width,
  )
