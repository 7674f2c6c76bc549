"""One update of the parameters: batch and state in, state and metrics out.

Which losses a step has is up to its config, and each may be absent: the
generator's pixel, checkerboard, perceptual and adversarial losses, and the
losses of a discriminator of images and of one of features. The generator
minimizes their weighted sum (Ledig et al. 2017, equation 3; Park et al. 2018,
section 3; Wang et al. 2018, equation 3).

Spectral normalization of a discriminator takes one power iteration an update:
when that discriminator is updated, with its batch of real images. The fake
batch, and all of the generator's losses, use the vectors as they then are. So
the state depends on parameters and the order of updates alone, not on devices.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import ml_collections
import optax
from flax import linen as nn

from srfeat_jax import errors
from srfeat_jax.training import degradation, losses
from srfeat_jax.training import networks as networks_lib
from srfeat_jax.training import optimizers as optimizers_lib
from srfeat_jax.training import state as state_lib

_DEGRADATION = 2  # of the seed's random streams, that of the degradation

Metrics = dict[str, jax.Array]


class _Images(NamedTuple):
  """A batch of images and VGG-19's features of them.

  Attributes:
    image: HR or SR, float32 `[b, H, W, 3]`, nominally in [0, 1].
    layers: features by layer, `[b, h, w, c]` each; {} without VGG-19.
    feature: what a discriminator of features takes, `[b, h, w, c]`; None
      without one.
  """

  image: jax.Array
  layers: Mapping[str, jax.Array]
  feature: jax.Array | None

  def input_of(self, discriminator: str) -> Any:
    """What the discriminator called "image" or "feature" takes."""
    return {"image": self.image, "feature": self.feature}[discriminator]


class _Term(NamedTuple):
  """A term of the generator's loss, before it is multiplied by its weight."""

  weight: float
  value: jax.Array


class _Discrimination(NamedTuple):
  """What a discriminator's loss has computed beside its weighted value.

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
      `seed`, `freeze_batch_norm` and `update_first`.
    networks: the modules.
    optimizers: theirs.

  Returns:
    A pure function of a `TrainState`, the variables of `networks.vgg` ({}
    without it) and uint8 HR crops `[b, H, W, 3]`, to the next state and a dict
    of float32 scalars by metric name.

  Raises:
    errors.InputError: a field of the config has a value it does not take.
  """
  settings = config.losses
  _check_order(config.update_first)
  degrade_batch = degradation.make(config.degradation, networks.generator.scale)
  # A stream of its own, whatever else is drawn from the seed.
  degradation_key = jax.random.fold_in(
    jax.random.key(config.seed), _DEGRADATION
  )

  def step(
    state: state_lib.TrainState, vgg_variables, hr: jax.Array
  ) -> tuple[state_lib.TrainState, Metrics]:
    key = jax.random.fold_in(degradation_key, state.step)
    lr, hr, _ = degrade_batch(hr, key)

    def super_resolve(params):
      sr, batch_stats = _generate(
        networks.generator,
        state.generator.replace(params=params),
        lr,
        freeze_batch_norm=config.freeze_batch_norm,
      )
      fake = _extract_features(networks, settings, vgg_variables, sr)
      return fake, batch_stats

    real = _extract_features(networks, settings, vgg_variables, hr)
    # One pass for all losses: `pullback` takes their gradients with respect to
    # SR and its features to the generator's parameters.
    fake, pullback, batch_stats = jax.vjp(
      super_resolve, state.generator.params, has_aux=True
    )

    updated, discriminator_metrics = _update_discriminators(
      networks, optimizers, settings, state.discriminators, real, fake
    )
    # Those whose logits the generator's loss is of.
    discriminators = state.discriminators
    if config.update_first == "discriminator":
      discriminators = updated
    gradients, generator_metrics = _generator_gradients(
      networks, settings, discriminators, real, fake, pullback
    )
    generator = state.generator.update(
      optimizers.generator, gradients, batch_stats
    )
    ema = _average(state.ema, generator.variables, config.ema_decay, state.step)
    metrics = {
      **generator_metrics,
      **discriminator_metrics,
      **_learning_rates(optimizers, state),
    }
    next_state = state_lib.TrainState(
      step=state.step + 1,
      generator=generator,
      discriminators=updated,
      ema=ema,
    )
    return next_state, metrics

  return step


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
  networks: networks_lib.Networks, settings, vgg_variables, image: jax.Array
) -> _Images:
  """An image and phi(image), VGG-19's features of it.

  A discriminator of features takes them scaled (Park et al. 2018, section 3;
  the factor is that of Ledig et al. 2017, section 3.2).
  """
  if networks.vgg is None:
    return _Images(image, {}, None)
  layers = networks.vgg.apply(vgg_variables, image)
  feature = None
  if "feature" in networks.discriminators:
    feature = settings.feature_scale * layers[settings.feature_layer]
  return _Images(image, layers, feature)


