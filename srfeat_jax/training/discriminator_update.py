"""One update of each discriminator, down the gradient of its own loss.

Spectral normalization takes one power iteration per update, with the batch of
real images. The fake batch, penalties, and all of the generator's losses use
the vectors as they then are. So the state depends on parameters and the order
of updates alone, not on devices.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import ml_collections
import optax
from flax import linen as nn

from srfeat_jax.training import forward_pass, losses, microbatches, penalties
from srfeat_jax.training import networks as networks_lib
from srfeat_jax.training import state as state_lib


class _Batch(NamedTuple):
  """What a discriminator's loss is of, apart from its parameters.

  Attributes:
    real: its inputs of HR, `[b, h, w, c]`.
    fake: those of SR.
    real_share: see `forward_pass.Pass`.
    step: the number of the generator's updates done before.
  """

  real: jax.Array
  fake: jax.Array
  real_share: jax.Array
  step: jax.Array


class _Outputs(NamedTuple):
  """What the loss of a discriminator yields, apart from its weighted value.

  Attributes:
    loss: before it is multiplied by its weight, without penalties.
    penalties: by name, before they are multiplied by theirs.
    real_probability: mean D(real), see `losses.probabilities`.
    fake_probability: mean D(fake).
    batch_stats: the discriminator's, after the real batch.
  """

  loss: jax.Array
  penalties: dict[str, jax.Array]
  real_probability: jax.Array
  fake_probability: jax.Array
  batch_stats: Any


def update(
  networks: networks_lib.Networks,
  optimizer: optax.GradientTransformation,
  loss_config: ml_collections.ConfigDict,
  discriminators: Mapping[str, state_lib.NetworkState],
  batches: microbatches.Microbatches,
  step: jax.Array,
) -> tuple[dict[str, state_lib.NetworkState], dict[str, jax.Array]]:
  """The discriminators after an update, and its scalars by name.

  Args:
    networks: the modules.
    optimizer: of each discriminator.
    loss_config: `config.losses`.
    discriminators: before it, by role; {} without any.
    batches: a batch, of which each part makes a `forward_pass.Pass`.
    step: the number of the generator's updates done before.
  """
  if not discriminators:
    return {}, {}

  def found(one: forward_pass.Pass) -> dict[str, tuple[_Outputs, Any]]:
    result = {}
    for name, discriminator in discriminators.items():
      (_, outputs), gradients = jax.value_and_grad(_loss, has_aux=True)(
        discriminator.params,
        discriminator.batch_stats,
        networks.discriminators[name],
        loss_config,
        _Batch(
          one.real.input_of(name),
          one.fake.input_of(name),
          one.real_share,
          step,
        ),
      )
      result[name] = (outputs, gradients)
    return result

  updated, scalars = {}, {}
  for name, (outputs, gradients) in batches.mean(found).items():
    updated[name] = discriminators[name].update(
      optimizer, gradients, outputs.batch_stats
    )
    scalars |= {
      f"loss/discriminator_{name}": outputs.loss,
      f"probability/{name}_real": outputs.real_probability,
      f"probability/{name}_fake": outputs.fake_probability,
      f"gradient_norm/{name}_discriminator": optax.tree.norm(gradients),
      **{f"loss/{key}_{name}": x for key, x in outputs.penalties.items()},
    }
  return updated, scalars


def _loss(
  params: Any,
  batch_stats: Any,
  module: nn.Module,
  loss_config: ml_collections.ConfigDict,
  batch: _Batch,
) -> tuple[jax.Array, _Outputs]:
  """L_D of one discriminator with its penalties, times its weight.

  Park et al. 2018, section 3, of images or of features; Wang et al. 2018,
  equation 1. Real and fake are batches of their own, as in the authors' code.
  """
  variables = {"params": params, "batch_stats": batch_stats}
  real_logits, updates = module.apply(
    variables, batch.real, mutable=["batch_stats"]
  )

  def discriminator(x):
    return module.apply({**variables, **updates}, x)

  fake_logits = discriminator(batch.fake)
  loss = losses.adversarial_discriminator(
    real_logits,
    fake_logits,
    loss_config.adversarial,
    loss_config.relativistic_detach,
  )
  real_probability, fake_probability = losses.probabilities(
    real_logits, fake_logits, loss_config.adversarial
  )
  values = _penalties(discriminator, loss_config, batch)
  total = sum(
    (loss_config[f"{name}_weight"] * x for name, x in values.items()), loss
  )
  return loss_config.discriminator_weight * total, _Outputs(
    loss=loss,
    penalties=values,
    real_probability=real_probability,
    fake_probability=fake_probability,
    batch_stats=updates.get("batch_stats", {}),
  )


def _penalties(
  discriminator: penalties.Discriminator,
  loss_config: ml_collections.ConfigDict,
  batch: _Batch,
) -> dict[str, jax.Array]:
  """The penalties whose weight is not 0, by name."""
  functions = {
    "r1": lambda: penalties.r1(discriminator, batch.real),
    "gradient_penalty": lambda: penalties.gradient_penalty(
      discriminator, batch.real, batch.fake, batch.real_share
    ),
  }
  return {
    name: penalties.lazy(function, loss_config.penalty_every, batch.step)
    for name, function in functions.items()
    if loss_config[f"{name}_weight"]
  }
