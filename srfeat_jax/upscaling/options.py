"""The options of upscaling.

The command line (`upscaler_flags`), the Python call, the page and `evaluate`
all fill in one value, which `upscaler_factory` and `picture_upscaling` use.
Importing this does not import JAX.
"""

import dataclasses
import numbers
import os
import pathlib

from srfeat_jax import errors
from srfeat_jax.weights import shipped

BICUBIC = "bicubic"  # the baseline, which needs no weights
PRECISIONS = ("float32", "bfloat16")
MAX_OUTSCALE = 16  # larger ones are typing errors


@dataclasses.dataclass(frozen=True)
class Options:
  """How images are upscaled.

  Attributes:
    weights: one of `shipped.NAMES`, workdir of a run, weights file, or BICUBIC.
    blend: other weights of the same architecture, to interpolate with.
    alpha: the share of `blend`, in [0, 1].
    outscale: scale factor of the result, above 0 and at most MAX_OUTSCALE,
      reached by resizing the network's output; None: the network's.
    tile: side in pixels of the largest tile; None: what `memory` allows. This
      and the options below make no difference to bicubic.
    memory: bytes that the network may use at a time; None: see
      `inference.upscaler.Upscaler`.
    ensemble: whether to use the geometric self-ensemble (x8).
    precision: one of PRECISIONS; None: the precision of the training.

  Raises:
    errors.InputError: on construction: an option is invalid, or only one of
      blend and alpha is set.
  """

  weights: str | os.PathLike = shipped.DEFAULT
  blend: str | os.PathLike | None = None
  alpha: float | None = None
  outscale: float | None = None
  tile: int | None = None
  memory: int | None = None
  ensemble: bool = False
  precision: str | None = None

  def __post_init__(self):
    _check(self)
    for option in ("weights", "blend"):
      value = getattr(self, option)
      if value is not None:
        object.__setattr__(self, option, os.fspath(value))
    object.__setattr__(self, "ensemble", bool(self.ensemble))

  @property
  def name(self) -> str:
    """The weights and options, for reports."""
    parts = [os.fspath(self.weights)]
    if self.blend is not None:
      parts.append(f"+ {self.alpha:g} {self.blend}")
    if self.ensemble:
      parts.append("(ensemble)")
    if self.precision:
      parts.append(f"({self.precision})")
    return " ".join(parts)

  @property
  def short_name(self) -> str:
    """The weights, for captions."""
    if self.blend is None:
      return pathlib.Path(self.weights).name
    return f"{pathlib.Path(self.blend).name} x {self.alpha:g}"


def _check(options: Options) -> None:
  outscale = options.outscale
  # Written so that a NaN fails it.
  if outscale is not None and not (
    isinstance(outscale, numbers.Real) and 0 < outscale <= MAX_OUTSCALE
  ):
    raise errors.InputError(
      f"outscale is {outscale!r}: expected a number above 0, at most"
      f" {MAX_OUTSCALE}"
    )
  for option, unit in (("tile", "of pixels"), ("memory", "of bytes")):
    value = getattr(options, option)
    whole = isinstance(value, numbers.Integral) and int(value) > 0
    if value is not None and not whole:
      raise errors.InputError(
        f"{option} is {value!r}: expected a whole number {unit} above 0, or"
        " None"
      )
  alpha = options.alpha
  if alpha is not None and not isinstance(alpha, numbers.Real):
    raise errors.InputError(
      f"alpha is {alpha!r}: expected a number from 0 to 1, or None"
    )
  if options.precision not in (None, *PRECISIONS):
    raise errors.InputError(
      f"precision is {options.precision!r}: expected one of"
      f" {', '.join(PRECISIONS)}, or None"
    )
  for option in ("weights", "blend"):
    path = getattr(options, option)
    absent = option == "blend" and path is None
    if not absent and not isinstance(path, (str, os.PathLike)):
      raise errors.InputError(
        f"{option} is {path!r}: expected a name, a workdir, a weights file or"
        " bicubic"
      )
  if (options.blend is None) != (alpha is None):
    raise errors.InputError(
      "blend and alpha belong together: name the other weights and their share"
    )
