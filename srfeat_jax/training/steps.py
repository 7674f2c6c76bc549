"""One update of the parameters: batch and state in, state and scalars out.

Which losses a step has is up to its config, and each may be absent: those of
`losses.GENERATOR`, and the losses of a discriminator of images and of one of
features, with penalties on their gradients. The generator minimizes the
weighted sum of its own (Ledig et al. 2017, equation 3; Park et al. 2018,
section 3; Wang et al. 2018, equation 3).

Spectral normalization of a discriminator takes one power iteration per update:
when that discriminator is updated, with its batch of real images. The fake
batch, and all of the generator's losses, use the vectors as they then are. So
the state depends on parameters and the order of updates alone, not on devices.

With `discriminator_steps` of k, a step has k batches: discriminators are
updated with each, and the generator with the last (Goodfellow et al. 2014,
algorithm 1).
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import ml_collections
import optax
from flax import linen as nn

from srfeat_jax import errors
from srfeat_jax.models import layers
from srfeat_jax.training import batch_norm, degradation, losses, penalties
from srfeat_jax.training import networks as networks_lib
from srfeat_jax.training import optimizers as optimizers_lib
from srfeat_jax.training import state as state_lib

# Of the seed's random streams, those of the degradation and of penalties.
_DEGRADATION, _PENALTIES = 2, 3

Scalars = dict[str, jax.Array]  # of one step, by name


class _Images(NamedTuple):
  """A batch of images and VGG-19's features of them.

  Attributes:
    image: HR or SR, float32 `[b, H, W, 3]`, nominally in [0, 1].
    features: by layer of VGG-19, `[b, h, w, c]` each; {} without it.
    discriminator_features: what a discriminator of features takes,
      `[b, h, w, c]`; None without one.
  """

  image: jax.Array
  features: Mapping[str, jax.Array]
  discriminator_features: jax.Array | None

  def input_of(self, discriminator: str) -> Any:
    """What the discriminator of this role takes, see `networks.ROLES`."""
    role = networks_lib.ROLES[discriminator]
    return self.discriminator_features if role.of_features else self.image


class _Term(NamedTuple):
  """A term of the generator's loss, before it is multiplied by its weight."""

  weight: float
  value: jax.Array


class _Turn(NamedTuple):
  """A step's number, from 0, and its random key for penalties."""

  step: jax.Array
  key: jax.Array


class _DiscriminatorOutputs(NamedTuple):
  """What the loss of a discriminator yields, apart from its weighted value.

  Attributes:
    loss: before it is multiplied by its weight, without penalties.
    penalties: by name, before they are multiplied by theirs.
    real_probability: mean D(real), see `losses.probabilities`.
    fake_probability: mean D(fake).
    batch_stats: the discriminator's, after the real batch.
  """

  loss: jax.Array
  penalties: Scalars
  real_probability: jax.Array
  fake_probability: jax.Array
  batch_stats: Any


def make_step(
  config: ml_collections.ConfigDict,
  networks: networks_lib.Networks,
  optimizers: optimizers_lib.Optimizers,
) -> Callable:
  """The training step.

  Args:
    config: the run's config; read are `losses`, `ema_decay`, `degradation`,
      `seed`, `freeze_batch_norm`, `update_first`, `discriminators` and
      `discriminator_steps`.
    networks: the modules.
    optimizers: theirs.

  Returns:
    A pure function of a `TrainState`, the variables of `networks.vgg` ({}
    without it) and uint8 HR crops `[b, H, W, 3]`, `num_batches(config)` times
    `config.batch_size` of them, or a batch with pairs, see
    `degradation.of_batch`, to the next state and a dict of float32 scalars by
    name.

  Raises:
    errors.InputError: a field of the config has a value it does not take.
  """
  loss_config = config.losses
  _check_order(config.update_first)
  degrade_batch = degradation.make(config.degradation, networks.generator.scale)
  # A stream of its own, whatever else is drawn from the seed.
  degradation_key = jax.random.fold_in(
    jax.random.key(config.seed), _DEGRADATION
  )
  penalties_key = jax.random.fold_in(jax.random.key(config.seed), _PENALTIES)

  def step(
    state: state_lib.TrainState, vgg_variables, batch: Any
  ) -> tuple[state_lib.TrainState, Scalars]:
    key = jax.random.fold_in(degradation_key, state.step)
    lr, hr, _ = degradation.of_batch(degrade_batch, batch, key)
    *earlier, (lr, hr) = _split(lr, hr, num_batches(config))

    def super_resolve(params):
      if config.freeze_batch_norm:  # gamma and beta are constants
        params = batch_norm.with_those_of(
          params, state.generator.params, state.generator.batch_stats
        )
      sr, batch_stats = _generate(
        networks.generator,
        state.generator.replace(params=params),
        lr,
        freeze_batch_norm=config.freeze_batch_norm,
      )
      fake = _extract_features(networks, loss_config, vgg_variables, sr)
      return fake, batch_stats

    real = _extract_features(networks, loss_config, vgg_variables, hr)
    # One pass for all losses: `pullback` takes their gradients with respect to
    # SR and its features to the generator's parameters.
    fake, pullback, batch_stats = jax.vjp(
      super_resolve, state.generator.params, has_aux=True
    )

    updated = state.discriminators
    penalty_key = jax.random.fold_in(penalties_key, state.step)
    for index, (earlier_lr, earlier_hr) in enumerate(earlier):
      sr, _ = _generate(
        networks.generator,
        state.generator,
        earlier_lr,
        freeze_batch_norm=config.freeze_batch_norm,
      )
      updated, _ = _update_discriminators(
        networks,
        optimizers,
        loss_config,
        updated,
        *(
          _extract_features(networks, loss_config, vgg_variables, image)
          for image in (earlier_hr, sr)
        ),
        _Turn(state.step, jax.random.fold_in(penalty_key, index)),
      )
    updated, discriminator_scalars = _update_discriminators(
      networks,
      optimizers,
      loss_config,
      updated,
      real,
      fake,
      _Turn(state.step, penalty_key),
    )
    # The generator's loss takes the logits of the updated discriminators, or of
    # those before the update.
    discriminators = state.discriminators
    if config.update_first == "discriminator":
      discriminators = updated
    ema_sr = None
    if _needs_ema(loss_config):
      ema_sr = networks.generator.apply(state.ema, lr)
    gradients, generator_scalars = _generator_gradients(
      networks, loss_config, discriminators, real, fake, ema_sr, pullback
    )
    generator = state.generator.update(
      optimizers.generator, gradients, batch_stats
    )
    if config.freeze_batch_norm:
      # Without a gradient, momentum and weight decay would move them still.
      generator = dataclasses.replace(
        generator,
        params=batch_norm.with_those_of(
          generator.params, state.generator.params, batch_stats
        ),
      )
    ema = _average(state.ema, generator.variables, config.ema_decay, state.step)
    scalars = {
      **generator_scalars,
      **discriminator_scalars,
      **_learning_rates(optimizers, state, num_batches(config)),
    }
    next_state = state_lib.TrainState(
      step=state.step + 1,
      generator=generator,
      discriminators=updated,
      ema=ema,
    )
    return next_state, scalars

  return step


