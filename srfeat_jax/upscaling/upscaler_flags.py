"""The flags that choose what pictures are enlarged with."""

from absl import flags

from srfeat_jax.upscaling import options as options_lib
from srfeat_jax.weights import shipped

_WEIGHTS = flags.DEFINE_string(
  "weights",
  shipped.DEFAULT,
  f"what to enlarge with: one of {', '.join(shipped.NAMES)}; workdir of a run,"
  f' weights file, or "{options_lib.BICUBIC}"',
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
  list(options_lib.PRECISIONS),
  "numbers the network computes in, if not as its weights say; bfloat16 is"
  " faster on TPUs and new GPUs",
)


def options(
  *,
  outscale: float | None = None,
  tile: int | None = None,
  memory: int | None = None,
) -> options_lib.Options:
  """What the flags ask for.

  Args:
    outscale: what a program has flags of its own for, see `Options`.
    tile: likewise.
    memory: likewise.

  Raises:
    errors.InputError: a flag makes no sense, or lacks another.
  """
  return options_lib.Options(
    _WEIGHTS.value,
    blend=_BLEND.value,
    alpha=_ALPHA.value,
    outscale=outscale,
    tile=tile,
    memory=memory,
    ensemble=_ENSEMBLE.value,
    precision=_PRECISION.value,
  )
