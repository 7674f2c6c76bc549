"""Upscales images.

  python -m srfeat_jax.upscale photo.jpg
  python -m srfeat_jax.upscale photos "more/**/*.jpg" --weights=runs/x4 \\
    --output=large

Takes image files, folders with everything below them, and globs; animations,
too. Results are written to the folder OUTPUT under the names and in the formats
of the inputs, and folders keep their structure; or to the file OUTPUT if it has
the extension of an image and there is only one to upscale. Existing results are
kept, so that an interrupted run continues when it is started again. Images that
cannot be upscaled are reported and skipped, and the exit status is then 1; what
a folder holds besides, such as RAW files, is counted at the end.
"""

import contextlib
import os
import pathlib
import sys
from collections.abc import Sequence

from absl import flags

from srfeat_jax import cli, errors, places
from srfeat_jax.image_io import pictures
from srfeat_jax.inference import compile_cache
from srfeat_jax.upscaling import (
  flag_values,
  interruption,
  jobs,
  picture_upscaling,
  pipeline,
  upscaler_flags,
)
from srfeat_jax.upscaling import progress as progress_lib
from srfeat_jax.weights import shipped

_OUTPUT = flags.DEFINE_string(
  "output", "upscaled", "folder or image file to write", short_name="o"
)
_FORMAT = flags.DEFINE(
  flag_values.Format(),
  "format",
  jobs.SAME,
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
_OUTSCALE = flags.DEFINE(
  flag_values.Outscale(),
  "outscale",
  None,
  "scale factor of the results, such as 2 or 2.5; by default that of the"
  " network (otherwise its output is resized bicubically)",
  short_name="scale",
)
_TILE = flags.DEFINE(
  flag_values.Tile(),
  "tile",
  "auto",
  "side in pixels of the tiles that images are cut into; small tiles take less"
  " memory, and change the result by at most 1e-4 of the value range (RRDBNet's"
  " tiles are approximate); auto: as large as --memory allows",
)
_MEMORY = flags.DEFINE(
  flag_values.Memory(),
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
_BYTES = 4  # of a pixel, about: 8 bits of red, green, blue and alpha
flags.adopt_module_key_flags(upscaler_flags)  # so that --help shows them


def main(argv: Sequence[str]) -> int:
  """Upscales as the flags say; returns 1 if any image failed."""
  if _LIST.value:
    print(shipped.listing())
    return 0
  options = upscaler_flags.options(
    outscale=_OUTSCALE.value, tile=_TILE.value, memory=_MEMORY.value
  )
  places.refuse("--output", _OUTPUT.value)
  output = pathlib.Path(_OUTPUT.value)
  naming = jobs.Naming(output, _OUTPUT_NAME.value, _FORMAT.value)
  problems, others = [], []
  planned = jobs.plan(argv[1:], naming, problems.append, others.append)
  failures = 0
  for problem in problems:
    failures += cli.fail(problem)
  planned = jobs.shard(planned, _SHARD.value)
  planned, num_kept = _left_to_do(planned)
  seconds, num_failed = 0.0, 0
  if planned:
    done = []
    with interruption.at_once(lambda: _last_words(len(done), len(planned))):
      compile_cache.use()
      # JAX takes seconds to import: --help and wrong flags need not wait for
      # it.
      from srfeat_jax.upscaling import upscaler_factory

      upscale, scale = upscaler_factory.make(options)
      if not naming.is_file:
        _make_folder(output)  # before the work, not after
      seconds, num_failed = _upscale_all(
        planned, upscale, scale, options.outscale or scale, done.append
      )
  for sentence in pictures.left_out_sentences(others):
    print(cli.printable(sentence), file=sys.stderr)
  failures += num_failed
  if planned or failures:
    num_done = len(planned) - num_failed
    print(
      progress_lib.summary(num_done, seconds, failures, num_kept),
      file=sys.stderr if failures else sys.stdout,
    )
  return min(failures, 1)


def _last_words(num_done: int, num_images: int) -> str:
  """What is said after Ctrl-C."""
  command = "the same command"
  if _OVERWRITE.value:
    command += " without --overwrite"
  return (
    f"interrupted after {num_done} of {num_images} images: {command} goes on"
    " with the rest"
  )


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


def _upscale_all(
  planned, upscale, scale: int, outscale: float, on_done
) -> tuple[float, int]:
  """Runs the jobs; returns how long they took, and how many failed."""
  failures = 0
  num_pixels = {source: _num_pixels(source) for source in planned}
  progress = progress_lib.Progress(sum(num_pixels.values()), len(planned))

  def read(source: pathlib.Path) -> pictures.Picture:
    target = planned[source]
    picture = pictures.limit_frames(target, pictures.read(source))
    size = picture_upscaling.upscaled_size(*picture.size, outscale)
    pictures.check_size(target, *size)  # before the work, not after it
    return picture

  def upscaled(source: pathlib.Path, picture) -> pictures.Picture:
    return picture_upscaling.upscale(
      picture, upscale, scale, outscale, progress.update
    )

  def write(source: pathlib.Path, sr: pictures.Picture) -> tuple[str, list]:
    """Returns the size of the result, and warnings."""
    target = planned[source]
    warnings = sr.warnings + pictures.write(target, sr, _QUALITY.value)
    on_done(target)
    height, width = sr.size
    animation = f", {len(sr.frames)} frames" if len(sr.frames) > 1 else ""
    return f"{width} x {height}{animation}", warnings

  def num_bytes(source: pathlib.Path) -> tuple[int, int]:
    lr = _BYTES * num_pixels[source]
    return lr, round(lr * max(outscale, scale) ** 2)

  done_pixels = 0
  outcomes = pipeline.run(planned, read, upscaled, write, num_bytes)
  # Closed at once after Ctrl-C, so that nothing stays half written.
  with contextlib.closing(outcomes):
    for source, result in outcomes:
      try:
        size, warnings = result.result()
      except (errors.InputError, MemoryError) as error:
        if isinstance(error, MemoryError):
          error = f"{source} cannot be upscaled: there is not enough memory"
        with progress.hidden():
          failures += cli.fail(error)
        progress.image_done()
      else:
        seconds = progress_lib.duration(progress.image_done())
        text = f"{source} -> {planned[source]} ({size}, {seconds})"
        progress.say(cli.printable("; ".join([text, *warnings])))
      # Also for images that failed, and frames that the target cannot hold.
      done_pixels += num_pixels[source]
      progress.update(max(0, done_pixels - progress.pixels))
  return progress.close(), failures


def _num_pixels(path: pathlib.Path) -> int:
  """Counts an image's pixels; 0 if it cannot be read, as is reported later."""
  try:
    height, width, frames = pictures.size(path)
  except errors.InputError:
    return 0
  return height * width * frames


if __name__ == "__main__":
  cli.run(main)
