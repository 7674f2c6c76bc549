"""One update of the parameters: batch and state in, state and scalars out.

Which losses a step has is up to its config, and each may be absent: those of
`losses.GENERATOR`, and the losses of a discriminator of images and of one of
features. The generator minimizes the weighted sum of its own (Ledig et al.
2017, equation 3; Park et al. 2018, section 3; Wang et al. 2018, equation 3).

Spectral normalization of a discriminator takes one power iteration per update:
when that discriminator is updated, with its batch of real images. The fake
batch, and all of the generator's losses, use the vectors as they then are. So
the state depends on parameters and the order of updates alone, not on devices.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import ml_collections
import optax
from flax import linen as nn

from srfeat_jax import errors
from srfeat_jax.training import (
  averages,
  compute_precision,
  degradation,
  losses,
  microbatches,
)
from srfeat_jax.training import networks as networks_lib
from srfeat_jax.training import optimizers as optimizers_lib
from srfeat_jax.training import state as state_lib

_DEGRADATION = 2  # of the seed's random streams, that of the degradation

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


class _Pass(NamedTuple):
  """What the networks made of a batch, or of a part of it.

  Attributes:
    real: HR.
    target: what losses compare SR with: HR, or what a teacher makes of LR.
    fake: SR.
    pullback: takes gradients with respect to `fake` to those of the generator's
      parameters.
    batch_stats: the generator's, after the batch.
  """

  real: _Images
  target: _Images
  fake: _Images
  pullback: Callable
  batch_stats: Any


class _Term(NamedTuple):
  """A term of the generator's loss, before it is multiplied by its weight."""

  weight: float
  value: jax.Array


class _DiscriminatorOutputs(NamedTuple):
  """What the loss of a discriminator yields, apart from its weighted value.

  Attributes:
    loss: before it is multiplied by its weight.
    real_probability: mean D(real), see `losses.probabilities`.
    fake_probability: mean D(fake).
    batch_stats: the discriminator's, after the real batch.
  """

  loss: jax.Array
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
      `seed`, `freeze_batch_norm`, `update_first`, `accumulation_steps` and
      `matmul_precision`.
    networks: the modules.
    optimizers: theirs.

  Returns:
    A pure function of a `TrainState`, the variables of `networks.vgg` ({}
    without it), uint8 HR crops `[b, H, W, 3]`, or a batch with pairs, see
    `degradation.of_batch`, and the variables of `networks.teacher` (None
    without it), to the next state and a dict of float32 scalars by name.

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

  def step(
    state: state_lib.TrainState,
    vgg_variables,
    batch: Any,
    teacher_variables: Any = None,
  ) -> tuple[state_lib.TrainState, Scalars]:
    averages.check_batch_norm(config, state.generator)
    key = jax.random.fold_in(degradation_key, state.step)
    lr, hr, _ = degradation.of_batch(degrade_batch, batch, key)

    def forward(lr, hr) -> _Pass:
      def super_resolve(params):
        sr, batch_stats = _generate(
          networks.generator,
          state.generator.replace(params=params),
          lr,
          freeze_batch_norm=config.freeze_batch_norm,
        )
        fake = _extract_features(networks, loss_config, vgg_variables, sr)
        return fake, batch_stats

      real = _extract_features(networks, loss_config, vgg_variables, hr)
      # One pass for all losses of SR and its features.
      fake, pullback, batch_stats = jax.vjp(
        super_resolve, state.generator.params, has_aux=True
      )
      target = real
      if networks.teacher is not None:
        image = networks.teacher.target(teacher_variables, lr, hr)
        target = _extract_features(networks, loss_config, vgg_variables, image)
      return _Pass(real, target, fake, pullback, batch_stats)

    batches = microbatches.Microbatches(
      (lr, hr), config.accumulation_steps, forward
    )
    updated, discriminator_scalars = _update_discriminators(
      networks, optimizers, loss_config, state.discriminators, batches
    )
    # The generator's loss takes the logits of the updated discriminators, or of
    # those before the update.
    discriminators = state.discriminators
    if config.update_first == "discriminator":
      discriminators = updated
    gradients, batch_stats, generator_scalars = _generator_gradients(
      networks, loss_config, discriminators, batches
    )
    if config.freeze_batch_norm:  # the parts' mean might round
      batch_stats = state.generator.batch_stats
    generator = state.generator.update(
      optimizers.generator, gradients, batch_stats
    )
    ema = averages.updated(state.ema, generator, config.ema_decay, state.step)
    scalars = {
      **generator_scalars,
      **discriminator_scalars,
      **_learning_rates(optimizers, state),
    }
    next_state = state_lib.TrainState(
      step=state.step + 1,
      generator=generator,
      discriminators=updated,
      ema=ema,
    )
    return next_state, scalars

  return compute_precision.with_matmul_precision(step, config.matmul_precision)


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
  batches: microbatches.Microbatches,
) -> tuple[dict[str, state_lib.NetworkState], Scalars]:
  """One step of each discriminator down the gradient of its own loss."""

  def found(one: _Pass) -> dict[str, tuple[_DiscriminatorOutputs, Any]]:
    result = {}
    for name, discriminator in discriminators.items():
      (_, outputs), gradients = jax.value_and_grad(
        _discriminator_loss, has_aux=True
      )(
        discriminator.params,
        discriminator.batch_stats,
        networks.discriminators[name],
        loss_config,
        one.real.input_of(name),
        one.fake.input_of(name),
      )
      result[name] = (outputs, gradients)
    return result

  if not discriminators:
    return {}, {}
  updated, scalars = {}, {}
  for name, (outputs, gradients) in batches.mean(found).items():
    discriminator = discriminators[name]
    updated[name] = discriminator.update(
      optimizers.discriminator, gradients, outputs.batch_stats
    )
    scalars |= {
      f"loss/discriminator_{name}": outputs.loss,
      f"probability/{name}_real": outputs.real_probability,
      f"probability/{name}_fake": outputs.fake_probability,
      f"gradient_norm/{name}_discriminator": optax.tree.norm(gradients),
    }
  return updated, scalars


