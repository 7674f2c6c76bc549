"""Penalties on the gradients of a discriminator, as float32 scalars.

They are parts of a discriminator's loss. D(x) is the mean of the logits of an
image or of its features, however many there are: that is what the adversarial
losses average. Where `lazy`, they are computed every few steps.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

# From a batch `[b, h, w, c]` to logits `[b]` or `[b, h', w']`.
Discriminator = Callable[[jax.Array], jax.Array]


def r1(discriminator: Discriminator, real: jax.Array) -> jax.Array:
  """Half of the mean squared norm of D's gradient at real ones.

  Mescheder et al. 2018, equation 9, without its gamma, which is the weight.

  Args:
    discriminator: D.
    real: its inputs of the targets, `[b, h, w, c]`.
  """
  return jnp.mean(_squared_norms(discriminator, real)) / 2


def gradient_penalty(
  discriminator: Discriminator,
  real: jax.Array,
  fake: jax.Array,
  real_share: jax.Array,
) -> jax.Array:
  """How far the norm of D's gradient is from 1 between real and fake.

  The mean of (norm - 1)^2 at a random place between each pair of them
  (Gulrajani et al. 2017, equation 3 and algorithm 1).

  Args:
    discriminator: D.
    real: its inputs of the targets, `[b, h, w, c]`.
    fake: those of the generator's images.
    real_share: of each real one in the place, `[b, 1, 1, 1]`, drawn uniformly
      from [0, 1].
  """
  norms = jnp.sqrt(
    _squared_norms(discriminator, real_share * real + (1 - real_share) * fake)
    + 1e-12  # the root has no slope at 0
  )
  return jnp.mean(jnp.square(norms - 1))


def lazy(
  penalty: Callable[[], jax.Array], every: int, step: jax.Array
) -> jax.Array:
  """The penalty times `every` at each `every`-th step, at others 0.

  So its mean over steps stays the same (Karras et al. 2020, section 3.1).

  Args:
    penalty: computes it.
    every: steps from one to the next, from 1.
    step: the number of steps that have been taken.
  """
  if every == 1:
    return penalty()
  return jax.lax.cond(
    step % every == 0,
    lambda: every * penalty(),
    lambda: jnp.zeros((), jnp.float32),
  )


def _squared_norms(discriminator: Discriminator, x: jax.Array) -> jax.Array:
  """The squared norm of D's gradient at each of a batch, `[b]`."""

  def total(x):
    logits = discriminator(x).astype(jnp.float32)
    return jnp.sum(jnp.mean(logits.reshape(len(x), -1), axis=1))

  gradient = jax.grad(total)(x).astype(jnp.float32)
  return jnp.sum(jnp.square(gradient), axis=(1, 2, 3))
