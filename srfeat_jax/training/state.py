"""Everything of a run that changes from step to step, as arrays only."""

from collections.abc import Mapping
from typing import Any

import flax
import jax
import jax.numpy as jnp
import optax


@flax.struct.dataclass
class NetworkState:
  """One network in training.

  Attributes:
    params: trained parameters, float32.
    batch_stats: what forward passes of training change: running means and
      variances, vectors of spectral normalization; {} without any.
    opt_state: the optimizer's state.
  """

  params: Any
  batch_stats: Any
  opt_state: optax.OptState

  @property
  def variables(self) -> dict:
    """What `module.apply` takes."""
    return {"params": self.params, "batch_stats": self.batch_stats}

  def update(
    self,
    optimizer: optax.GradientTransformation,
    gradients: Any,
    batch_stats: Any,
  ) -> "NetworkState":
    """The network after a step of its optimizer, with new statistics."""
    updates, opt_state = optimizer.update(
      gradients, self.opt_state, self.params
    )
    params = optax.apply_updates(self.params, updates)
    return NetworkState(params, batch_stats, opt_state)


@flax.struct.dataclass
class TrainState:
  """The whole run.

  Attributes:
    step: int32 scalar, the number of updates done.
    generator: the network that upscales.
    discriminators: by role, see `networks.ROLES`; {} in
      pre-training.
    ema: average of the generator's variables, see `averages`, {} when not
      kept.
  """

  step: jax.Array
  generator: NetworkState
  discriminators: dict[str, NetworkState]
  ema: Any

  @property
  def best_variables(self) -> dict:
    """The generator's variables to evaluate and export: the average if kept."""
    return self.ema or self.generator.variables


def start(
  variables: Mapping[str, Any],
  optimizer: optax.GradientTransformation,
  discriminators: Mapping[str, Mapping[str, Any]],
  discriminator_optimizer: optax.GradientTransformation,
  *,
  keep_ema: bool,
) -> TrainState:
  """The state at step 0.

  Args:
    variables: of the generator.
    optimizer: of the generator.
    discriminators: variables of each discriminator.
    discriminator_optimizer: of each of them.
    keep_ema: whether to average the generator.
  """
  generator = _network(variables, optimizer)
  return TrainState(
    step=jnp.zeros((), jnp.int32),
    generator=generator,
    discriminators={
      name: _network(each, discriminator_optimizer)
      for name, each in discriminators.items()
    },
    # A copy: the step donates its state, and a buffer can be donated once.
    ema=jax.tree.map(jnp.copy, generator.variables) if keep_ema else {},
  )


def _network(variables, optimizer) -> NetworkState:
  return NetworkState(
    params=variables["params"],
    batch_stats=variables.get("batch_stats", {}),
    opt_state=optimizer.init(variables["params"]),
  )
