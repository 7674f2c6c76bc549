"""Normalization by the statistics of a batch that is split over devices.

What devices tell each other takes time that grows with their number, and all of
them wait for it, twice for each normalization. So each waiting is for one
message: forward for means and variances together, backward for both sums that
the gradient needs. Statistics are float32 and are taken about a point near each
image's mean, so that large means cancel nothing.
"""

import contextlib
import contextvars
import functools
from collections.abc import Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import Mesh, NamedSharding, PartitionSpec


class _Split(NamedTuple):
  """How batches are split; see `split_over`."""

  mesh: Mesh | None = None
  per_device: bool = False

  def devices(self, batch_size: int) -> int:
    """Over how many devices a batch is split."""
    size = self.mesh.size if self.mesh else 1
    return 1 if batch_size % size else size


class Normalized(NamedTuple):
  """A normalized batch.

  Attributes:
    y: of the shape of the input, float32.
    mean: of each channel, `[c]`, without a gradient.
    variance: likewise, of all values, not of a sample.
  """

  y: jax.Array
  mean: jax.Array
  variance: jax.Array


_ONE_DEVICE = _Split()
_split = contextvars.ContextVar("_split", default=_ONE_DEVICE)


@contextlib.contextmanager
def split_over(mesh: Mesh | None, *, per_device: bool = False) -> Iterator:
  """Tells what is traced within the context how batches are split.

  Args:
    mesh: the devices, which have equal parts of each batch one after the other;
      None for one device, or to leave to XLA what they tell each other: then
      results are the same, but for rounding.
    per_device: whether each device normalizes its part by statistics of its
      own, as PyTorch does unless told otherwise.
  """
  token = _split.set(_Split(mesh, per_device))
  try:
    yield
  finally:
    _split.reset(token)


def are_per_device() -> bool:
  """Whether what is traced here takes the statistics of each device."""
  return _split.get().per_device


def normalized(
  x: jax.Array, scale: jax.Array, bias: jax.Array, epsilon: float
) -> Normalized:
  """Batch normalization (Ioffe & Szegedy 2015, algorithm 1).

  Args:
    x: `[b, h, w, c]`.
    scale: gamma, float32 `[c]`.
    bias: beta, likewise.
    epsilon: added to variances.

  Returns:
    The batch, and its statistics; per device their means over devices.
  """
  y, mean, variance = _normalized(x, scale, bias, epsilon, _split.get())
  statistics = jnp.stack([mean, variance]).mean(1)  # per device: one message
  mean, variance = jax.lax.stop_gradient(statistics)
  return Normalized(y, mean, variance)


@functools.partial(jax.custom_vjp, nondiff_argnums=(3, 4))
def _normalized(x, scale, bias, epsilon, split):
  return _forward(x, scale, bias, epsilon, split)[0]


def _forward(x, scale, bias, epsilon, split):
  mean, variance = _statistics(x, split)
  deviation_inverse = jax.lax.rsqrt(variance + epsilon)
  factor = _for_images(scale * deviation_inverse, x)
  y = (x.astype(jnp.float32) - _for_images(mean, x)) * factor + bias
  return (y, mean, variance), (x, scale, mean, deviation_inverse)


def _backward(epsilon, split, saved, gradients):
  del epsilon, split
  x, scale, mean, deviation_inverse = saved
  gradient, *_ = gradients  # statistics have none
  groups = len(mean)
  centered = x.astype(jnp.float32) - _for_images(mean, x)
  normal = centered * _for_images(deviation_inverse, x)
  # Of each image by itself first, so that there is one sum over devices.
  sums = jnp.stack(
    [jnp.sum(gradient, (1, 2)), jnp.sum(gradient * normal, (1, 2))], axis=1
  )
  sums = sums.reshape(groups, -1, *sums.shape[1:]).sum(1)  # [groups, 2, c]
  count = x[..., 0].size // groups
  of_bias, of_scale = (_for_images(sums[:, i] / count, x) for i in range(2))
  of_x = (gradient - of_bias - normal * of_scale) * _for_images(
    scale * deviation_inverse, x
  )
  of_bias, of_scale = sums.sum(0)
  return of_x.astype(x.dtype), of_scale, of_bias


_normalized.defvjp(_forward, _backward)


def _statistics(x: jax.Array, split: _Split) -> tuple[jax.Array, jax.Array]:
  """Means and variances, `[groups, c]`: one group, or one for each device.

  Those of parts are joined (Chan et al. 1979): the mean of means, and the mean
  of variances plus the variance of means.
  """
  devices = split.devices(len(x))
  # About the mean of a row, or a large mean would cancel the variance.
  x = x.astype(jnp.float32)
  near = x[:, x.shape[1] // 2].mean(1)
  moved = x - near[:, None, None]
  mean = moved.mean((1, 2))
  variance = jnp.maximum(jnp.square(moved).mean((1, 2)) - mean**2, 0)
  mean += near
  mean, variance = (
    each.reshape(devices, -1, each.shape[-1]) for each in (mean, variance)
  )
  mean, variance = _joined(mean, variance, axis=1)  # [devices, c]
  if split.per_device:
    return mean, variance
  if split.mesh and devices > 1:
    both = jnp.stack([mean, variance], axis=1)
    # All devices get all parts; each of them joins them for itself.
    whole = NamedSharding(split.mesh, PartitionSpec())
    both = jax.lax.with_sharding_constraint(both, whole)
    mean, variance = both[:, 0], both[:, 1]
  mean, variance = _joined(mean, variance, axis=0)
  return mean[None], variance[None]


def _joined(mean, variance, axis: int) -> tuple[jax.Array, jax.Array]:
  """The mean and variance of equal parts together."""
  whole = mean.mean(axis, keepdims=True)
  spread = jnp.square(mean - whole).mean(axis)
  return whole.squeeze(axis), variance.mean(axis) + spread


def _for_images(x: jax.Array, images: jax.Array) -> jax.Array:
  """[groups, c] to [1 or b, 1, 1, c]: what each image of a group has."""
  if len(x) > 1:
    x = x.repeat(len(images) // len(x), axis=0)
  return x[:, None, None]
