"""Placing arrays on all devices of all processes: batches split, state copied.

One mesh axis, "data". A batch is split along its first dimension, everything
else is replicated, but for large arrays of the state if `config.fsdp` asks for
it; XLA inserts the sums, so batch statistics and losses are those of the global
batch on any number of devices.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from srfeat_jax import errors


def make_mesh(devices: Sequence[jax.Device] | None = None) -> Mesh:
  """A mesh of devices, by default of all, in one axis called "data"."""
  # Explicit axes, the default of make_mesh, refuse pixel shuffle's reshape.
  return jax.make_mesh(
    (len(devices) if devices else jax.device_count(),),
    ("data",),
    axis_types=(AxisType.Auto,),
    devices=devices,
  )


def replicated(mesh: Mesh) -> NamedSharding:
  """The sharding of what all devices need: a whole copy on each."""
  return NamedSharding(mesh, P())


def split(mesh: Mesh) -> NamedSharding:
  """The sharding of batches: the first dimension is divided."""
  return NamedSharding(mesh, P("data"))


def of_state(state: Any, mesh: Mesh, fsdp: int) -> Any:
  """The sharding of each array of a state.

  Arrays are split along their largest dimension that the number of devices
  divides, and copied where there is none: parameters, the optimizer's moments
  of them and averages alike, as they have the same shapes. Fully sharded data
  parallelism (Zhao et al. 2023; ZeRO-3, Rajbhandari et al. 2020) in so far as
  no device keeps more than its share; when whole weights or their parts are
  sent is XLA's choice.

  Args:
    state: a tree of arrays or their shapes, see `state.TrainState`.
    mesh: all devices.
    fsdp: numbers that an array must have to be split; 0 splits none.

  Returns:
    A tree like it of shardings.
  """

  def sharding(x) -> NamedSharding:
    divisible = [i for i, n in enumerate(x.shape) if n % mesh.size == 0]
    if not fsdp or x.size < fsdp or not divisible or mesh.size == 1:
      return replicated(mesh)
    largest = max(divisible, key=lambda i: x.shape[i])
    return NamedSharding(mesh, P(*[None] * largest, "data"))

  return jax.tree.map(sharding, state)


def jit_step(
  step: Callable, mesh: Mesh, state_shardings: Any
) -> jax.stages.Wrapped:
  """Compiles `steps.make_step`'s function for a mesh; it donates the state.

  Args:
    step: the training step.
    mesh: all devices; those of another machine's topology will do to compile.
    state_shardings: see `of_state`.
  """
  whole = replicated(mesh)
  return jax.jit(
    step,
    in_shardings=(state_shardings, whole, split(mesh), whole),
    out_shardings=(state_shardings, whole),
    donate_argnums=0,
  )


def gathered(tree: Any) -> Any:
  """Arrays with a whole copy on each device; all processes must call this."""
  leaves = jax.tree.leaves(tree)
  if all(x.sharding.is_fully_replicated for x in leaves):
    return tree
  whole = replicated(leaves[0].sharding.mesh)
  return jax.jit(_unchanged, out_shardings=whole)(tree)


def _unchanged(tree: Any) -> Any:
  """Has a name, so that JAX knows it again and compiles it once."""
  return tree


def bytes_on_a_device(tree: Any) -> int:
  """What arrays take of each device's memory."""
  return sum(
    x.dtype.itemsize * math.prod(x.sharding.shard_shape(x.shape))
    for x in jax.tree.leaves(tree)
  )


def check_batch_size(batch_size: int, devices: int = 0) -> None:
  """Raises `errors.InputError` unless all devices get equally many images.

  Args:
    batch_size: of all devices together.
    devices: their number; 0: all that JAX has.
  """
  devices = devices or jax.device_count()
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
