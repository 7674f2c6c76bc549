"""The networks of a training run, from its config and its VGG-19 file."""

import pathlib
from collections.abc import Mapping
from typing import Any

import jax
from flax import linen as nn

from srfeat_jax import errors, models
from srfeat_jax.interchange import vgg19_file
from srfeat_jax.models import vgg19
from srfeat_jax.training import degrade, steps


def build(config) -> tuple[steps.Networks, dict]:
  """Makes the modules, and loads VGG-19 if a loss or a discriminator needs it.

  Args:
    config: of the run; read are `generator`, `discriminators`, `losses`,
      `vgg_weights`, `vgg_preprocessing`, `vgg_clip` and `crop_size`.

  Returns:
    The networks, and VGG-19's variables, {} if it is not needed.

  Raises:
    errors.InputError: a field has a value it does not take; VGG-19's weights
      are missing, of another network or others than the losses are set for; or
      a discriminator does not fit the size of the crops or of their features.
  """
  if not _layers(config):
    return assemble(config, {}), {}
  source = _load_vgg(config)
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
  degrade.check_crop_size(config.crop_size, generator.scale)
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
  discriminators = _discriminators(config, views)
  return steps.Networks(generator, features, discriminators, views)


def _layers(config) -> tuple[str, ...]:
  """The layers of VGG-19 that the run looks at."""
  losses = config.losses
  layers = {}  # where each is named
  if losses.perceptual_weight:
    for name in losses.perceptual_layers:
      layers[name] = "config.losses.perceptual_layers"
  if "feature" in config.discriminators:
    layers[losses.feature_layer] = "config.losses.feature_layer"
  for name, field in layers.items():
    vgg19.check_layer(field, name)
  return tuple(sorted(layers))


def _load_vgg(config) -> vgg19_file.Source:
  """VGG-19's file, if its weights are those that the losses are set for."""
  wanted, path = config.vgg_preprocessing, config.vgg_weights
  if wanted not in ("", *vgg19.PREPROCESSINGS):
    raise errors.InputError(
      f'config.vgg_preprocessing is "{wanted}": expected "caffe",'
      ' "torchvision", or "" for any'
    )
  remedy = vgg19_file.where_to_get(
    wanted or "torchvision", clip=config.vgg_clip
  )
  if not pathlib.Path(path).is_file():
    raise errors.InputError(
      f'config.vgg_weights is "{path}", and there is no such file: for the'
      f" VGG-19 that the losses look at, {remedy}"
    )
  try:
    source = vgg19_file.load(path)
  except errors.InputError as error:
    raise errors.InputError(f"config.vgg_weights: {error}") from error
  found = source.settings["preprocessing"]
  if found != (wanted or found):
    raise errors.InputError(
      f"config.vgg_weights={path} has weights of the kind {found}, and the"
      f" losses are set for {wanted}, whose features are of another magnitude:"
      f" {remedy}; or, if these are meant, set"
      f" config.vgg_preprocessing={found}, and config.losses.feature_scale to"
      " suit"
    )
  if config.vgg_clip and not source.settings["clip"]:
    raise errors.InputError(
      f"config.vgg_weights={path} does not clip images to [0, 1], as"
      f" config.vgg_clip asks: {remedy}; or set config.vgg_clip=False"
    )
  return source


def _discriminators(config, views) -> dict[str, nn.Module]:
  """Those of the config, if all of them fit what they look at."""
  built, problems = {}, []
  for name, each in config.discriminators.items():
    try:
      built[name] = models.build_discriminator(
        each, views[name][1], name=f"config.discriminators.{name}"
      )
    except errors.InputError as error:
      problems.append(str(error))
  if problems:
    raise errors.InputError("; ".join(problems))
  return built
