"""The networks of a training run, from its config and its VGG-19 file."""

from collections.abc import Mapping
from typing import Any

import jax

from srfeat_jax import errors, models
from srfeat_jax.interchange import vgg19_file
from srfeat_jax.models import vgg19
from srfeat_jax.training import steps


def build(config) -> tuple[steps.Networks, dict]:
  """Makes the modules, and loads VGG-19 if a loss or a discriminator needs it.

  Args:
    config: of the run; read are `generator`, `discriminators`, `losses`,
      `vgg_weights` and `crop_size`.

  Returns:
    The networks, and VGG-19's variables, {} if it is not needed.

  Raises:
    errors.InputError: a field has a value it does not take; VGG-19's weights
      are missing or of another network; or a discriminator does not fit the
      size of the crops or of their features.
  """
  if not _layers(config):
    return assemble(config, {}), {}
  source = vgg19_file.load(config.vgg_weights)
  return assemble(config, source.settings), source.variables


def assemble(config, vgg_settings: Mapping[str, Any]) -> steps.Networks:
  """Makes the modules alone.

  Args:
    config: as for `build`.
    vgg_settings: what VGG-19's weights want, if it is needed: fields of
      `vgg19.VGG19` beside its layers and dtype. It computes in what the
      generator computes in.

  Raises:
    errors.InputError: as `build`, but for the file.
  """
  generator = models.build(config.generator)
  unknown = set(config.discriminators) - {"image", "feature"}
  if unknown:
    raise errors.InputError(
      f"config.discriminators has {', '.join(sorted(unknown))}: expected"
      ' "image" and "feature", each of them or none'
    )
  layers = _layers(config)
  features = None
  if layers:
    features = vgg19.VGG19(layers, dtype=generator.dtype, **vgg_settings)
  views = {"image": (1, config.crop_size, config.crop_size, 3)}
  if "feature" in config.discriminators:
    image = jax.ShapeDtypeStruct(views["image"], "float32")
    shapes, _ = jax.eval_shape(
      features.init_with_output, jax.random.key(0), image
    )
    views["feature"] = shapes[config.losses.feature_layer].shape
  discriminators = {
    name: models.build_discriminator(
      each, views[name][1], name=f"config.discriminators.{name}"
    )
    for name, each in config.discriminators.items()
  }
  return steps.Networks(generator, features, discriminators, views)


def _layers(config) -> tuple[str, ...]:
  """The layers of VGG-19 that the run looks at."""
  layers = set()
  if config.losses.perceptual_weight:
    layers |= set(config.losses.perceptual_layers)
  if "feature" in config.discriminators:
    layers.add(config.losses.feature_layer)
  return tuple(sorted(layers))