def _discriminator_loss(
  params,
  batch_stats,
  module: nn.Module,
  loss_config: ml_collections.ConfigDict,
  real: jax.Array,
  fake: jax.Array,
) -> tuple[jax.Array, _DiscriminatorOutputs]:
  """L_D of one discriminator, times its weight.

  Park et al. 2018, section 3, of images or of features; Wang et al. 2018,
  equation 1. Real and fake are batches of their own, as in the authors' code.
  """
  variables = {"params": params, "batch_stats": batch_stats}
  real_logits, updates = module.apply(variables, real, mutable=["batch_stats"])
  fake_logits = module.apply({**variables, **updates}, fake)
  loss = losses.adversarial_discriminator(
    real_logits, fake_logits, loss_config.adversarial
  )
  real_probability, fake_probability = losses.probabilities(
    real_logits, fake_logits, loss_config.adversarial
  )
  return loss_config.discriminator_weight * loss, _DiscriminatorOutputs(
    loss=loss,
    real_probability=real_probability,
    fake_probability=fake_probability,
    batch_stats=updates.get("batch_stats", {}),
  )


def _generator_gradients(
  networks: networks_lib.Networks,
  loss_config: ml_collections.ConfigDict,
  discriminators: Mapping[str, state_lib.NetworkState],
  batches: microbatches.Microbatches,
) -> tuple[Any, Any, Scalars]:
  """Gradients of the generator's loss, and its batch statistics.

  By the chain rule: first those with respect to SR and its features, then
  through the one pass that made these.
  """

  def found(one: _Pass) -> tuple[Any, Any, dict[str, jax.Array]]:
    (_, terms), gradients = jax.value_and_grad(_generator_loss, has_aux=True)(
      one.fake, one.real, one.target, networks, loss_config, discriminators
    )
    (gradients,) = one.pullback(gradients)
    return gradients, one.batch_stats, terms

  gradients, batch_stats, terms = batches.mean(found)
  scalars = {f"loss/{name}": value for name, value in terms.items()}
  scalars["gradient_norm/generator"] = optax.tree.norm(gradients)
  return gradients, batch_stats, scalars


def _generator_loss(
  fake: _Images,
  real: _Images,
  target: _Images,
  networks: networks_lib.Networks,
  loss_config: ml_collections.ConfigDict,
  discriminators: Mapping[str, state_lib.NetworkState],
) -> tuple[jax.Array | float, dict[str, jax.Array]]:
  """L_G, the weighted sum of its terms, and the terms whose weight is not 0."""
  compared = losses.Compared(
    sr=fake.image,
    hr=target.image,
    sr_features=fake.features,
    hr_features=target.features,
    scale=networks.generator.scale,
  )
  terms = {}
  for loss in losses.GENERATOR:
    weight = loss.weight(loss_config)
    if not weight:
      continue
    if not loss.of_logits:
      terms[loss.name] = _Term(weight, loss.value(compared, loss_config))
      continue
    for name, discriminator in discriminators.items():
      hr_logits, sr_logits = (
        networks.discriminators[name].apply(
          discriminator.variables, images.input_of(name)
        )
        for images in (real, fake)
      )
      value = loss.value(
        compared._replace(hr_logits=hr_logits, sr_logits=sr_logits), loss_config
      )
      terms[f"{loss.name}_{name}"] = _Term(weight, value)
  total = sum((each.weight * each.value for each in terms.values()), 0.0)
  return total, {name: each.value for name, each in terms.items()}


def _learning_rates(
  optimizers: optimizers_lib.Optimizers, state: state_lib.TrainState
) -> Scalars:
  """The learning rates that this step has used, for the log."""
  rates = {"learning_rate/generator": optimizers.generator_schedule(state.step)}
  if state.discriminators:
    rates["learning_rate/discriminator"] = optimizers.discriminator_schedule(
      state.step
    )
  return rates
