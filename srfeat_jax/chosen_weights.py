"""The flags that choose what pictures are enlarged with."""

import pathlib

from absl import flags

from srfeat_jax import errors

BICUBIC = "bicubic"  # the baseline, which needs no weights

_WEIGHTS = flags.DEFINE_string(
  "weights",
  None,
  'what to enlarge with: workdir of a run, weights file, or "bicubic"',
  required=True,
)
_BLEND = flags.DEFINE_string(
  "blend",
  None,
  "other weights of the same architecture, to interpolate with: those of the"
  " adversarial training, where --weights are what it started from",
)
_ALPHA = flags.DEFINE_float(
  "alpha", None, "share of --blend, from 0, only --weights, to 1, only --blend"
)


def name() -> str:
  """What is chosen, as a report calls it."""
  if _BLEND.value is None:
    return _WEIGHTS.value
  return f"{_WEIGHTS.value} + {_ALPHA.value:g} {_BLEND.value}"


def short_name() -> str:
  """What is chosen, as a caption calls it."""
  if _BLEND.value is None:
    return pathlib.Path(_WEIGHTS.value).name
  return f"{pathlib.Path(_BLEND.value).name} x {_ALPHA.value:g}"


def upscaler(tile: int | None):
  """Makes the upscaler that the flags ask for.

  Args:
    tile: see `upscaler.Upscaler`.

  Returns:
    The upscaler, see the module `upscaler`, and its scale (bicubic: 4).

  Raises:
    errors.InputError: no such weights, they cannot be blended, or the tile does
      not suit them.
  """
  if (_BLEND.value is None) != (_ALPHA.value is None):
    raise errors.InputError(
      "--blend and --alpha belong together: name the other weights and their"
      " share"
    )
  # JAX takes seconds to import: --help and wrong flags need not wait for it.
  from srfeat_jax import models, weights
  from srfeat_jax.inference import upscaler as upscaler_lib

  if _WEIGHTS.value == BICUBIC:
    if _BLEND.value is not None:
      raise errors.InputError("--blend: bicubic has no weights to blend")
    return upscaler_lib.bicubic, 4
  if _BLEND.value is None:
    loaded = weights.load(_WEIGHTS.value)
  else:
    loaded = weights.blend(_WEIGHTS.value, _BLEND.value, _ALPHA.value)
  generator = models.build(loaded.generator)
  upscale = upscaler_lib.Upscaler(generator, loaded.variables, tile)
  return upscale, upscale.scale
