"""Everything of a run that changes from step to step, as arrays only."""

from typing import Any

import flax
import jax
import jax.numpy as jnp
import optax
from flax import linen as nn


@flax.struct.dataclass
class NetworkState:
  """One network in training.

  Attributes:
    params: trained parameters, float32.
    batch_stats: running means and variances, {} without BatchNorm.
    opt_state: the optimiser's memory.
  """

  params: Any
  batch_stats: Any
  opt_state: optax.OptState

  @property
  def variables(self) -> dict:
    """What `module.apply` takes."""
    return {"params": self.params, "batch_stats": self.batch_stats}


@flax.struct.dataclass
class TrainState:
  """The whole run.

  Attributes:
    step: int32 scalar, the number of updates done.
    generator: the network that makes images.
    ema: running average of the generator's variables, {} when not kept.
  """

  step: jax.Array
  generator: NetworkState
  ema: Any

  @property
  def best_variables(self) -> dict:
    """The generator's variables to judge and ship: averaged where kept."""
    return self.ema or self.generator.variables


def create(
  generator: nn.Module,
  optimizer: optax.GradientTransformation,
  key: jax.Array,
  *,
  keep_ema: bool,
) -> TrainState:
  """The state at step 0, freshly initialised; meant to run under jit."""
  variables = generator.init(key, jnp.zeros((1, 8, 8, 3)))
  return start(optimizer, variables, keep_ema=keep_ema)


def start(
  optimizer: optax.GradientTransformation, variables: dict, *, keep_ema: bool
) -> TrainState:
  """The state at step 0 from given generator variables."""
  params = variables["params"]
  network = NetworkState(
    params=params,
    batch_stats=variables.get("batch_stats", {}),
    opt_state=optimizer.init(params),
  )
  # A copy: the step donates its state, and a buffer can be donated only once.
  ema = jax.tree.map(jnp.copy, network.variables) if keep_ema else {}
  return TrainState(jnp.zeros((), jnp.int32), network, ema)
