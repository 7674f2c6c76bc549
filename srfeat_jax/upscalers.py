"""Upscalers by name: of weights, of two weights blended, or bicubic."""

from srfeat_jax import errors, models, weights
from srfeat_jax.inference import upscaler

BICUBIC = "bicubic"  # the baseline, which needs no weights
_BICUBIC_SCALE = 4


def make(
  name: str,
  *,
  blend: str | None = None,
  alpha: float | None = None,
  **options,
):
  """Makes an upscaler.

  Args:
    name: workdir of a run, weights file, or BICUBIC.
    blend: other weights of the same architecture, to interpolate with.
    alpha: the share of `blend`, in [0, 1].
    **options: of `upscaler.Upscaler`: tile, memory, ensemble, precision. They
      make no difference to bicubic.

  Returns:
    The upscaler, see the module `inference.upscaler`, and its scale (bicubic:
    4).

  Raises:
    errors.InputError: no such weights, they cannot be blended, or an option
      does not suit them.
  """
  if (blend is None) != (alpha is None):
    raise errors.InputError(
      "blend and alpha belong together: name the other weights and their share"
    )
  if name == BICUBIC:
    if blend is not None:
      raise errors.InputError("blend: bicubic has no weights to blend")
    return upscaler.bicubic, _BICUBIC_SCALE
  if blend is None:
    loaded = weights.load(name)
  else:
    loaded = weights.blend(name, blend, alpha)
  generator = models.build(loaded.generator)
  upscale = upscaler.Upscaler(generator, loaded.variables, **options)
  return upscale, upscale.scale
