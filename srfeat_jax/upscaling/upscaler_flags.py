"""The flags that choose the upscaler."""

import os

from absl import flags

from srfeat_jax import errors
from srfeat_jax.upscaling import options as options_lib
from srfeat_jax.weights import shipped

_WEIGHTS = flags.DEFINE_string(
  "weights",
  shipped.DEFAULT,
  f"what to upscale with: one of {', '.join(shipped.NAMES)}; the workdir of a"
  f' run; a weights file; or "{options_lib.BICUBIC}"; evaluate takes several,'
  " separated by commas",
  short_name="w",
)
_BLEND = flags.DEFINE_string(
  "blend",
  None,
  "other weights of the same architecture to blend with, typically GAN-trained"
  " weights where --weights are the PSNR-oriented ones they started from",
)
_ALPHA = flags.DEFINE_float(
  "alpha",
  None,
  "share of --blend, from 0 (only --weights) to 1 (only --blend)",
)
_ENSEMBLE = flags.DEFINE_bool(
  "ensemble",
  False,
  "use the geometric self-ensemble (x8), the mean over the image flipped and"
  " rotated in all eight ways: a little better, eight times slower",
)
_PRECISION = flags.DEFINE_enum(
  "precision",
  None,
  list(options_lib.PRECISIONS),
  "number format that the network computes in; by default that of its training;"
  " bfloat16 is faster on TPUs and recent GPUs",
)


def options(
  *,
  outscale: float | None = None,
  tile: int | None = None,
  memory: int | None = None,
) -> options_lib.Options:
  """Returns the options that the flags ask for.

  Args:
    outscale: see `Options`; a program that offers it has its own flag.
    tile: likewise.
    memory: likewise.

  Raises:
    errors.InputError: a flag is invalid, or requires another.
  """
  weights = _names()
  if not weights:
    raise errors.InputError(
      f"--weights={_WEIGHTS.value} names no weights: give a name, a workdir or"
      " a file"
    )
  if len(weights) != 1:
    raise errors.InputError(
      f"--weights={_WEIGHTS.value} names {len(weights)} sets of weights: choose"
      " one here; evaluate compares several"
    )
  return options_lib.Options(
    weights[0],
    blend=_BLEND.value,
    alpha=_ALPHA.value,
    outscale=outscale,
    tile=tile,
    memory=memory,
    ensemble=_ENSEMBLE.value,
    precision=_PRECISION.value,
  )


def several() -> list[options_lib.Options]:
  """Returns the options for each of several weights, separated by commas.

  Raises:
    errors.InputError: as `options`; or several weights would be blended.
  """
  weights = _names()
  if len(weights) < 2:
    return [options()]
  if _BLEND.value is not None or _ALPHA.value is not None:
    raise errors.InputError(
      f"--weights={_WEIGHTS.value} names {len(weights)} sets of weights, and"
      " --blend and --alpha belong to one: write the blend to a file by"
      " `convert blend`, and name that"
    )
  return [
    options_lib.Options(
      each, ensemble=_ENSEMBLE.value, precision=_PRECISION.value
    )
    for each in weights
  ]


def _names() -> list[str]:
  """The weights that are named, without repetitions."""
  text = _WEIGHTS.value
  if os.path.exists(text):  # a path with a comma in it
    return [text]
  parts = [part.strip() for part in text.split(",")]
  return list(dict.fromkeys(filter(None, parts)))