def num_batches(config: ml_collections.ConfigDict) -> int:
  """How many batches of `config.batch_size` a step takes."""
  return config.discriminator_steps if config.discriminators else 1


def _split(
  lr: jax.Array, hr: jax.Array, count: int
) -> list[tuple[jax.Array, jax.Array]]:
  """Batches of every `count`-th image, so that none changes its device."""
  if count == 1:
    return [(lr, hr)]
  grouped = [x.reshape(-1, count, *x.shape[1:]) for x in (lr, hr)]
  return [(grouped[0][:, i], grouped[1][:, i]) for i in range(count)]


def _check_order(update_first: str) -> None:
  if update_first not in ("discriminator", "generator"):
    raise errors.InputError(
      f'config.update_first is "{update_first}": expected "discriminator" or'
      ' "generator"'
    )


def _generate(
  module: nn.Module,
  generator: state_lib.NetworkState,
  lr: jax.Array,
  *,
  freeze_batch_norm: bool,
) -> tuple[jax.Array, Any]:
  """SR = G(LR), and the generator's batch statistics after it."""
  sr, updates = module.apply(
    generator.variables,
    lr,
    train=not freeze_batch_norm,
    mutable=["batch_stats"],
  )
  if freeze_batch_norm:
    return sr, generator.batch_stats
  return sr, updates.get("batch_stats", {})


def _extract_features(
  networks: networks_lib.Networks,
  loss_config: ml_collections.ConfigDict,
  vgg_variables,
  image: jax.Array,
) -> _Images:
  """An image and phi(image), VGG-19's features of it.

  A discriminator of features takes them scaled (Park et al. 2018, section 3;
  the factor is that of Ledig et al. 2017, section 3.2).
  """
  if networks.vgg is None:
    return _Images(image, features={}, discriminator_features=None)
  features = networks.vgg.apply(vgg_variables, image)
  discriminator_features = None
  if networks_lib.need_features(networks.discriminators):
    discriminator_features = (
      loss_config.feature_scale * features[loss_config.feature_layer]
    )
  return _Images(image, features, discriminator_features)


def _update_discriminators(
  networks: networks_lib.Networks,
  optimizers: optimizers_lib.Optimizers,
  loss_config: ml_collections.ConfigDict,
  discriminators: Mapping[str, state_lib.NetworkState],
  real: _Images,
  fake: _Images,
  turn: _Turn,
) -> tuple[dict[str, state_lib.NetworkState], Scalars]:
  """One step of each discriminator down the gradient of its own loss."""
  updated, scalars = {}, {}
  for name, discriminator in discriminators.items():
    (_, outputs), gradients = jax.value_and_grad(
      _discriminator_loss, has_aux=True
    )(
      discriminator.params,
      discriminator.batch_stats,
      networks.discriminators[name],
      loss_config,
      real.input_of(name),
      fake.input_of(name),
      turn,
    )
    updated[name] = discriminator.update(
      optimizers.discriminator, gradients, outputs.batch_stats
    )
    scalars |= {
      f"loss/discriminator_{name}": outputs.loss,
      f"probability/{name}_real": outputs.real_probability,
      f"probability/{name}_fake": outputs.fake_probability,
      f"gradient_norm/{name}_discriminator": optax.tree.norm(gradients),
      **{f"loss/{key}_{name}": x for key, x in outputs.penalties.items()},
    }
  return updated, scalars


