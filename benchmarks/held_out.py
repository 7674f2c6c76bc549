"""Makes evaluation sets of real-world photos: clean, and degraded.

  python -m benchmarks.held_out PHOTOS MORE_PHOTOS --output=FOLDER
  python -m srfeat_jax.evaluate --benchmarks=FOLDER \\
    --sets=clean,light,medium,strong --weights=... --output=...

HR is a crop of each image in the folders PHOTOS and below. LR is made from it
four times: `clean` is only downscaled, the others are also blurred, noisy and
compressed. FOLDER/parameters.json has what was drawn for each image. All of it
is done with Pillow, see `degraded`.
"""

from collections.abc import Sequence

from absl import flags

from benchmarks import degraded
from srfeat_jax import cli, errors

_OUTPUT = flags.DEFINE_string(
  "output",
  None,
  "folder for the sets, which must not exist in it",
  required=True,
)
_SIDE = flags.DEFINE_integer(
  "side",
  320,
  "largest side of the crops in pixels, a multiple of 4",
  degraded.LEAST,
)
_CROP = flags.DEFINE_enum(
  "crop",
  "center",
  ["center", "detail"],
  "center: from the center of the image; detail: where it has most detail",
)
_SEED = flags.DEFINE_integer("seed", 0, "seed of all random numbers", 0)


def main(argv: Sequence[str]) -> None:
  """Makes the sets as the flags say."""
  if len(argv) < 2:
    raise errors.InputError(
      "no photos are named: expected one or more folders, and --output"
    )
  output = _OUTPUT.value
  count = degraded.make(
    argv[1:],
    output,
    side=_SIDE.value,
    crop=_CROP.value,
    seed=_SEED.value,
  )
  print(f"{', '.join(degraded.STRENGTHS)}, {count} images each: {output}")


if __name__ == "__main__":
  cli.run(main)
