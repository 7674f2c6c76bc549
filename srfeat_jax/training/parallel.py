"""Placing arrays on all devices of all processes: batches split, state copied.

One mesh axis, "data". A batch is split along its first dimension, everything
else is replicated; XLA inserts the sums, so batch statistics and losses are
those of the global batch on any number of devices.
"""

from typing import Any

import jax
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from srfeat_jax import errors


def make_mesh() -> Mesh:
  """A mesh of all devices in one axis called "data"."""
  # Explicit axes, the default of make_mesh, refuse pixel shuffle's reshape.
  return jax.make_mesh(
    (jax.device_count(),), ("data",), axis_types=(AxisType.Auto,)
  )


def replicated(mesh: Mesh) -> NamedSharding:
  """The sharding of state: a whole copy on each device."""
  return NamedSharding(mesh, P())


def split(mesh: Mesh) -> NamedSharding:
  """The sharding of batches: the first dimension is divided."""
  return NamedSharding(mesh, P("data"))


def check_batch_size(batch_size: int) -> None:
  """Raises `errors.InputError` unless all devices get equally many images."""
  devices = jax.device_count()
  if batch_size < 1 or batch_size % devices:
    raise errors.InputError(
      f"config.batch_size is {batch_size}, which is not divisible by"
      f" the number of devices, {devices}: it is the global batch,"
      f" choose a multiple of {devices}"
    )


def to_global(batch: Any, mesh: Mesh) -> Any:
  """This process's rows of a batch to the global array on the mesh.

  Args:
    batch: an array, or a tree of arrays.
    mesh: all devices.

  Returns:
    An array, or a tree of them.
  """
  # With several processes this is a transfer that a guard would stop.
  with jax.transfer_guard("allow"):
    return jax.tree.map(
      lambda x: jax.make_array_from_process_local_data(split(mesh), x), batch
    )
