"""One update of the parameters: batch and state in, state and scalars out.

Which losses a step has is up to its config, and each may be absent: those of
the generator (`generator_update`), and the losses of a discriminator of images
and of one of features, with penalties on their gradients
(`discriminator_update`). All of them are of one `forward_pass`.

With `discriminator_steps` of k, a step has k batches: discriminators are
updated with each, and the generator with the last (Goodfellow et al. 2014,
algorithm 1). With `accumulation_steps` each of these batches is taken in parts.
"""

from collections.abc import Callable
from typing import Any

import jax
import ml_collections
from jax.sharding import Mesh

from srfeat_jax import errors
from srfeat_jax.models import batch_statistics
from srfeat_jax.training import (
  averages,
  compute_precision,
  degradation,
  discriminator_update,
  forward_pass,
  generator_update,
  microbatches,
  teacher,
)
from srfeat_jax.training import networks as networks_lib
from srfeat_jax.training import optimizers as optimizers_lib
from srfeat_jax.training import state as state_lib

# Of the seed's random streams, those of the degradation and of penalties; for
# others see `networks`.
_DEGRADATION, _PENALTIES = 2, 4


def make_step(
  config: ml_collections.ConfigDict,
  networks: networks_lib.Networks,
  optimizers: optimizers_lib.Optimizers,
  mesh: Mesh | None = None,
) -> Callable:
  """The training step.

  Args:
    config: the run's config; read are `losses`, `ema_decay`, `degradation`,
      `seed`, `freeze_batch_norm`, `update_first`, `discriminators`,
      `discriminator_steps`, `accumulation_steps`, `optimizer.kind`,
      `teacher_share`, `matmul_precision` and `batch_statistics`.
    networks: the modules.
    optimizers: theirs.
    mesh: the devices that batches are split over; None for one, or if XLA is
      to find out what they tell each other of batch statistics.

  Returns:
    A pure function of a `TrainState`, the variables of `networks.vgg` ({}
    without it), uint8 HR crops `[b, H, W, 3]`, `num_batches(config)` times
    `config.batch_size` of them, or a batch with pairs, see
    `degradation.of_batch` and `teacher.output_in`, and the variables of
    `networks.teacher` (None without it), to the next state and a dict of
    float32 scalars by name.

  Raises:
    errors.InputError: a field of the config has a value it does not take.
  """
  _check_order(config.update_first)
  degrade_batch = degradation.make(config.degradation, networks.generator.scale)
  # Streams of their own, whatever else is drawn from the seed.
  degradation_key, penalties_key = (
    jax.random.fold_in(jax.random.key(config.seed), stream)
    for stream in (_DEGRADATION, _PENALTIES)
  )

  def step(
    state: state_lib.TrainState,
    vgg_variables,
    batch: Any,
    teacher_variables: Any = None,
  ) -> tuple[state_lib.TrainState, dict[str, jax.Array]]:
    averages.check_batch_norm(config, state.generator)
    key = jax.random.fold_in(degradation_key, state.step)
    lr, hr, _ = degradation.of_batch(degrade_batch, batch, key)
    # For each image, so that batches and parts of them have their own.
    key = jax.random.fold_in(penalties_key, state.step)
    real_share = jax.random.uniform(key, (len(hr), 1, 1, 1))
    forward = forward_pass.make(
      config, networks, state, vgg_variables, teacher_variables
    )

    updated, scalars = state.discriminators, {}
    all_arrays = lr, hr, teacher.output_in(batch), real_share
    for arrays in _split(all_arrays, num_batches(config)):
      # Only the last one reaches the generator.
      batches = microbatches.Microbatches(
        arrays, config.accumulation_steps, forward
      )
      updated, scalars = discriminator_update.update(
        networks,
        optimizers.discriminator,
        config.losses,
        updated,
        batches,
        state.step,
      )
    # The generator's loss takes the logits of the updated discriminators, or of
    # those before the update.
    discriminators = state.discriminators
    if config.update_first == "discriminator":
      discriminators = updated
    generator, generator_scalars = generator_update.update(
      config,
      networks,
      optimizers.generator,
      state.generator,
      discriminators,
      batches,
    )
    scalars = {
      **generator_scalars,
      **scalars,
      **_learning_rates(optimizers, state, num_batches(config)),
    }
    next_state = state_lib.TrainState(
      step=state.step + 1,
      generator=generator,
      discriminators=updated,
      ema=averages.updated(config, state.ema, generator, state.step),
    )
    return next_state, scalars

  per_device = config.batch_statistics == "device"

  def split_step(*args):
    with batch_statistics.split_over(mesh, per_device=per_device):
      return step(*args)

  return compute_precision.with_matmul_precision(
    split_step, config.matmul_precision
  )


def num_batches(config: ml_collections.ConfigDict) -> int:
  """How many batches of `config.batch_size` a step takes."""
  return config.discriminator_steps if config.discriminators else 1


def _split(
  arrays: tuple[jax.Array | None, ...], count: int
) -> list[tuple[jax.Array | None, ...]]:
  """Batches of every `count`-th image, so that none changes its device."""
  if count == 1:
    return [arrays]
  grouped = jax.tree.map(lambda x: x.reshape(-1, count, *x.shape[1:]), arrays)

  def batch(i):
    return jax.tree.map(lambda x: x[:, i], grouped)

  return [batch(i) for i in range(count)]


def _check_order(update_first: str) -> None:
  if update_first not in ("discriminator", "generator"):
    raise errors.InputError(
      f'config.update_first is "{update_first}": expected "discriminator" or'
      ' "generator"'
    )


def _learning_rates(
  optimizers: optimizers_lib.Optimizers,
  state: state_lib.TrainState,
  discriminator_steps: int,
) -> dict[str, jax.Array]:
  """The learning rates that this step has used, for the log."""
  rates = {"learning_rate/generator": optimizers.generator_schedule(state.step)}
  if state.discriminators:
    rates["learning_rate/discriminator"] = optimizers.discriminator_schedule(
      discriminator_steps * state.step
    )
  return rates
