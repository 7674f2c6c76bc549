"""The flags that choose what pictures are enlarged with."""

import pathlib

from absl import flags

from srfeat_jax import upscaling
from srfeat_jax.weights import shipped

BICUBIC = upscaling.BICUBIC

_WEIGHTS = flags.DEFINE_string(
  "weights",
  shipped.DEFAULT,
  f"what to enlarge with: one of {', '.join(shipped.NAMES)}; workdir of a run,"
  f' weights file, or "{BICUBIC}"',
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
_ENSEMBLE = flags.DEFINE_bool(
  "ensemble",
  False,
  "take the mean over the picture turned and mirrored in all eight ways: a"
  " little better, eight times slower",
)
_PRECISION = flags.DEFINE_enum(
  "precision",
  None,
  ["float32", "bfloat16"],
  "numbers the network computes in, if not as its weights say; bfloat16 is"
  " faster on TPUs and new GPUs",
)


def name() -> str:
  """What is chosen, as a report calls it."""
  parts = [_WEIGHTS.value]
  if _BLEND.value is not None:
    parts.append(f"+ {_ALPHA.value:g} {_BLEND.value}")
  if _ENSEMBLE.value:
    parts.append("(ensemble)")
  if _PRECISION.value:
    parts.append(f"({_PRECISION.value})")
  return " ".join(parts)


def short_name() -> str:
  """What is chosen, as a caption calls it."""
  if _BLEND.value is None:
    return pathlib.Path(_WEIGHTS.value).name
  return f"{pathlib.Path(_BLEND.value).name} x {_ALPHA.value:g}"


def upscaler(tile: int | None = None, memory: int | None = None):
  """Makes the upscaler that the flags ask for.

  Args:
    tile: see `upscaler.Upscaler`.
    memory: likewise, in bytes; None: its default.

  Returns:
    The upscaler, see the module `upscaler`, and its scale (bicubic: 4).

  Raises:
    errors.InputError: no such weights, they cannot be blended, or the tile does
      not suit them.
  """
  # JAX takes seconds to import: --help and wrong flags need not wait for it.
  from srfeat_jax.upscaling import upscalers

  return upscalers.make(
    _WEIGHTS.value,
    blend=_BLEND.value,
    alpha=_ALPHA.value,
    ensemble=_ENSEMBLE.value,
    precision=_PRECISION.value,
    tile=tile,
    memory=memory,
  )
