"""Upscalers by name: of weights, of two weights blended, or bicubic."""

import numbers

from srfeat_jax import errors, models, upscaling
from srfeat_jax.inference import upscaler
from srfeat_jax.weights import blending, lookup

BICUBIC = upscaling.BICUBIC
_BICUBIC_SCALE = 4


def make(
  name: str,
  *,
  blend: str | None = None,
  alpha: float | None = None,
  tile: int | None = None,
  memory: int | None = None,
  ensemble: bool = False,
  precision: str | None = None,
):
  """Makes an upscaler.

  Args:
    name: of `shipped`, workdir of a run, weights file, or BICUBIC.
    blend: other weights of the same architecture, to interpolate with.
    alpha: the share of `blend`, in [0, 1].
    tile: see `upscaler.Upscaler`, and the others too; they make no difference
      to bicubic.
    memory: likewise, in bytes.
    ensemble: the mean over eight ways to turn and mirror the picture.
    precision: "float32", "bfloat16", or None.

  Returns:
    The upscaler, see the module `inference.upscaler`, and its scale (bicubic:
    4).

  Raises:
    errors.InputError: no such weights, they cannot be blended, or an option
      does not suit them.
  """
  check(alpha, tile, memory, precision)
  if (blend is None) != (alpha is None):
    raise errors.InputError(
      "blend and alpha belong together: name the other weights and their share"
    )
  if name == BICUBIC:
    if blend is not None:
      raise errors.InputError("blend: bicubic has no weights to blend")
    return upscaler.bicubic, _BICUBIC_SCALE
  if blend is None:
    loaded = lookup.load(name)
  else:
    loaded = blending.blend(name, blend, alpha)
  generator = models.build(loaded.generator)
  upscale = upscaler.Upscaler(
    generator,
    loaded.variables,
    tile,
    memory=memory,
    ensemble=ensemble,
    precision=precision,
  )
  return upscale, upscale.scale


def check(
  alpha: float | None,
  tile: int | None,
  memory: int | None,
  precision: str | None,
) -> None:
  """Sees that options of `make` are of the right kind.

  Raises:
    errors.InputError: one is not.
  """
  for option, value in (("tile", tile), ("memory", memory)):
    whole = isinstance(value, numbers.Integral) and value > 0
    if value is not None and not whole:
      raise errors.InputError(
        f"{option} is {value!r}: expected a whole number above 0, or None"
      )
  if alpha is not None and not isinstance(alpha, numbers.Real):
    raise errors.InputError(
      f"alpha is {alpha!r}: expected a number from 0 to 1, or None"
    )
  if precision not in (None, *upscaler.PRECISIONS):
    raise errors.InputError(
      f"precision is {precision!r}: expected one of"
      f" {', '.join(upscaler.PRECISIONS)}, or None"
    )
