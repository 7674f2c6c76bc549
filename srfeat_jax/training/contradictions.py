"""Fields of a config that contradict each other.

What one of them asks for, another makes impossible or leaves without effect.
That is refused where nobody can mean it, and only told of where a config that
serves several runs, such as those of `configs/`, brings it with it.
"""

from collections.abc import Iterator
from typing import Any

import ml_collections
from absl import logging

from srfeat_jax import errors
from srfeat_jax.training import losses, networks

_PENALTIES = ("r1_weight", "gradient_penalty_weight")
_VALIDATION = ("lpips_weights", "metrics", "best_metric")


def check(config: ml_collections.ConfigDict) -> None:
  """Refuses contradictions, or logs a warning of each.

  Args:
    config: of a run, see `configs/`; its values are in their ranges.

  Raises:
    errors.InputError: of the first that is refused.
  """
  for sentence in _refused(config):
    raise errors.InputError(sentence)
  for sentence in _told(config):
    logging.warning("%s", sentence)


def _refused(config: ml_collections.ConfigDict) -> Iterator[str]:
  """Sentences about what nobody can mean."""
  if not config.discriminators:
    yield from _of_no_discriminator(config)
  elif not (
    config.losses.discriminator_weight or config.init_discriminators_from
  ):
    yield (
      "config.losses.discriminator_weight is 0, so that discriminators stay as"
      " they begin, at random: set it above 0, or name a run whose"
      " discriminators are to be kept in config.init_discriminators_from"
    )
  generator = config.generator
  if generator.get("icnr"):
    for field, value in (("upsampler", "nearest"), ("scale", 1)):
      if generator.get(field) == value:
        yield (
          f"config.generator.icnr is True, and config.generator.{field} is"
          f" {value}, so that there is no pixel shuffle, whose convolution icnr"
          " is about: set config.generator.icnr=False"
        )
  if not config.data.benchmarks:
    for name in _VALIDATION:
      if value := config.validation[name]:
        yield (
          f"config.validation.{name} is {value}, and config.data.benchmarks is"
          " empty, so that nothing is validated: name a folder of sets there,"
          f" or leave config.validation.{name} empty"
        )
  if config.profile_steps and config.profile_steps[0] > config.num_steps:
    yield (
      f"config.profile_steps is {tuple(config.profile_steps)}, and the run has"
      f" only config.num_steps={config.num_steps}: name earlier steps, or ()"
    )
  if config.teacher and not any(
    _weighs(config, loss) and not (loss.of_logits or loss.of_maps)
    for loss in losses.GENERATOR
  ):
    yield (
      f"config.teacher is {config.teacher}, and no loss compares with its"
      " output, for discriminators see HR: set a weight such as"
      " config.losses.pixel_weight above 0, or config.teacher to nothing"
    )


def _of_no_discriminator(config: ml_collections.ConfigDict) -> Iterator[str]:
  """Sentences about what only a run with discriminators can have."""
  fields: dict[str, tuple[Any, Any]] = {
    f"losses.{name}": (config.losses[name], 0.0)
    for name in _PENALTIES
    if config.losses[name]
  }
  if config.discriminator_steps > 1:
    fields["discriminator_steps"] = config.discriminator_steps, 1
  if config.init_discriminators_from:
    fields["init_discriminators_from"] = config.init_discriminators_from, '""'
  for field, (value, neutral) in fields.items():
    yield (
      f"config.{field} is {value}, and config.discriminators has none: give it"
      f" some, as configs/gan.py does, or set config.{field}={neutral}"
    )


def _told(config: ml_collections.ConfigDict) -> Iterator[str]:
  """Sentences about what has no effect, and may come from a preset."""
  heard = any(
    _weighs(config, loss) and (loss.of_logits or loss.of_maps)
    for loss in losses.GENERATOR
  )
  if config.discriminators and not heard:
    yield (
      "config.losses.adversarial_weight is 0: discriminators learn, and the"
      " generator does not learn from them"
    )
  if not config.discriminators and config.losses.adversarial_weight:
    yield (
      f"config.losses.adversarial_weight is {config.losses.adversarial_weight},"
      " without effect, because config.discriminators has none"
    )
  if (
    config.losses.adversarial != "relativistic"
    and not config.losses.relativistic_detach
  ):
    yield (
      "config.losses.relativistic_detach is False, without effect on"
      f" config.losses.adversarial={config.losses.adversarial}"
    )
  generator = config.generator
  for field, values in (("upsampler", ("direct", "nearest")), ("scale", (1,))):
    if generator.get("blur_after_shuffle") and generator.get(field) in values:
      yield (
        "config.generator.blur_after_shuffle is True, without effect: with"
        f" config.generator.{field}={generator[field]} no convolution follows a"
        " pixel shuffle"
      )
  if config.freeze_batch_norm and generator.get("batch_norm") is False:
    yield (
      "config.freeze_batch_norm is True, without effect, because"
      " config.generator.batch_norm is False"
    )
  if config.losses.phase_weight and generator.get("scale") == 1:
    yield (
      f"config.losses.phase_weight is {config.losses.phase_weight}, without"
      " effect at config.generator.scale=1, where an LR pixel has one phase"
    )
  if config.vgg_weights and not _needs_vgg(config):
    yield (
      f"config.vgg_weights is {config.vgg_weights}, without effect, because no"
      " loss and no discriminator of this run needs VGG-19"
    )
  if config.teacher and not config.teacher_share:
    yield (
      "config.teacher_share is 0, so that the teacher of config.teacher takes"
      " time without effect"
    )
  yield from _of_learning_rate(config, "")
  if config.discriminators:
    yield from _of_learning_rate(config, "discriminator_")


def _of_learning_rate(
  config: ml_collections.ConfigDict, prefix: str
) -> Iterator[str]:
  """Sentences about a learning rate, the generator's without a prefix."""
  name, rate = f"{prefix}learning_rate", config[f"{prefix}learning_rate"]
  ignored = {"cosine": "boundaries", "piecewise": "cycles"}.get(rate.schedule)
  if ignored and rate[ignored] not in ((), [], 1):
    yield (
      f"config.{name}.{ignored} is {rate[ignored]}, without effect on"
      f" config.{name}.schedule={rate.schedule}"
    )
  falls = rate.schedule == "cosine" or len(rate.boundaries) > 0
  if config[f"{prefix}optimizer"].kind == "schedule_free_adam" and falls:
    yield (
      f"config.{prefix}optimizer.kind is schedule_free_adam, which wants a"
      f" constant learning rate after the warm-up, and config.{name} falls: set"
      f" config.{name}.schedule=piecewise without boundaries"
    )


def _needs_vgg(config: ml_collections.ConfigDict) -> bool:
  of_features = any(
    role.of_features and name in config.discriminators
    for name, role in networks.ROLES.items()
  )
  return of_features or any(
    loss.layers and _weighs(config, loss) for loss in losses.GENERATOR
  )


def _weighs(config: ml_collections.ConfigDict, loss: losses.Loss) -> bool:
  return bool(loss.weight(config.losses))
