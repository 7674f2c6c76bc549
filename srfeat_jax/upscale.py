"""Upscales images.

  python -m srfeat_jax.upscale photo.jpg
  python -m srfeat_jax.upscale photos "more/**/*.jpg" --weights=runs/x4 \\
    --output=large

Takes image files, folders with everything below them, and globs; animations,
too. Results are written to the folder OUTPUT under the names and in the formats
of the inputs, and folders keep their structure; or to the file OUTPUT if it has
the extension of an image and there is only one to upscale. Existing results are
kept, so that an interrupted run continues when it is started again. Images that
cannot be upscaled are reported and skipped, and the exit status is then 1.
"""

import os
import pathlib
import re
import sys
from collections.abc import Sequence

import tqdm
from absl import flags

from srfeat_jax import cli, errors
from srfeat_jax.image_io import pictures
from srfeat_jax.inference import compile_cache
from srfeat_jax.upscaling import jobs, picture_upscaling, upscaler_flags
from srfeat_jax.weights import shipped

_UNITS = {"": 1, "K": 10, "M": 20, "G": 30, "T": 40}


class _Tile(flags.ArgumentParser):
  """The side of a tile, None for "auto"."""

  syntactic_help = "auto, or a number above 0"

  def parse(self, argument):
    if argument in ("auto", None):
      return None
    if not re.fullmatch(r"0*[1-9]\d*", str(argument)):
      raise ValueError(f"expected {self.syntactic_help}")
    return int(argument)


