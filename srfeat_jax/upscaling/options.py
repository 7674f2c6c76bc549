"""What a person chooses when images are upscaled.

One value that the command line (`upscaler_flags`), the Python call, the page
and `evaluate` all fill in, and that `upscalers.make` and `picture_upscaling`
act on. Importing this takes no JAX.
"""

import dataclasses
import numbers
import os
import pathlib

from srfeat_jax import errors
from srfeat_jax.weights import shipped

BICUBIC = "bicubic"  # the baseline, which needs no weights
PRECISIONS = ("float32", "bfloat16")
MOST_OUTSCALE = 16  # times; more is a slip of the keyboard


@dataclasses.dataclass(frozen=True)
class Options:
  """How images are upscaled.

  Attributes:
    weights: of `shipped.NAMES`, workdir of a run, weights file, or BICUBIC.
    blend: other weights of the same architecture, to interpolate with.
    alpha: the share of `blend`, in [0, 1].
    outscale: enlargement, above 0 and at most MOST_OUTSCALE, reached by
      resizing what the network gives; None: the network's.
    tile: side in pixels of the largest tile; None: what `memory` allows. This
      and those below make no difference to bicubic.
    memory: bytes that the network may use at a time; None: see
      `inference.upscaler.Upscaler`.
    ensemble: take the mean over eight ways to turn and mirror the image.
    precision: of PRECISIONS; None: what the weights were trained in.

  Raises:
    errors.InputError: when it is made: an option is not of its kind, or blend
      and alpha are not given together.
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
    """What is chosen, as a report calls it."""
    parts = [self.weights]
    if self.blend is not None:
      parts.append(f"+ {self.alpha:g} {self.blend}")
    if self.ensemble:
      parts.append("(ensemble)")
    if self.precision:
      parts.append(f"({self.precision})")
    return " ".join(parts)

  @property
  def short_name(self) -> str:
    """What is chosen, as a caption calls it."""
    if self.blend is None:
      return pathlib.Path(self.weights).name
    return f"{pathlib.Path(self.blend).name} x {self.alpha:g}"


def _check(options: Options) -> None:
  outscale = options.outscale
  # Written so that a NaN fails it.
  if outscale is not None and not (
    isinstance(outscale, numbers.Real) and 0 < outscale <= MOST_OUTSCALE
  ):
    raise errors.InputError(
      f"outscale is {outscale!r}: expected a number above 0, at most"
      f" {MOST_OUTSCALE}"
    )
  for option in ("tile", "memory"):
    value = getattr(options, option)
    whole = isinstance(value, numbers.Integral) and value > 0
    if value is not None and not whole:
      raise errors.InputError(
        f"{option} is {value!r}: expected a whole number above 0, or None"
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
