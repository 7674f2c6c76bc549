"""One update of the parameters: batch and state in, state and metrics out."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from srfeat_jax import errors
from srfeat_jax.training import degrade, losses
from srfeat_jax.training import state as state_lib


def make_pixel_step(
  config,
  generator: nn.Module,
  optimizer: optax.GradientTransformation,
  schedule: optax.Schedule,
) -> Callable:
  """The step that trains a generator on pixel differences alone.

  Args:
    config: the run's config; read are `losses` and `ema_decay`.
    generator: the module to train.
    optimizer: of the generator.
    schedule: the optimiser's learning rate, for the log.

  Returns:
    A pure function of a `TrainState` and uint8 HR crops `[b, H, W, 3]` to the
    next state and a dict of float32 scalars by metric name.

  Raises:
    errors.InputError: `ema_decay` is not a share.
  """
  if not 0 <= config.ema_decay < 1:
    raise errors.InputError(
      f"config.ema_decay is {config.ema_decay}: expected a number from 0, for"
      " no average, to below 1"
    )

  def loss_function(params, batch_stats, lr, hr):
    sr, updates = generator.apply(
      {"params": params, "batch_stats": batch_stats},
      lr,
      train=True,
      mutable=["batch_stats"],
    )
    loss = losses.pixel(sr, hr, config.losses.pixel)
    batch_stats = updates.get("batch_stats", {})
    return config.losses.pixel_weight * loss, (loss, batch_stats)

  def step(state: state_lib.TrainState, hr: jax.Array):
    lr, hr = degrade.degrade(hr, generator.scale)
    network = state.generator
    (_, (loss, batch_stats)), gradients = jax.value_and_grad(
      loss_function, has_aux=True
    )(network.params, network.batch_stats, lr, hr)
    network = _update(optimizer, network, gradients, batch_stats)
    metrics = {
      "loss/pixel": loss,
      "gradient_norm/generator": optax.tree.norm(gradients),
      "learning_rate/generator": schedule(state.step),
    }
    ema = _average(state.ema, network.variables, config.ema_decay, state.step)
    return state_lib.TrainState(state.step + 1, network, ema), metrics

  return step


def _update(optimizer, network, gradients, batch_stats):
  updates, opt_state = optimizer.update(
    gradients, network.opt_state, network.params
  )
  return state_lib.NetworkState(
    params=optax.apply_updates(network.params, updates),
    batch_stats=batch_stats,
    opt_state=opt_state,
  )


def _average(ema, variables, decay: float, step):
  if not ema:
    return ema
  # The first steps are forgotten sooner, or a short run would average its
  # random start.
  decay = jnp.minimum(decay, (1 + step) / (10 + step))
  return optax.incremental_update(variables, ema, 1 - decay)
