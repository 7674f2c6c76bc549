"""Enlarges pictures.

  python -m srfeat_jax.upscale photos more/cat.jpg --weights=runs/x4 \\
    --output=enlarged

Each picture is written as PNG under OUTPUT, where folders keep their structure;
or to OUTPUT itself if that has the ending of a picture and there is one file to
enlarge. Pictures that cannot be read are named and left out.
"""

import pathlib
import sys
from collections.abc import Sequence

import tqdm
from absl import flags

from srfeat_jax import chosen_weights, cli, errors
from srfeat_jax.data import images

_OUTPUT = flags.DEFINE_string(
  "output", None, "folder, or picture file, to write", required=True
)
_TILE = flags.DEFINE_integer(
  "tile",
  192,
  "side in pixels of the tiles in which larger pictures are done, with the same"
  " result; less needs less memory; 0: always in one piece",
  lower_bound=0,
)


def main(argv: Sequence[str]) -> int:
  """Enlarges as the flags say; returns 1 if any picture failed."""
  output = pathlib.Path(_OUTPUT.value)
  jobs, failures = _plan([pathlib.Path(text) for text in argv[1:]], output)
  upscale, _ = chosen_weights.upscaler(_TILE.value or None)
  if jobs and output not in jobs.values():
    output.mkdir(parents=True, exist_ok=True)  # before the work, not after it
  total = sum(map(_num_pixels, jobs))
  with tqdm.tqdm(
    total=total, unit="px", unit_scale=True, disable=None
  ) as progress:
    for source, target in jobs.items():
      try:
        sr = upscale(images.read(source), on_pixels=progress.update)
        images.write(target, sr)
      except errors.InputError as error:
        with progress.external_write_mode():
          failures += cli.fail(error)
      else:
        height, width = sr.shape[:2]
        progress.write(f"{source} -> {target} ({width} x {height})")
  if failures:
    print(f"{failures} failed, see above", file=sys.stderr)
  return min(failures, 1)


def _plan(
  inputs: list[pathlib.Path], output: pathlib.Path
) -> tuple[dict[pathlib.Path, pathlib.Path], int]:
  """Decides what is written where.

  Args:
    inputs: picture files and folders.
    output: folder or picture file.

  Returns:
    The target of each source, and the number of inputs that do not exist or
    hold no picture, of which each was named on stderr.

  Raises:
    errors.InputError: there is no input, several would be written to one file,
      an input would be overwritten, or pictures of the output's ending cannot
      be written.
  """
  if not inputs:
    raise errors.InputError("Name at least one picture or folder to enlarge.")
  if images.has_foreign_ending(output) and not output.is_dir():
    raise errors.InputError(
      f"--output={output} has the ending of a picture that cannot be written:"
      f" choose one of {', '.join(images.EXTENSIONS)}, or a folder."
    )
  if output.suffix.lower() in images.EXTENSIONS and not output.is_dir():
    if len(inputs) > 1 or inputs[0].is_dir():
      raise errors.InputError(
        f"--output={output} is one picture file, but there may be several to"
        " write: give a folder."
      )
    jobs, failures = {inputs[0]: output}, 0
  else:
    jobs, failures = {}, 0
    for given in inputs:
      try:
        found = images.find(given) if given.is_dir() else [given]
      except errors.InputError as error:
        failures += cli.fail(error)
        continue
      top = given if given.is_dir() else given.parent
      for source in found:
        relative = source.relative_to(top).with_suffix(".png")
        jobs[source] = output / relative
  _check_targets(jobs)
  return jobs, failures


def _check_targets(jobs: dict[pathlib.Path, pathlib.Path]) -> None:
  sources = {source.resolve() for source in jobs}
  writers = {}
  for source, target in jobs.items():
    place = target.resolve()
    if place in sources:
      raise errors.InputError(
        f"{target}, where {source} would be written, is one of the pictures to"
        " enlarge: choose another --output."
      )
    other = writers.setdefault(place, source)
    if other.resolve() != source.resolve():
      raise errors.InputError(
        f"{other} and {source} would both be written to {target}: rename one,"
        " or enlarge them into different folders."
      )


def _num_pixels(path: pathlib.Path) -> int:
  """Counts a picture's pixels; 0 if it cannot be read, which is told later."""
  try:
    height, width = images.size(path)
  except errors.InputError:
    return 0
  return height * width


if __name__ == "__main__":
  cli.run(main)
