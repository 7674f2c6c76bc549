"""A batch in parts, one after the other, for batches that memory cannot hold.

Losses and gradients of the parts are averaged. All losses are means over
images, so this is what the whole batch gives, but for what looks at several
images at once: BatchNorm, and the means of relativistic logits, are those of
each part, and running statistics take the parts' mean.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from srfeat_jax import errors


class Microbatches:
  """What a network does to each part of a batch."""

  def __init__(self, arrays: Any, count: int, forward: Callable):
    """Splits the batch.

    Args:
      arrays: a tuple of arrays, the batch their first dimension.
      count: of parts, which divides the batch.
      forward: from the arrays of a part to what `mean` is about. Of a batch in
        one part it is computed once, else once for each `mean`.
    """
    self._count = count
    self._forward = forward
    self._whole = forward(*arrays) if count == 1 else None
    if count > 1:
      self._parts = jax.tree.map(self._split, arrays)

  def _split(self, x: jax.Array) -> jax.Array:
    """[b, ...] to [count, b / count, ...].

    Every part has images of every device that the batch is split over, so that
    none are sent from one to another.
    """
    parts = x.reshape(len(x) // self._count, self._count, *x.shape[1:])
    return jnp.swapaxes(parts, 0, 1)

  def mean(self, function: Callable) -> Any:
    """The mean over the parts.

    Args:
      function: from what `forward` returns to a tree of float arrays.
    """
    if self._count == 1:
      return function(self._whole)

    def of_part(arrays):
      return function(self._forward(*arrays))

    def add(total, arrays):
      return jax.tree.map(jnp.add, total, of_part(arrays)), None

    first = jax.tree.map(lambda x: x[0], self._parts)
    zeros = jax.tree.map(
      lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(of_part, first)
    )
    total, _ = jax.lax.scan(add, zeros, self._parts)
    return jax.tree.map(lambda x: x / self._count, total)


def check(batch_size: int, count: int, devices: int = 0) -> None:
  """Raises `errors.InputError` unless each part gives all devices as much.

  Args:
    batch_size: of all devices.
    count: of parts, `config.accumulation_steps`.
    devices: their number; 0: all that JAX has.
  """
  devices = devices or jax.device_count()
  if batch_size % (count * devices):
    raise errors.InputError(
      f"config.accumulation_steps is {count}, and config.batch_size"
      f" {batch_size}: expected a batch that can be divided by"
      f" {count * devices}, the steps times the devices, {devices}"
    )
