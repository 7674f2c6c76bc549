"""Makes a prepared set, which training reads faster than a folder of images.

  python -m srfeat_jax.prepare div2k DIV2K_train_HR --output=sets/div2k
  python -m srfeat_jax.main --config=... --config.data.train=sets/div2k

Presets:

  coco        the center of 296 px of each image that is large enough
  div2k       130 random crops of 296 px an image, in eight orientations
  div2k-half  40 an image, of the image at half its size
  mirflickr   the center of 256 px
  subimages   overlapping crops of --size px every --stride px (480 and 240)
  folder      the images as they are

The same command goes on where it was interrupted. A folder of images needs no
preparation to be trained on.
"""

from collections.abc import Sequence

from absl import flags

from srfeat_jax import cli, errors

_OUTPUT = flags.DEFINE_string(
  "output", None, "the folder of the set", short_name="o"
)
_SIZE = flags.DEFINE_integer(
  "size", None, "pixels on each side of a record", lower_bound=1
)
_STRIDE = flags.DEFINE_integer(
  "stride", None, "pixels between sub-images", lower_bound=1
)
_SEED = flags.DEFINE_integer(
  "seed", 0, "of the positions of random crops", lower_bound=0
)
_ENCODING = flags.DEFINE_enum(
  "encoding", "raw", ("raw", "png"), "raw is faster, png about half as large"
)
_SHARD_MIB = flags.DEFINE_integer(
  "shard_mib", 128, "about how large a file of the set is", lower_bound=1
)
_PROCESSES = flags.DEFINE_integer(
  "processes", 0, "how many work at once; 0: one for each core", lower_bound=0
)
_MAX_DAMAGED = flags.DEFINE_float(
  "max_damaged",
  0.01,
  "the share of files that may be damaged and is left out",
  lower_bound=0,
  upper_bound=1,
)


def main(argv: Sequence[str]) -> None:
  """Prepares as the flags say."""
  from srfeat_jax.preparation import recipes, sets

  _, *arguments = argv
  if len(arguments) < 2:
    raise errors.InputError(
      "name a preset and a folder of images, as in: prepare div2k FOLDER"
      f" --output=SET; presets are {', '.join(recipes.PRESETS)}"
    )
  preset, *folders = arguments
  options = recipes.Options(_SIZE.value, _STRIDE.value, _SEED.value)
  recipe = recipes.create(preset, options)
  if not _OUTPUT.value:
    raise errors.InputError("--output is missing: name the folder of the set")
  made = sets.prepare(
    sets.Request(
      folders=folders,
      output=_OUTPUT.value,
      preset=preset,
      recipe=recipe,
      encoding=_ENCODING.value,
      shard_bytes=_SHARD_MIB.value << 20,
      max_damaged=_MAX_DAMAGED.value,
      processes=_PROCESSES.value,
    )
  )
  counts = made.counts
  print(
    f"{counts['records']:,} images from {counts['used']:,} of"
    f" {counts['files']:,} files; left out: {counts['unreadable']:,} damaged,"
    f" {counts['too_small']:,} too small"
  )
  if expected := recipes.PRESETS[preset].expected:
    print(f"the documents count {expected}")
  num_bytes = sum(shard.bytes for shard in made.shards)
  print(
    f"{_OUTPUT.value}: {len(made.shards)} shards, {num_bytes / 1e9:.2f} GB;"
    f" train on it by --config.data.train={_OUTPUT.value}"
  )


if __name__ == "__main__":
  cli.run(main)
