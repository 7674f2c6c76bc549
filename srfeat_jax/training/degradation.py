"""The degradation that the generator learns to undo: HR crops to LR."""

import functools
import importlib
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections

from srfeat_jax import errors
from srfeat_jax.ops import pixels, resize
from srfeat_jax.training import photo_degradation

_KINDS = ("bicubic", "photo", "custom")

# uint8 HR crops [b, H, W, 3] and a key to LR and HR in [0, 1], float32
# [b, H / scale, W / scale, 3] and [b, H, W, 3], and what was drawn for each
# image, arrays [b, ...] by name.
Degradation = Callable[
  [jax.Array, jax.Array], tuple[jax.Array, jax.Array, dict[str, jax.Array]]
]


def check_crop_size(crop_size: int, scale: int) -> None:
  """Raises `errors.InputError` unless the scale divides the crop size."""
  if crop_size < scale or crop_size % scale:
    raise errors.InputError(
      f"config.crop_size is {crop_size}, which is not divisible by"
      f" the generator's scale {scale}: choose a multiple of {scale}"
    )


def make(config: ml_collections.ConfigDict, scale: int) -> Degradation:
  """The degradation of a run.

  Args:
    config: `config.degradation`, see `configs/degradations.py`.
    scale: of LR.

  Returns:
    A pure function, see `Degradation`. What it draws depends only on the key
    and an image's position in the batch, not on the number of devices.

  Raises:
    errors.InputError: an unknown kind, or a function that is not there.
  """
  if config.kind not in _KINDS:
    raise errors.InputError(
      f'config.degradation.kind is "{config.kind}": expected one of'
      f" {', '.join(_KINDS)}"
    )
  match config.kind:
    case "bicubic":
      return _bicubic(scale)
    case "photo":
      return _photo(config, scale)
    case _:
      return _custom(config.function, scale)


def degrade(hr: jax.Array, scale: int) -> tuple[jax.Array, jax.Array]:
  """uint8 crops `[b, H, W, 3]` to a pair of clean LR and HR in [0, 1].

  LR is MATLAB's antialiased bicubic of the crop, rounded to 8 bits, as the
  files of the field's test sets are (SRFeat's own augmentation script does the
  same to its crops, so that their edges are mirrored).

  Returns:
    float32 `[b, H / scale, W / scale, 3]` and `[b, H, W, 3]`.
  """
  lr = resize.resize(hr, 1 / scale)
  return pixels.to_float(lr), pixels.to_float(hr)


def of_batch(
  degrade: Degradation, batch: Any, key: jax.Array
) -> tuple[jax.Array, jax.Array, dict[str, jax.Array]]:
  """Makes LR and HR of a batch, of which images may have an LR of their own.

  Args:
    degrade: makes LR of the others.
    batch: uint8 HR crops `[b, H, W, 3]`; or a dict of them as "hr", of uint8 LR
      crops as "lr", and, unless all images have one, bool `[b]` as "is_pair".
    key: of what is drawn.

  Returns:
    As a `Degradation`; "is_pair" is among the draws, if there are pairs.
  """
  if not isinstance(batch, Mapping):
    return degrade(batch, key)
  own_lr = pixels.to_float(batch["lr"])
  if "is_pair" not in batch:
    hr = pixels.to_float(batch["hr"])
    return own_lr, hr, {"is_pair": jnp.ones(len(hr), bool)}
  lr, hr, draws = degrade(batch["hr"], key)
  is_pair = batch["is_pair"]
  lr = jnp.where(is_pair[:, None, None, None], own_lr, lr)
  return lr, hr, draws | {"is_pair": is_pair}


def caption(draws: Mapping[str, Any]) -> str:
  """What was drawn for one image, in a few words.

  Args:
    draws: the third result of a `Degradation`, of one image.
  """
  if draws.get("is_pair"):
    return "a pair"
  if "clean" not in draws:
    return ""
  if draws["clean"]:
    return "bicubic"
  lines = [
    photo_degradation.describe(draws, stage)
    for stage in ("first", "second", "last")
    if draws.get(f"{stage}_used", stage != "first")
  ]
  return "\n".join(lines)


def _bicubic(scale: int) -> Degradation:
  """`degrade`, which draws nothing."""

  def degraded(hr, key):
    del key
    return *degrade(hr, scale), {}

  return degraded


def _photo(config: ml_collections.ConfigDict, scale: int) -> Degradation:
  """`photo_degradation.degrade` of each image, except a share left clean."""

  def degraded(hr, key):
    clean, target = degrade(hr, scale)
    keys = jax.random.split(key, len(hr))
    photographed = functools.partial(
      photo_degradation.degrade, settings=config, scale=scale
    )
    lr, draws = jax.vmap(photographed)(target, keys)
    is_clean = jax.random.bernoulli(
      jax.random.fold_in(key, 1), config.clean_probability, (len(hr),)
    )
    lr = jnp.where(is_clean[:, None, None, None], clean, lr)
    return lr, target, {"clean": is_clean, **draws}

  return degraded


def _custom(name: str, scale: int) -> Degradation:
  """A user's own function, by the name that the config has for it."""
  module, _, function = name.partition(":")
  remedy = (
    'expected "MODULE:FUNCTION", as in "my_degradations:old_film", of a module'
    " that Python finds (in the current folder, or on PYTHONPATH)"
  )
  if not (module and function):
    raise errors.InputError(
      f'config.degradation.function is "{name}": {remedy}'
    )
  try:
    own = getattr(importlib.import_module(module), function)
  except (ModuleNotFoundError, AttributeError) as error:
    raise errors.InputError(
      f'config.degradation.function is "{name}", and {error}: {remedy}'
    ) from error

  def degraded(hr, key):
    target = pixels.to_float(hr)
    lr = own(target, key, scale)
    batch, height, width, channels = hr.shape
    expected = (batch, height // scale, width // scale, channels)
    if lr.shape != expected or lr.dtype != jnp.float32:
      raise errors.InputError(
        f"config.degradation.function={name} returned {lr.dtype} {lr.shape} of"
        f" HR {hr.shape}: expected float32 {expected}"
      )
    return lr, target, {}

  return degraded
