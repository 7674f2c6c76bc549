"""Makes a prepared set, which training reads faster than a folder of images.

  python -m srfeat_jax.prepare div2k DIV2K_train_HR --output=sets/div2k
  python -m srfeat_jax.main --config=... --config.data.train=sets/div2k

Presets:

  coco        the center of 296 px of each image that is large enough
  div2k       130 random crops of 296 px an image, in eight orientations
  div2k-half  40 an image, of the image at half its size
  mirflickr   the center of 256 px
  subimages   overlapping crops of --size px every --stride px (480 and 240)
  folder      the images as they are; hr=FOLDER,lr=FOLDER for pairs of --scale,
              hr=FOLDER,lr=FOLDER,teacher=FOLDER with a teacher's output

The same command goes on where it was interrupted. A folder of images needs no
preparation to be trained on.

  python -m srfeat_jax.prepare check FOLDER_OR_SET --benchmarks=BENCHMARKS

says which files are damaged, duplicates, smaller than --size, or images of
benchmark sets: Set5, Set14 and BSD100 without files, and those of --benchmarks.
"""

import re
from collections.abc import Sequence

from absl import flags

from srfeat_jax import cli, errors
from srfeat_jax import places as places_lib

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
_SCALE = flags.DEFINE_integer(
  "scale", 4, "how many times larger HR is than LR in pairs", lower_bound=1
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
_BENCHMARKS = flags.DEFINE_string(
  "benchmarks", "", "a folder of benchmark sets, which should not be there"
)


def main(argv: Sequence[str]) -> None:
  """Prepares or checks as the flags say."""
  _, *arguments = argv
  if arguments[:1] == ["check"]:
    _check(arguments[1:])
  else:
    _prepare(arguments)


def _prepare(arguments: Sequence[str]) -> None:
  from srfeat_jax.data import inspection
  from srfeat_jax.preparation import planning, recipes, sets

  if len(arguments) < 2:
    raise errors.InputError(
      "name a preset and a folder of images, as in: prepare div2k FOLDER"
      f" --output=SET; presets are {', '.join(recipes.PRESETS)}"
    )
  preset, *places = arguments
  folders, lr_folders, teacher_folders = _folders(preset, places)
  options = recipes.Options(_SIZE.value, _STRIDE.value, _SEED.value)
  recipe = recipes.create(preset, options)
  if not _OUTPUT.value:
    raise errors.InputError("--output is missing: name the folder of the set")
  places_lib.refuse("--output", _OUTPUT.value)
  made = sets.prepare(
    planning.Request(
      folders=folders,
      output=_OUTPUT.value,
      preset=preset,
      recipe=recipe,
      encoding=_ENCODING.value,
      shard_bytes=_SHARD_MIB.value << 20,
      max_damaged=_MAX_DAMAGED.value,
      processes=_PROCESSES.value,
      lr_folders=lr_folders,
      lr_scale=_SCALE.value if lr_folders else None,
      teacher_folders=teacher_folders,
    )
  )
  known = inspection.known_images(_benchmark_sets())
  inspection.report(inspection.inspect(_OUTPUT.value, 1, known), print)
  counts = made.counts
  small = (
    "without a fitting partner or too small" if lr_folders else "too small"
  )
  print(
    f"{counts['records']:,} images from {counts['used']:,} of"
    f" {counts['files']:,} files; left out: {counts['unreadable']:,} damaged,"
    f" {counts['too_small']:,} {small}"
  )
  expected = recipes.PRESETS[preset].expected
  # Of another size, another number of images is large enough.
  own = recipes.create(preset, recipes.Options(seed=_SEED.value))
  if expected and recipe == own:
    print(f"the documents count {expected}")
  num_bytes = sum(shard.bytes for shard in made.shards)
  print(
    f"{_OUTPUT.value}: {_shards(len(made.shards))}, {_size(num_bytes)};"
    f" train on it by --config.data.train={_OUTPUT.value}"
  )


def _shards(count: int) -> str:
  return f"{count:,} shard" if count == 1 else f"{count:,} shards"


def _size(num_bytes: int) -> str:
  if num_bytes < 1e9:
    return f"{num_bytes / 1e6:.1f} MB"
  return f"{num_bytes / 1e9:.2f} GB"


def _folders(preset: str, places: Sequence[str]) -> tuple[list, list, list]:
  """Folders of HR images; of their LR images and of a teacher's output or none.

  Raises:
    errors.InputError: only some are pairs, or have a teacher's output; or the
      preset cuts the images.
  """
  matches = [
    re.fullmatch("hr=(.+?),lr=(.+?)(?:,teacher=(.+))?", place)
    for place in places
  ]
  if not any(matches):
    return list(places), [], []
  if preset != "folder" or not all(matches):
    raise errors.InputError(
      f"{preset} {' '.join(places)}: pairs are stored whole and by themselves,"
      " as in: prepare folder hr=FOLDER,lr=FOLDER --output=SET"
    )
  hr, lr, teacher = (
    list(each) for each in zip(*(x.groups() for x in matches if x), strict=True)
  )
  if any(teacher) and not all(teacher):
    raise errors.InputError(
      f"{' '.join(places)}: only some pairs have a teacher's output: name"
      " teacher=FOLDER for all of them or for none"
    )
  return hr, lr, teacher if any(teacher) else []


def _check(locations: Sequence[str]) -> None:
  from srfeat_jax.data import inspection, manifest

  if not locations:
    raise errors.InputError(
      "name a folder of images or a prepared set, as in: prepare check FOLDER"
    )
  known = inspection.known_images(_benchmark_sets())
  for location in locations:
    findings = inspection.inspect(location, _SIZE.value or 1, known)
    inspection.report(findings, print)
    if manifest.is_set(location):
      count = inspection.verify_shards(location)
      print(f"{location}: {_shards(count)}, checksums as in the manifest")
    findings.check_damage(_MAX_DAMAGED.value, "allow more by --max_damaged")
    print(
      f"{location}: {findings.total} files; {len(findings.damaged)} damaged,"
      f" {len(findings.too_small)} too small,"
      f" {len(findings.duplicates)} duplicates,"
      f" {len(findings.benchmark_images)} images of benchmark sets"
    )


def _benchmark_sets() -> list:
  from srfeat_jax.data import benchmarks

  return benchmarks.load(_BENCHMARKS.value) if _BENCHMARKS.value else []


if __name__ == "__main__":
  cli.run(main)