class _Bytes(flags.ArgumentParser):
  """An amount of memory such as 2GiB or 500MB."""

  syntactic_help = "a number and KiB, MiB, GiB, or KB, MB, GB"

  def parse(self, argument):
    form = r"(\d+(?:\.\d+)?)\s*(?:([KMGT])(i?)B?|B)?"
    match = re.fullmatch(form, str(argument), re.IGNORECASE)
    if not match or not float(match[1]):
      raise ValueError(f"expected {self.syntactic_help}")
    exponent = _UNITS[(match[2] or "").upper()]
    unit = 2**exponent if match[3] else 10 ** (exponent // 10 * 3)
    return int(float(match[1]) * (unit if match[2] else 1))


_OUTPUT = flags.DEFINE_string(
  "output", "upscaled", "folder or image file to write"
)
_FORMAT = flags.DEFINE_enum(
  "format",
  jobs.SAME,
  [jobs.SAME, *pictures.FORMATS],
  "file format of the results; same: the input's format, or PNG if that cannot"
  " be written",
)
_QUALITY = flags.DEFINE_integer(
  "quality",
  95,
  "quality of JPEG and WebP; WebP is lossless at 100",
  lower_bound=1,
  upper_bound=100,
)
_OUTPUT_NAME = flags.DEFINE_string(
  "output_name",
  jobs.DEFAULT_NAME,
  "file name of the results, in which {name} stands for the input's name"
  " without its extension and {format} for the extension of the result; for"
  ' example "{name}_x4.{format}"',
)
_OVERWRITE = flags.DEFINE_bool(
  "overwrite", False, "replace existing results, which are kept otherwise"
)
_OUTSCALE = flags.DEFINE_float(
  "outscale",
  None,
  "scale factor of the results, such as 2 or 2.5; by default that of the"
  " network (otherwise its output is resized bicubically)",
)
_TILE = flags.DEFINE(
  _Tile(),
  "tile",
  "auto",
  "side in pixels of the tiles that images are cut into; small tiles take less"
  " memory, and change the result by at most 1e-4 of the value range (RRDBNet's"
  " tiles are approximate); auto: as large as --memory allows",
)
_MEMORY = flags.DEFINE(
  _Bytes(),
  "memory",
  None,
  "memory that the network may use at a time, such as 2GiB; limits the tiles",
)
_SHARD = flags.DEFINE_string(
  "shard",
  "1/1",
  "upscale only a part of the images, for array jobs: 1/4 is the first of four"
  " parts",
)
_LIST = flags.DEFINE_bool(
  "list", False, "print the weights that come with the package, and exit"
)
flags.adopt_module_key_flags(upscaler_flags)  # so that --help shows them


def main(argv: Sequence[str]) -> int:
  """Upscales as the flags say; returns 1 if any image failed."""
  if _LIST.value:
    print(shipped.listing())
    return 0
  options = upscaler_flags.options(
    outscale=_OUTSCALE.value, tile=_TILE.value, memory=_MEMORY.value
  )
  output = pathlib.Path(_OUTPUT.value)
  naming = jobs.Naming(output, _OUTPUT_NAME.value, _FORMAT.value)
  problems = []
  planned = jobs.plan(argv[1:], naming, problems.append)
  failures = 0
  for problem in problems:
    failures += cli.fail(problem)
  planned = jobs.shard(planned, _SHARD.value)
  planned, num_kept = _left_to_do(planned)
  if planned:
    compile_cache.use()
    # JAX takes seconds to import: --help and wrong flags need not wait for it.
    from srfeat_jax.upscaling import upscaler_factory

    upscale, scale = upscaler_factory.make(options)
    if not naming.is_file:
      _make_folder(output)  # before the work, not after
    failures += _upscale_all(planned, upscale, scale, options.outscale or scale)
  if failures:
    kept = f", {num_kept} kept" if num_kept else ""
    print(f"{failures} failed, see above{kept}", file=sys.stderr)
  return min(failures, 1)


def _make_folder(output: pathlib.Path) -> None:
  try:
    output.mkdir(parents=True, exist_ok=True)
  except OSError as error:
    raise errors.InputError(
      f"the folder {output} cannot be made: {error.strerror}"
    ) from error


def _left_to_do(
  planned: dict[pathlib.Path, pathlib.Path],
) -> tuple[dict[pathlib.Path, pathlib.Path], int]:
  """Drops jobs whose results exist, and says so; returns how many do."""
  if _OVERWRITE.value:
    return planned, 0
  left = {
    source: target
    for source, target in planned.items()
    if not os.path.isfile(target)
  }
  kept = [target for source, target in planned.items() if source not in left]
  if kept:
    exist = f"and {len(kept) - 1} more exist" if kept[1:] else "exists"
    text = f"{kept[0]} {exist}: kept (use --overwrite to replace)"
    print(cli.printable(text))
  return left, len(kept)


def _upscale_all(planned, upscale, scale: int, outscale: float) -> int:
  """Runs the jobs; returns how many failed."""
  failures = 0
  num_pixels = {source: _num_pixels(source) for source in planned}
  with tqdm.tqdm(
    total=sum(num_pixels.values()),
    unit="px",
    unit_scale=True,
    disable=None,
  ) as progress:
    for source, target in planned.items():
      done = progress.n
      try:
        picture = pictures.limit_frames(target, pictures.read(source))
        size = picture_upscaling.upscaled_size(*picture.size, outscale)
        pictures.check_size(target, *size)  # before the work, not after it
        sr = picture_upscaling.upscale(
          picture, upscale, scale, outscale, progress.update
        )
        warnings = sr.warnings + pictures.write(target, sr, _QUALITY.value)
      except (errors.InputError, MemoryError) as error:
        if isinstance(error, MemoryError):
          error = f"{source} cannot be upscaled: there is not enough memory"
        with progress.external_write_mode():
          failures += cli.fail(error)
      else:
        height, width = sr.size
        text = f"{source} -> {target} ({width} x {height}"
        if len(sr.frames) > 1:
          text += f", {len(sr.frames)} frames"
        progress.write(cli.printable("; ".join([text + ")", *warnings])))
      # Also for images that failed, and frames that the target cannot hold.
      progress.update(done + num_pixels[source] - progress.n)
  return failures


def _num_pixels(path: pathlib.Path) -> int:
  """Counts an image's pixels; 0 if it cannot be read, as is reported later."""
  try:
    height, width, frames = pictures.size(path)
  except errors.InputError:
    return 0
  return height * width * frames


if __name__ == "__main__":
  cli.run(main)
