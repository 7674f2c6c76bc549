"""Makes evaluation sets of pictures: clean, and degraded as people's own are.

  python -m benchmarks.held_out PICTURES MORE_PICTURES --output=FOLDER
  python -m srfeat_jax.evaluate --benchmarks=FOLDER \\
    --sets=clean,light,medium,strong --weights=... --output=...

Takes a crop of each picture below the given folders, for HR, and makes LR of
it four times: `clean` is shrunk only, the others are also blurred, noisy and
compressed. What was drawn for each picture is in FOLDER/parameters.json.

Pillow does all of it, see `degraded`.
"""

from collections.abc import Sequence

from absl import flags

from benchmarks import degraded
from srfeat_jax import cli, errors

_OUTPUT = flags.DEFINE_string(
  "output",
  None,
  "folder for the sets, without any of them",
  required=True,
)
_SIDE = flags.DEFINE_integer(
  "side",
  320,
  "pixels of the crop, at most, a side; a multiple of 4",
  degraded.LEAST,
)
_CROP = flags.DEFINE_enum(
  "crop",
  "center",
  ["center", "detail"],
  "center: from the middle of the picture; detail: where it has most of that",
)
_SEED = flags.DEFINE_integer("seed", 0, "of all that is drawn", 0)


def main(argv: Sequence[str]) -> None:
  """Makes the sets as the flags say."""
  if len(argv) < 2:
    raise errors.InputError(
      "no pictures are named: expected one folder or more, and --output"
    )
  output = _OUTPUT.value
  count = degraded.make(
    argv[1:],
    output,
    side=_SIDE.value,
    crop=_CROP.value,
    seed=_SEED.value,
  )
  print(f"{', '.join(degraded.STRENGTHS)}, {count} pictures each: {output}")


if __name__ == "__main__":
  cli.run(main)