def _update_discriminators(
  networks: networks_lib.Networks,
  optimizers: optimizers_lib.Optimizers,
  settings,
  discriminators: Mapping[str, state_lib.NetworkState],
  real: _Images,
  fake: _Images,
) -> tuple[dict[str, state_lib.NetworkState], Metrics]:
  """One step of each discriminator down the gradient of its own loss."""
  updated, metrics = {}, {}
  for name, discriminator in discriminators.items():
    (_, found), gradients = jax.value_and_grad(
      _discriminator_loss, has_aux=True
    )(
      discriminator.params,
      discriminator.batch_stats,
      networks.discriminators[name],
      settings,
      real.input_of(name),
      fake.input_of(name),
    )
    updated[name] = discriminator.update(
      optimizers.discriminator, gradients, found.batch_stats
    )
    metrics |= {
      f"loss/discriminator_{name}": found.loss,
      f"probability/{name}_real": found.real_probability,
      f"probability/{name}_fake": found.fake_probability,
      f"gradient_norm/{name}_discriminator": optax.tree.norm(gradients),
    }
  return updated, metrics


def _discriminator_loss(
  params,
  batch_stats,
  module: nn.Module,
  settings,
  real: jax.Array,
  fake: jax.Array,
) -> tuple[jax.Array, _Discrimination]:
  """L_D of one discriminator, times its weight.

  Park et al. 2018, section 3, of images or of features; Wang et al. 2018,
  equation 1. Real and fake are batches of their own, as in the authors' code.
  """
  variables = {"params": params, "batch_stats": batch_stats}
  real_logits, updates = module.apply(variables, real, mutable=["batch_stats"])
  fake_logits = module.apply({**variables, **updates}, fake)
  loss = losses.adversarial_discriminator(
    real_logits, fake_logits, settings.adversarial
  )
  return settings.discriminator_weight * loss, _Discrimination(
    loss,
    *losses.probabilities(real_logits, fake_logits, settings.adversarial),
    updates.get("batch_stats", {}),
  )


def _generator_gradients(
  networks: networks_lib.Networks,
  settings,
  discriminators: Mapping[str, state_lib.NetworkState],
  real: _Images,
  fake: _Images,
  pullback: Callable,
) -> tuple[Any, Metrics]:
  """Gradients of the generator's loss with respect to its parameters.

  By the chain rule: first those with respect to SR and its features, then
  through the one pass that made these.
  """
  (_, terms), gradients = jax.value_and_grad(_generator_loss, has_aux=True)(
    fake, real, networks, settings, discriminators
  )
  (gradients,) = pullback(gradients)
  metrics = {f"loss/{name}": value for name, value in terms.items()}
  metrics["gradient_norm/generator"] = optax.tree.norm(gradients)
  return gradients, metrics


def _generator_loss(
  fake: _Images,
  real: _Images,
  networks: networks_lib.Networks,
  settings,
  discriminators: Mapping[str, state_lib.NetworkState],
) -> tuple[jax.Array | float, dict[str, jax.Array]]:
  """L_G, the weighted sum of its terms, and the terms whose weight is not 0."""
  terms = _content_terms(fake, real, settings, networks.generator.scale)
  terms |= _adversarial_terms(fake, real, networks, settings, discriminators)
  total = sum((each.weight * each.value for each in terms.values()), 0.0)
  return total, {name: each.value for name, each in terms.items()}


def _content_terms(
  fake: _Images, real: _Images, settings, scale: int
) -> dict[str, _Term]:
  """The terms that compare SR with HR.

  Pixels: Ledig et al. 2017, equation 4; Wang et al. 2018, L_1 in section 3.3.
  Features: Ledig et al. 2017, equation 5; Park et al. 2018, L_p in section 3.
  """
  terms = {}
  if settings.pixel_weight:
    pixel = losses.pixel(fake.image, real.image, settings.pixel)
    terms["pixel"] = _Term(settings.pixel_weight, pixel)
  if settings.checkerboard_weight:
    checkerboard = losses.checkerboard(fake.image, real.image, scale)
    terms["checkerboard"] = _Term(settings.checkerboard_weight, checkerboard)
  if settings.perceptual_weight:
    perceptual = losses.perceptual(
      fake.layers,
      real.layers,
      settings.perceptual_layers,
      settings.perceptual,
      settings.feature_scale,
    )
    terms["perceptual"] = _Term(settings.perceptual_weight, perceptual)
  return terms


def _adversarial_terms(
  fake: _Images,
  real: _Images,
  networks: networks_lib.Networks,
  settings,
  discriminators: Mapping[str, state_lib.NetworkState],
) -> dict[str, _Term]:
  """A term for each discriminator, all of the same weight.

  Ledig et al. 2017, equation 6; Park et al. 2018, L_a of images and of
  features in section 3; Wang et al. 2018, equation 2.
  """
  if not settings.adversarial_weight:
    return {}
  terms = {}
  for name, discriminator in discriminators.items():
    module = networks.discriminators[name]
    real_logits, fake_logits = (
      module.apply(discriminator.variables, images.input_of(name))
      for images in (real, fake)
    )
    adversarial = losses.adversarial_generator(
      real_logits, fake_logits, settings.adversarial
    )
    terms[f"adversarial_{name}"] = _Term(
      settings.adversarial_weight, adversarial
    )
  return terms


def _learning_rates(
  optimizers: optimizers_lib.Optimizers, state: state_lib.TrainState
) -> Metrics:
  """The learning rates that this step has used, for the log."""
  rates = {"learning_rate/generator": optimizers.generator_schedule(state.step)}
  if state.discriminators:
    rates["learning_rate/discriminator"] = optimizers.discriminator_schedule(
      state.step
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
