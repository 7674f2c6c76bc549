"""One update of the parameters: batch and state in, state and metrics out.

A step is whatever its config makes of these terms, each of which may be absent:
the generator's pixel difference, perceptual difference and adversarial losses,
and one discriminator of images and one of features.

Spectral normalization of a discriminator takes one power iteration an update:
when that discriminator is updated, before it judges the real batch. The fake
batch, and all of the generator's losses, meet the vectors as they then are. So
the state depends on parameters and the order of updates alone, not on devices.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from srfeat_jax import errors
from srfeat_jax.training import degrade, losses
from srfeat_jax.training import state as state_lib

# So that a discriminator begins alike whichever others there are.
_KEYS = {"feature": 0, "image": 1}
_DEGRADATION = 2


@dataclasses.dataclass(frozen=True)
class Networks:
  """The modules of a run.

  Attributes:
    generator: maps LR to SR.
    features: maps an image to features by layer, VGG-19; None if no term of
      the losses needs any.
    discriminators: each by what it looks at, "image" or "feature".
    views: shape of what each discriminator looks at, `[1, h, w, c]`.
  """

  generator: nn.Module
  features: nn.Module | None
  discriminators: Mapping[str, nn.Module]
  views: Mapping[str, tuple[int, ...]]

  def init(self, key: jax.Array) -> tuple[dict, dict[str, dict]]:
    """Random variables of the generator, and of each discriminator by name."""
    generator = self.generator.init(key, jnp.zeros((1, 8, 8, 3)))
    discriminators = {
      name: module.init(
        jax.random.fold_in(key, _KEYS[name]), jnp.zeros(self.views[name])
      )
      for name, module in self.discriminators.items()
    }
    return generator, discriminators


@dataclasses.dataclass(frozen=True)
class Optimizers:
  """How parameters follow gradients; schedules are there for the log."""

  generator: optax.GradientTransformation
  generator_schedule: optax.Schedule
  discriminator: optax.GradientTransformation
  discriminator_schedule: optax.Schedule


def make_step(config, networks: Networks, optimizers: Optimizers) -> Callable:
  """The training step.

  Args:
    config: the run's config; read are `losses`, `ema_decay`, `degradation`,
      `seed`, `freeze_batch_norm` and `update_first`.
    networks: the modules.
    optimizers: theirs.

  Returns:
    A pure function of a `TrainState`, the variables of `networks.features` ({}
    without any) and uint8 HR crops `[b, H, W, 3]`, to the next state and a dict
    of float32 scalars by metric name.

  Raises:
    errors.InputError: a field of the config has a value it does not take.
  """
  settings = config.losses
  if config.update_first not in ("discriminator", "generator"):
    raise errors.InputError(
      f'config.update_first is "{config.update_first}": expected'
      ' "discriminator" or "generator"'
    )

  degrade_batch = degrade.make(config.degradation, networks.generator.scale)
  # A stream of its own, whatever else is drawn from the seed.
  degradation_key = jax.random.fold_in(
    jax.random.key(config.seed), _DEGRADATION
  )

  def look(image, vgg) -> dict[str, Any]:
    """What losses and discriminators see of an image."""
    if networks.features is None:
      return {"image": image, "layers": {}}
    layers = networks.features.apply(vgg, image)
    view = {"image": image, "layers": layers}
    if "feature" in networks.discriminators:
      view["feature"] = settings.feature_scale * layers[settings.feature_layer]
    return view

  def generate(params, batch_stats, lr):
    train = not config.freeze_batch_norm
    sr, updates = networks.generator.apply(
      {"params": params, "batch_stats": batch_stats},
      lr,
      train=train,
      mutable=["batch_stats"],
    )
    return sr, updates.get("batch_stats", {}) if train else batch_stats

  def judge(name, variables, real, fake):
    """Logits of two batches, each normalised by itself."""
    module = networks.discriminators[name]
    return tuple(module.apply(variables, view[name]) for view in (real, fake))

  def generator_loss(fake, real, discriminators):
    terms = {}
    total = 0.0
    if settings.pixel_weight:
      terms["pixel"] = losses.pixel(
        fake["image"], real["image"], settings.pixel
      )
      total += settings.pixel_weight * terms["pixel"]
    if settings.pattern_weight:
      terms["pattern"] = losses.pattern(
        fake["image"], real["image"], networks.generator.scale
      )
      total += settings.pattern_weight * terms["pattern"]
    if settings.perceptual_weight:
      terms["perceptual"] = losses.perceptual(
        fake["layers"],
        real["layers"],
        settings.perceptual_layers,
        settings.perceptual,
        settings.feature_scale,
      )
      total += settings.perceptual_weight * terms["perceptual"]
    if settings.adversarial_weight:
      for name, discriminator in discriminators.items():
        logits = judge(name, discriminator.variables, real, fake)
        terms[f"adversarial_{name}"] = losses.adversarial_generator(
          *logits, settings.adversarial
        )
        total += settings.adversarial_weight * terms[f"adversarial_{name}"]
    return total, terms

  def discriminator_loss(params, batch_stats, name, real, fake):
    module = networks.discriminators[name]
    variables = {"params": params, "batch_stats": batch_stats}
    real_logits, updates = module.apply(
      variables, real[name], mutable=["batch_stats"]
    )
    fake_logits = module.apply({**variables, **updates}, fake[name])
    logits = real_logits, fake_logits
    loss = losses.adversarial_discriminator(*logits, settings.adversarial)
    batch_stats = updates.get("batch_stats", {})
    return settings.discriminator_weight * loss, (loss, logits, batch_stats)

  def update_discriminators(state, real, fake, metrics):
    updated = {}
    for name, network in state.discriminators.items():
      (_, (loss, logits, batch_stats)), gradients = jax.value_and_grad(
        discriminator_loss, has_aux=True
      )(network.params, network.batch_stats, name, real, fake)
      updated[name] = network.update(
        optimizers.discriminator, gradients, batch_stats
      )
      chances = losses.probabilities(*logits, settings.adversarial)
      metrics |= {
        f"loss/discriminator_{name}": loss,
        f"probability/{name}_real": chances[0],
        f"probability/{name}_fake": chances[1],
        f"gradient_norm/{name}_discriminator": optax.tree.norm(gradients),
      }
    return state.replace(discriminators=updated)

  def update_generator(state, real, fake, back, batch_stats, metrics):
    (_, terms), gradients = jax.value_and_grad(generator_loss, has_aux=True)(
      fake, real, state.discriminators
    )
    (gradients,) = back(gradients)
    metrics |= {f"loss/{name}": value for name, value in terms.items()}
    metrics["gradient_norm/generator"] = optax.tree.norm(gradients)
    return state.replace(
      generator=state.generator.update(
        optimizers.generator, gradients, batch_stats
      )
    )

  def step(state: state_lib.TrainState, vgg, hr: jax.Array):
    key = jax.random.fold_in(degradation_key, state.step)
    lr, hr, _ = degrade_batch(hr, key)

    def make(params):
      sr, batch_stats = generate(params, state.generator.batch_stats, lr)
      return look(sr, vgg), batch_stats

    real = look(hr, vgg)
    # Once for all losses: `back` takes their gradients to the parameters.
    fake, back, batch_stats = jax.vjp(
      make, state.generator.params, has_aux=True
    )
    made = (real, fake, back, batch_stats)
    metrics = {}
    if config.update_first == "generator":
      state = update_generator(state, *made, metrics)
    state = update_discriminators(state, real, fake, metrics)
    if config.update_first == "discriminator":
      state = update_generator(state, *made, metrics)

    metrics["learning_rate/generator"] = optimizers.generator_schedule(
      state.step
    )
    if state.discriminators:
      metrics["learning_rate/discriminator"] = (
        optimizers.discriminator_schedule(state.step)
      )
    ema = _average(
      state.ema, state.generator.variables, config.ema_decay, state.step
    )
    return state.replace(step=state.step + 1, ema=ema), metrics

  return step


def _average(ema, variables, decay: float, step):
  if not ema:
    return ema
  # The first steps are forgotten sooner, or a short run would average its
  # random start.
  decay = jnp.minimum(decay, (1 + step) / (10 + step))
  return optax.incremental_update(variables, ema, 1 - decay)
