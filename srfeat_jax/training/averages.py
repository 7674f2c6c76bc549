"""The averaged generator, which is what a run evaluates and exports.

Either an exponential moving average (`config.ema_decay`), or the average that
schedule-free Adam keeps of itself (Defazio et al. 2024, equation 5).
"""

from typing import Any

import jax
import jax.numpy as jnp
import ml_collections
import optax
from optax import contrib

from srfeat_jax import errors
from srfeat_jax.training import batch_norm
from srfeat_jax.training import state as state_lib


def kept(config: ml_collections.ConfigDict) -> bool:
  """Whether a run of this config keeps an average of its generator."""
  return config.ema_decay > 0 or config.optimizer.kind == "schedule_free_adam"


def updated(
  config: ml_collections.ConfigDict,
  average: Any,
  generator: state_lib.NetworkState,
  step: jax.Array,
) -> Any:
  """The average after a step.

  Args:
    config: of the run; read are `ema_decay`, the share of the old one, and
      `freeze_batch_norm`.
    average: the one before: variables, {} where none is kept.
    generator: after the step.
    step: the number of updates done before.
  """
  if not average:
    return average
  average = _averaged(average, generator, config.ema_decay, step)
  if not config.freeze_batch_norm:
    return average
  # What does not change might round; and weight decay reaches schedule-free
  # Adam's average even where the parameters are held.
  params = batch_norm.with_those_of(
    average["params"], generator.params, generator.batch_stats
  )
  return {"params": params, "batch_stats": generator.batch_stats}


def _averaged(
  average: Any,
  generator: state_lib.NetworkState,
  decay: float,
  step: jax.Array,
) -> Any:
  """As `updated`, of all parameters and statistics."""
  found = [
    each
    for each in jax.tree.leaves(generator.opt_state, is_leaf=_is_schedule_free)
    if _is_schedule_free(each)
  ]
  if found:
    params = contrib.schedule_free_eval_params(found[0], generator.params)
    return {**generator.variables, "params": params}
  # The first steps are forgotten sooner, or a short run would average its
  # random start.
  decay = jnp.minimum(decay, (1 + step) / (10 + step))
  return optax.incremental_update(generator.variables, average, 1 - decay)


def check_batch_norm(
  config: ml_collections.ConfigDict, generator: state_lib.NetworkState
) -> None:
  """Refuses schedule-free training of a generator with BatchNorm.

  Its statistics would be those of the parameters that gradients are taken at,
  not of the averaged ones.

  Raises:
    errors.InputError: so it is, and the statistics are not frozen.
  """
  schedule_free = config.optimizer.kind == "schedule_free_adam"
  if schedule_free and generator.batch_stats and not config.freeze_batch_norm:
    raise errors.InputError(
      "config.optimizer.kind is schedule_free_adam, and the generator has"
      " BatchNorm, whose statistics would not be those of the averaged weights:"
      " choose a network without it, config.freeze_batch_norm=True, or adam"
    )


def _is_schedule_free(node: Any) -> bool:
  return isinstance(node, contrib.ScheduleFreeState)
