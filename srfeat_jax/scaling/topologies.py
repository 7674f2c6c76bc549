"""Devices to compile for, by name: chips of a TPU slice, or this machine's CPU.

"v5e:4x4" are 16 chips of a v5e in a square, and "cpu:4" four devices that the
CPU of this machine stands in for. Those of a TPU are descriptions: programs are
compiled for them, by libtpu, and cannot be run.
"""

import dataclasses
import importlib.util
import math
import os
import re
from collections.abc import Sequence
from typing import Any

from srfeat_jax import errors
from srfeat_jax.scaling import chips

_CPU = "cpu"
# Whatever libtpu would ask Google Cloud or its file of locks for: it looks for
# the chips of this machine first, of which there are none.
_ENVIRONMENT = {
  "TPU_SKIP_MDS_QUERY": "1",
  "TPU_ACCELERATOR_TYPE": "v5litepod-4",
  "TPU_WORKER_HOSTNAMES": "localhost",
  "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
  "TPU_STDERR_LOG_LEVEL": "3",
  "TPU_MIN_LOG_LEVEL": "3",
}
_MOST_DEVICES = 65_536
_KNOWN = (
  'a generation of TPU and the shape of a slice, as "v5e:4x4" or "v5p:2x2x4"'
  f" (generations: {', '.join(chips.GENERATIONS)}), or devices of this"
  ' machine, as "cpu:4"'
)


@dataclasses.dataclass(frozen=True)
class Topology:
  """What a program is compiled for.

  Attributes:
    name: as it was asked for.
    shape: chips along each axis.
    chip: what each can do; None of this machine's CPU.
  """

  name: str
  shape: tuple[int, ...]
  chip: chips.Chip | None

  @property
  def size(self) -> int:
    """The number of chips."""
    return math.prod(self.shape)

  def devices(self) -> Sequence[Any]:
    """The devices; JAX must not have been used before, see `prepare`.

    Raises:
      errors.InputError: libtpu is not installed, or knows no such slice; or JAX
        has fewer devices of this machine.
    """
    return _cpu_devices(self) if self.chip is None else _tpu_devices(self)


def parse(name: str) -> Topology:
  """The topology of a name.

  Raises:
    errors.InputError: there is no such.
  """
  kind, _, shape = name.partition(":")
  if not re.fullmatch(r"[1-9]\d{0,4}(x[1-9]\d{0,4}){0,2}", shape):
    raise errors.InputError(f'--topology="{name}": expected {_KNOWN}')
  sizes = tuple(int(size) for size in shape.split("x"))
  if math.prod(sizes) > _MOST_DEVICES:
    raise errors.InputError(
      f'--topology="{name}" has {math.prod(sizes)} devices: expected at most'
      f" {_MOST_DEVICES}"
    )
  if kind == _CPU and len(sizes) == 1:
    return Topology(name, sizes, None)
  chip = chips.GENERATIONS.get(kind)
  if chip is None:
    raise errors.InputError(f'--topology="{name}": expected {_KNOWN}')
  if len(sizes) != chip.axes:
    example = "x".join(["4"] * chip.axes)
    raise errors.InputError(
      f'--topology="{name}": slices of {kind} have {chip.axes} axes, as in'
      f" {kind}:{example}"
    )
  return Topology(name, sizes, chip)


def prepare(topology: Topology) -> None:
  """Sets up JAX and libtpu, before JAX has found the devices it has.

  All that JAX itself computes, it computes on the CPU. What the caller has set
  for libtpu stays.
  """
  os.environ["JAX_PLATFORMS"] = "cpu"
  if topology.chip is not None:
    for name, value in _ENVIRONMENT.items():
      os.environ.setdefault(name, value)
  import jax  # only now: libtpu is asked when it is imported

  jax.config.update("jax_platforms", "cpu")
  if topology.chip is None:
    jax.config.update("jax_num_cpu_devices", topology.size)


def _cpu_devices(topology: Topology) -> Sequence[Any]:
  import jax

  devices = jax.devices("cpu")
  if len(devices) < topology.size:
    raise errors.InputError(
      f"--topology={topology.name}: JAX has {len(devices)} devices of the CPU"
      f" already: set JAX_NUM_CPU_DEVICES={topology.size}"
    )
  return devices[: topology.size]


def _tpu_devices(topology: Topology) -> Sequence[Any]:
  if importlib.util.find_spec("libtpu") is None:
    raise errors.InputError(
      f"--topology={topology.name} needs libtpu, TPUs' compiler, which is not"
      ' installed: pip install "srfeat_jax[libtpu]"'
    )
  import jax
  from jax.experimental import topologies

  # Hosts of up to 2 x 2 chips, as libtpu has it unless told.
  host = [*(min(2, size) for size in topology.shape[:2]), 1]
  options: dict[str, Any] = (
    {} if host == [2, 2, 1] else {"chips_per_host_bounds": host}
  )
  if topology.chip is not None and topology.chip.axes == 3:
    options["chip_config_name"] = "megacore"  # a chip's two cores are a device
  try:
    found = topologies.get_topology_desc(
      platform="tpu", topology_name=topology.name, **options
    )
  except (jax.errors.JaxRuntimeError, RuntimeError) as error:
    said = " ".join(str(error).split())
    raise errors.InputError(
      f"--topology={topology.name} is none that libtpu knows ({said}): expected"
      f" {_KNOWN}, of a shape that Google Cloud offers"
    ) from error
  return found.devices