def _discriminator_loss(
  params,
  batch_stats,
  module: nn.Module,
  loss_config: ml_collections.ConfigDict,
  real: jax.Array,
  fake: jax.Array,
  turn: _Turn,
) -> tuple[jax.Array, _DiscriminatorOutputs]:
  """L_D of one discriminator with its penalties, times its weight.

  Park et al. 2018, section 3, of images or of features; Wang et al. 2018,
  equation 1. Real and fake are batches of their own, as in the authors' code.
  """
  variables = {"params": params, "batch_stats": batch_stats}
  real_logits, updates = module.apply(variables, real, mutable=["batch_stats"])
  fake_logits = module.apply({**variables, **updates}, fake)
  loss = losses.adversarial_discriminator(
    real_logits,
    fake_logits,
    loss_config.adversarial,
    loss_config.relativistic_detach,
  )
  real_probability, fake_probability = losses.probabilities(
    real_logits, fake_logits, loss_config.adversarial
  )
  values = _penalties(
    lambda x: module.apply({**variables, **updates}, x),
    loss_config,
    real,
    fake,
    turn,
  )
  total = sum(
    (loss_config[f"{name}_weight"] * x for name, x in values.items()), loss
  )
  return loss_config.discriminator_weight * total, _DiscriminatorOutputs(
    loss=loss,
    penalties=values,
    real_probability=real_probability,
    fake_probability=fake_probability,
    batch_stats=updates.get("batch_stats", {}),
  )


def _penalties(
  discriminator: penalties.Discriminator,
  loss_config: ml_collections.ConfigDict,
  real: jax.Array,
  fake: jax.Array,
  turn: _Turn,
) -> Scalars:
  """The penalties whose weight is not 0, by name."""
  functions = {
    "r1": lambda: penalties.r1(discriminator, real),
    "gradient_penalty": lambda: penalties.gradient_penalty(
      discriminator, real, fake, turn.key
    ),
  }
  return {
    name: penalties.lazy(function, loss_config.penalty_every, turn.step)
    for name, function in functions.items()
    if loss_config[f"{name}_weight"]
  }


def _needs_ema(loss_config: ml_collections.ConfigDict) -> bool:
  return any(
    loss.of_ema and loss.weight(loss_config) for loss in losses.GENERATOR
  )


def _generator_gradients(
  networks: networks_lib.Networks,
  loss_config: ml_collections.ConfigDict,
  discriminators: Mapping[str, state_lib.NetworkState],
  real: _Images,
  fake: _Images,
  ema_sr: jax.Array | None,
  pullback: Callable,
) -> tuple[Any, Scalars]:
  """Gradients of the generator's loss with respect to its parameters.

  By the chain rule: first those with respect to SR and its features, then
  through the one pass that made these.
  """
  (_, terms), gradients = jax.value_and_grad(_generator_loss, has_aux=True)(
    fake, real, ema_sr, networks, loss_config, discriminators
  )
  (gradients,) = pullback(gradients)
  scalars = {f"loss/{name}": value for name, value in terms.items()}
  scalars["gradient_norm/generator"] = optax.tree.norm(gradients)
  return gradients, scalars


def _generator_loss(
  fake: _Images,
  real: _Images,
  ema_sr: jax.Array | None,
  networks: networks_lib.Networks,
  loss_config: ml_collections.ConfigDict,
  discriminators: Mapping[str, state_lib.NetworkState],
) -> tuple[jax.Array | float, dict[str, jax.Array]]:
  """L_G, the weighted sum of its terms, and the terms whose weight is not 0."""
  compared = losses.Compared(
    sr=fake.image,
    hr=real.image,
    sr_features=fake.features,
    hr_features=real.features,
    scale=networks.generator.scale,
    ema_sr=ema_sr,
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
        for images in (real, fake)
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


def _learning_rates(
  optimizers: optimizers_lib.Optimizers,
  state: state_lib.TrainState,
  discriminator_steps: int,
) -> Scalars:
  """The learning rates that this step has used, for the log."""
  rates = {"learning_rate/generator": optimizers.generator_schedule(state.step)}
  if state.discriminators:
    rates["learning_rate/discriminator"] = optimizers.discriminator_schedule(
      discriminator_steps * state.step
    )
  return rates


def _average(ema, variables, decay: float, step: jax.Array):
  """The running average of the generator's variables, {} where none is kept."""
  if not ema:
    return ema
  # The first steps are forgotten sooner, or a short run would average its
  # random start.
  decay = jnp.minimum(decay, (1 + step) / (10 + step))
  return optax.incremental_update(variables, ema, 1 - decay)
