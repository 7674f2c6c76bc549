"""The networks of a training run, from its config and its VGG-19 file."""

import dataclasses
import pathlib
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import ml_collections
from flax import linen as nn

from srfeat_jax import errors, models, places
from srfeat_jax.interchange import vgg19_file
from srfeat_jax.models import vgg19
from srfeat_jax.training import degradation, losses
from srfeat_jax.training import teacher as teacher_lib


class Role(NamedTuple):
  """What a discriminator of a run is there for.

  Attributes:
    of_features: whether it takes VGG-19's features of an image, of the layer
      `config.losses.feature_layer`, or the image itself.
    key: the number passed to `fold_in` for its random key, so that it begins
      alike whichever others there are.
  """

  of_features: bool
  key: int


# By the names that discriminators have in the config, and in the names of
# logged scalars.
ROLES: Mapping[str, Role] = {
  "image": Role(of_features=False, key=1),
  "feature": Role(of_features=True, key=0),
}
# Of the seed's random streams, that of the generator's start. 0 and 1 are those
# of `ROLES`, 2 and 4 those of the degradation and of penalties, see `steps`.
_GENERATOR = 3


@dataclasses.dataclass(frozen=True)
class Networks:
  """The modules of a run.

  Attributes:
    generator: maps LR to SR.
    vgg: VGG-19, which maps an image to features by layer; None if no loss and
      no discriminator needs it.
    discriminators: by role, see `ROLES`.
    input_shapes: of each discriminator, `[1, h, w, c]`.
    teacher: which makes the target of SR; None for HR itself.
  """

  generator: nn.Module
  vgg: nn.Module | None
  discriminators: Mapping[str, nn.Module]
  input_shapes: Mapping[str, tuple[int, ...]]
  teacher: teacher_lib.Teacher | None = None

  def init(self, key: jax.Array) -> tuple[dict, dict[str, dict]]:
    """Random variables of the generator, and of each discriminator by name."""
    discriminators = {
      name: module.init(
        jax.random.fold_in(key, ROLES[name].key),
        jnp.zeros(self.input_shapes[name]),
      )
      for name, module in self.discriminators.items()
    }
    # A key is drawn from, or folded, never both.
    generator_key = jax.random.fold_in(key, _GENERATOR)
    return models.init(self.generator, generator_key), discriminators


def build(config: ml_collections.ConfigDict) -> tuple[Networks, dict]:
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


def assemble(
  config: ml_collections.ConfigDict, vgg_settings: Mapping[str, Any]
) -> Networks:
  """Makes the modules alone.

  Args:
    config: as for `build`.
    vgg_settings: what VGG-19's weights need, where it is used: fields of
      `vgg19.VGG19` other than its layers and dtype. Its compute dtype is the
      generator's.

  Raises:
    errors.InputError: as `build`, except for the file.
  """
  generator = models.build(config.generator)
  degradation.check_crop_size(config.crop_size, generator.scale)
  unknown = set(config.discriminators) - set(ROLES)
  if unknown:
    raise errors.InputError(
      f"config.discriminators has {', '.join(sorted(unknown))}: expected any of"
      f" {', '.join(ROLES)}, or none"
    )
  layers = _layers(config)
  vgg = None
  if layers:
    dtype = getattr(generator, "dtype", "float32")  # may be left out
    vgg = vgg19.VGG19(layers, dtype=dtype, **vgg_settings)
  input_shapes = _input_shapes(config, vgg)
  discriminators = _discriminators(config, input_shapes)
  return Networks(generator, vgg, discriminators, input_shapes)


def need_features(discriminators: Collection[str]) -> bool:
  """Whether any of the discriminators, by role, takes features."""
  return any(ROLES[name].of_features for name in discriminators)


def _input_shapes(
  config: ml_collections.ConfigDict, vgg: vgg19.VGG19 | None
) -> dict[str, tuple[int, ...]]:
  """What each discriminator of the config takes, `[1, h, w, c]`."""
  image = jax.ShapeDtypeStruct(
    (1, config.crop_size, config.crop_size, 3), "float32"
  )
  shapes = {}
  for name in config.discriminators:
    shapes[name] = image.shape
    if ROLES[name].of_features:
      assert vgg is not None  # `_layers` has the layer
      features, _ = jax.eval_shape(
        vgg.init_with_output, jax.random.key(0), image
      )
      shapes[name] = features[config.losses.feature_layer].shape
  return shapes


def _layers(config: ml_collections.ConfigDict) -> tuple[str, ...]:
  """The layers of VGG-19 whose features the run needs."""
  layers = {}  # where each is named
  for loss in losses.GENERATOR:
    if loss.layers and loss.weight(config.losses):
      for name in config.losses[loss.layers]:
        layers[name] = f"config.losses.{loss.layers}"
  if need_features(config.discriminators):
    layers[config.losses.feature_layer] = "config.losses.feature_layer"
  for name, field in layers.items():
    vgg19.check_layer(field, name)
  return tuple(sorted(layers))


def _load_vgg(config: ml_collections.ConfigDict) -> vgg19_file.Source:
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
  if not places.is_address(path) and not pathlib.Path(path).is_file():
    raise errors.InputError(
      f'config.vgg_weights is "{path}", and there is no such file: for the'
      f" VGG-19 that the losses need, {remedy}"
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


def _discriminators(
  config: ml_collections.ConfigDict, input_shapes
) -> dict[str, nn.Module]:
  """Those of the config, if all of them fit their inputs."""
  built, problems = {}, []
  for name, each in config.discriminators.items():
    try:
      built[name] = models.build_discriminator(
        each, input_shapes[name][1], name=f"config.discriminators.{name}"
      )
    except errors.InputError as error:
      problems.append(str(error))
  if problems:
    raise errors.InputError("; ".join(problems))
  return built
