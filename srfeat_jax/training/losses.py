"""Losses between images in [0, 1], as float32 scalars."""

import jax
import jax.numpy as jnp

from srfeat_jax import errors


def pixel(sr: jax.Array, hr: jax.Array, kind: str) -> jax.Array:
  """Mean over batch, height, width and channels of the pixel difference.

  Args:
    sr: the generator's output, `[b, H, W, 3]`.
    hr: the target, of the same shape.
    kind: "mse", squared (Ledig et al. 2017, equation 4), or "l1", absolute.

  Raises:
    errors.InputError: another kind.
  """
  difference = sr.astype(jnp.float32) - hr.astype(jnp.float32)
  if kind == "mse":
    return jnp.mean(jnp.square(difference))
  if kind == "l1":
    return jnp.mean(jnp.abs(difference))
  raise errors.InputError(
    f'config.losses.pixel is "{kind}": expected "mse" or "l1"'
  )
