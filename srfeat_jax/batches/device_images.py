"""Images in the memory of devices, and crops of them cut there.

Images lie in the rows of one array of bytes, see `data.packing`: each device
has all rows, or they are divided between them. Then each device cuts all crops
of a batch that lie in its own rows, and gets its part of the batch from the
others; so crops are the same in any case.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from srfeat_jax.training import parallel


def sharding(mesh: Mesh, is_split: bool) -> NamedSharding:
  """Of the array of all images."""
  return parallel.split(mesh) if is_split else parallel.replicated(mesh)


def upload(
  shape: tuple[int, int],
  sharding: NamedSharding,
  rows: Callable[[Sequence[int]], Any],
) -> jax.Array:
  """Makes the array of all images, a row at a time.

  Args:
    shape: number of rows, a multiple of the number of devices if they are
      divided, and bytes of each.
    sharding: see `sharding`.
    rows: yields the rows, uint8 `[row_bytes]`, of numbers that it is given in
      ascending order: those that devices of this process hold.

  Returns:
    uint8, of that shape.
  """
  empty = jax.jit(lambda: jnp.zeros(shape, jnp.uint8), out_shardings=sharding)()
  parts = {
    shard.device: (shard.data, range(*shard.index[0].indices(shape[0])))
    for shard in empty.addressable_shards
  }
  del empty
  numbers = sorted({i for _, held in parts.values() for i in held})
  for number, row in zip(numbers, rows(numbers), strict=True):
    for device, (part, held) in parts.items():
      if number in held:
        part = _with_row(part, jax.device_put(row, device), number - held.start)
        parts[device] = part, held
    # No more than one row is on its way.
    jax.block_until_ready([part for part, _ in parts.values()])
  return jax.make_array_from_single_device_arrays(
    shape, sharding, [part for part, _ in parts.values()]
  )


def cut(
  images: jax.Array, places: jax.Array, size: int, mesh: Mesh, is_split: bool
) -> jax.Array:
  """Cuts crops out of images, within a compiled program.

  Args:
    images: uint8 `[rows, row_bytes]`, see `upload`.
    places: int32 `[b, 5]`, of each crop what `data.placements.numbers` has.
    size: pixels on each side of a crop.
    mesh: all devices.
    is_split: whether the rows are divided between the devices.

  Returns:
    uint8 `[b, size, size, 3]`, divided between the devices; black where the row
    of a place is -1.
  """
  (axis,) = mesh.axis_names

  def cut_here(images, places):
    if not is_split:
      return _cut(images, places, size)
    first = lax.axis_index(axis) * images.shape[0]
    here = _cut(images, places.at[:, 0].add(-first), size)
    # One device has a crop, and the others have zeros.
    return lax.psum_scatter(here, axis, scatter_dimension=0, tiled=True)

  return jax.shard_map(
    cut_here,
    mesh=mesh,
    in_specs=(P(axis), P()) if is_split else (P(), P(axis)),
    out_specs=P(axis),
  )(images, places)


def _cut(images: jax.Array, places: jax.Array, size: int) -> jax.Array:
  row, start, stride, turns, flips = places.T
  starts = start[:, None] + stride[:, None] * jnp.arange(size)

  def line(row, start):
    return lax.dynamic_slice(images, (row, start), (1, 3 * size))

  lines = jax.vmap(jax.vmap(line, (None, 0)))(row, starts)
  crops = lines.reshape(-1, size, size, 3)
  is_here = (row >= 0) & (row < images.shape[0])
  crops = jnp.where(_for_each(is_here), crops, 0)
  return _oriented(crops, turns, flips)


def _oriented(
  crops: jax.Array, turns: jax.Array, flips: jax.Array
) -> jax.Array:
  """np.rot90 of each crop, then left and right exchanged."""
  is_sideways = turns % 2 == 1
  crops = jnp.where(_for_each(is_sideways), crops.swapaxes(1, 2), crops)
  for axis, is_reversed in (
    (1, (turns == 1) | (turns == 2)),
    (2, (turns >= 2) ^ (flips == 1)),
  ):
    crops = jnp.where(_for_each(is_reversed), jnp.flip(crops, axis), crops)
  return crops


def _for_each(condition: jax.Array) -> jax.Array:
  return condition[:, None, None, None]


@functools.partial(jax.jit, donate_argnums=0)
def _with_row(part: jax.Array, row: np.ndarray, number: int) -> jax.Array:
  return lax.dynamic_update_index_in_dim(part, row, number, 0)
