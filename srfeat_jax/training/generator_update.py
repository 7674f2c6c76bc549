"""One update of the generator, down the gradient of the sum of its losses.

They are those of `losses.GENERATOR` (Ledig et al. 2017, equation 3; Park et al.
2018, section 3; Wang et al. 2018, equation 3).
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import ml_collections
import optax
from flax import linen as nn

from srfeat_jax.models import layers
from srfeat_jax.training import batch_norm, forward_pass, losses, microbatches
from srfeat_jax.training import networks as networks_lib
from srfeat_jax.training import state as state_lib


class _Term(NamedTuple):
  """A term of the generator's loss, before it is multiplied by its weight."""

  weight: float
  value: jax.Array


def update(
  config: ml_collections.ConfigDict,
  networks: networks_lib.Networks,
  optimizer: optax.GradientTransformation,
  generator: state_lib.NetworkState,
  discriminators: Mapping[str, state_lib.NetworkState],
  batches: microbatches.Microbatches,
) -> tuple[state_lib.NetworkState, dict[str, jax.Array]]:
  """The generator after an update, and its scalars by name.

  Args:
    config: of the run; read are `losses` and `freeze_batch_norm`.
    networks: the modules.
    optimizer: of the generator.
    generator: before it.
    discriminators: whose logits its losses take, by role.
    batches: a batch, of which each part makes a `forward_pass.Pass`.
  """
  gradients, batch_stats, scalars = _gradients(
    networks, config.losses, discriminators, batches
  )
  if not config.freeze_batch_norm:
    return generator.update(optimizer, gradients, batch_stats), scalars
  # The mean of the parts' statistics might round. Without a gradient, momentum
  # and weight decay would move gamma and beta still.
  updated = generator.update(optimizer, gradients, generator.batch_stats)
  params = batch_norm.with_those_of(
    updated.params, generator.params, generator.batch_stats
  )
  return dataclasses.replace(updated, params=params), scalars


def _gradients(
  networks: networks_lib.Networks,
  loss_config: ml_collections.ConfigDict,
  discriminators: Mapping[str, state_lib.NetworkState],
  batches: microbatches.Microbatches,
) -> tuple[Any, Any, dict[str, jax.Array]]:
  """Gradients of the generator's loss, its batch statistics, and scalars.

  By the chain rule: first those with respect to SR and its features, then
  through the one pass that made these.
  """

  def found(one: forward_pass.Pass) -> tuple[Any, Any, dict[str, jax.Array]]:
    (_, terms), gradients = jax.value_and_grad(_loss, has_aux=True)(
      one.fake, one, networks, loss_config, discriminators
    )
    (gradients,) = one.pullback(gradients)
    return gradients, one.batch_stats, terms

  gradients, batch_stats, terms = batches.mean(found)
  scalars = {f"loss/{name}": value for name, value in terms.items()}
  scalars["gradient_norm/generator"] = optax.tree.norm(gradients)
  return gradients, batch_stats, scalars


def _loss(
  fake: forward_pass.Images,
  one: forward_pass.Pass,
  networks: networks_lib.Networks,
  loss_config: ml_collections.ConfigDict,
  discriminators: Mapping[str, state_lib.NetworkState],
) -> tuple[jax.Array | float, dict[str, jax.Array]]:
  """L_G, the weighted sum of its terms, and the terms whose weight is not 0.

  Args:
    fake: SR, with respect to which it is differentiated.
    one: of what else the losses are.
    networks: the modules.
    loss_config: `config.losses`.
    discriminators: by role.
  """
  compared = losses.Compared(
    sr=fake.image,
    hr=one.target.image,
    sr_features=fake.features,
    hr_features=one.target.features,
    scale=networks.generator.scale,
    ema_sr=one.ema_sr,
  )
  terms = {}
  for loss in losses.GENERATOR:
    weight = loss.weight(loss_config)
    if not weight:
      continue
    if not (loss.of_logits or loss.of_maps):
      terms[loss.name] = _Term(weight, loss.value(compared, loss_config))
      continue
    for name, discriminator in discriminators.items():
      if loss.of_maps and not networks_lib.ROLES[name].of_features:
        continue
      (hr_logits, hr_maps), (sr_logits, sr_maps) = (
        _logits_and_maps(
          networks.discriminators[name],
          discriminator.variables,
          images.input_of(name),
        )
        for images in (one.real, fake)
      )
      seen = compared._replace(
        hr_logits=hr_logits,
        sr_logits=sr_logits,
        hr_maps=hr_maps,
        sr_maps=sr_maps,
      )
      value = loss.value(seen, loss_config)
      terms[f"{loss.name}_{name}"] = _Term(weight, value)
  total = sum((each.weight * each.value for each in terms.values()), 0.0)
  return total, {name: each.value for name, each in terms.items()}


def _logits_and_maps(
  module: nn.Module, variables: Mapping[str, Any], x: jax.Array
) -> tuple[jax.Array, list[jax.Array]]:
  """A discriminator's logits, and the outputs of its activations.

  Where nothing needs them, the compiler leaves them out.
  """
  logits, kept = module.apply(
    variables,
    x,
    capture_intermediates=lambda each, _: isinstance(each, layers.LeakyReLU),
    mutable=["intermediates"],
  )
  return logits, jax.tree.leaves(kept)
