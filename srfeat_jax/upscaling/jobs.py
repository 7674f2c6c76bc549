"""Which images to upscale, and where to write each result."""

import dataclasses
import glob
import os
import pathlib
import re
import string
from collections.abc import Callable, Iterator, Sequence

from srfeat_jax import errors
from srfeat_jax.image_io import images, pictures

SAME = "same"  # the format of the input
DEFAULT_NAME = "{name}.{format}"
_FIELDS = ("name", "format")
_EXTENSIONS = {"jpeg": "jpg", "tiff": "tif"}  # of others, the format's name


@dataclasses.dataclass(frozen=True)
class Naming:
  """Where results are written and what they are called.

  Attributes:
    output: a folder, or the only image file.
    output_name: file name of a result, in which {name} stands for the input's
      name without its extension and {format} for the extension of the result.
    format: one of `pictures.FORMATS`, or SAME.
  """

  output: pathlib.Path
  output_name: str = DEFAULT_NAME
  format: str = SAME

  @property
  def is_file(self) -> bool:
    """Whether the output is a single image file, by its extension."""
    if os.path.isdir(self.output):
      return False
    return self.output.suffix.lower() in pictures.WRITE_EXTENSIONS

  def target(self, relative: pathlib.Path) -> pathlib.Path:
    """Returns the path of an image's result.

    Args:
      relative: path of the image, below the folder that was asked for.
    """
    if self.is_file:
      return self.output
    extension = _EXTENSIONS.get(self.format, self.format)
    if self.format == SAME:
      extension = relative.suffix[1:]
      if relative.suffix.lower() not in pictures.WRITE_EXTENSIONS:
        extension = "png"
    name = self.output_name.format(name=relative.stem, format=extension)
    return self.output / relative.parent / name


def plan(
  inputs: Sequence[str],
  naming: Naming,
  on_problem: Callable[[Exception], object],
  on_left_out: Callable[[pathlib.Path], object] | None = None,
) -> dict[pathlib.Path, pathlib.Path]:
  """Finds the images and decides where their results go.

  Args:
    inputs: files, folders, and globs with `*`, `?`, `[...]` and `**`; also
      several of them separated by commas. The structure of a folder or glob is
      kept below the output.
    naming: where results are written and what they are called.
    on_problem: called for each input that does not exist or contains no image,
      and for each source whose target is already that of another.
    on_left_out: called for each file of a folder or glob that is no image that
      can be read.

  Returns:
    The target of each source, sorted by the sources' paths. Results of earlier
    runs are not sources: files that a folder or glob contains are skipped if
    they are below an output within it, or are named as a result of another
    source. If several sources have the same target, the first one keeps it.

  Raises:
    errors.InputError: there is no input, the naming is invalid, or an input
      would be overwritten.
  """
  if not inputs:
    raise errors.InputError("name at least one image or folder to upscale")
  inputs = [each for argument in inputs for each in _divided(argument)]
  _check_naming(naming)
  single = pathlib.Path(inputs[0])
  if naming.is_file and (
    len(inputs) > 1 or os.path.isdir(single) or _is_glob(inputs[0])
  ):
    raise errors.InputError(
      f"--output={naming.output} is a single image file, but there may be"
      " several results: choose a folder"
    )
  found, named = {}, set()
  for argument in inputs:
    try:
      for source, relative in _sources(argument, naming.output, on_left_out):
        found[source] = naming.target(relative)
        if str(source) == str(pathlib.Path(argument)):
          named.add(source)
    except errors.InputError as error:
      on_problem(error)
  jobs = dict(sorted(found.items(), key=lambda job: job[0].as_posix()))
  jobs = _without_results(jobs, named)
  _check_inputs_are_kept(jobs)
  return _without_collisions(jobs, on_problem)


def shard(
  jobs: dict[pathlib.Path, pathlib.Path], part: str
) -> dict[pathlib.Path, pathlib.Path]:
  """Returns every n-th job, for array jobs.

  Args:
    jobs: as `plan` returns them, the same in every shard.
    part: "i/n": the i-th of n shards, counted from 1.

  Raises:
    errors.InputError: `part` is not of this form.
  """
  numbers = re.fullmatch(r"(\d+)/(\d+)", part)
  index, count = map(int, numbers.groups()) if numbers else (0, 0)
  if not 1 <= index <= count:
    raise errors.InputError(
      f"--shard={part} is not a shard: with four shards, for example, the first"
      " is 1/4 and the last 4/4"
    )
  return dict(list(jobs.items())[index - 1 :: count])


def _divided(argument: str) -> list[str]:
  """Divides at commas, unless that gives no file, or the whole is one's name.

  A part that is missing is then named alone, and the others are upscaled.
  """
  parts = [part.strip() for part in argument.split(",")]
  parts = [part for part in parts if part]
  if os.path.lexists(argument) or not parts[1:]:
    return [argument]
  there = [os.path.lexists(part) or glob.has_magic(part) for part in parts]
  return parts if any(there) else [argument]


def _sources(
  argument: str,
  output: pathlib.Path,
  on_left_out: Callable[[pathlib.Path], object] | None,
) -> Iterator[tuple[pathlib.Path, pathlib.Path]]:
  """Yields images, and their paths below the folder that was asked for."""
  path = pathlib.Path(argument)
  if os.path.isdir(path):
    top = path
    found = images.find(path, pictures.READ_EXTENSIONS, on_left_out)
  elif not _is_glob(argument):
    kind = pictures.kind_of(path)
    # Pillow would open most RAW files, and read their thumbnails. A HEIC file
    # may be a JPEG in truth.
    if kind and kind != pictures.HEIC and os.path.isfile(path):
      raise errors.InputError(
        f"{path}: files of this kind ({kind.name}) are not read; {kind.remedy}"
      )
    yield path, pathlib.Path(path.name)
    return
  else:
    found = []
    for match in sorted(glob.glob(argument, recursive=True)):
      if not os.path.isfile(match):
        continue
      if pathlib.Path(match).suffix.lower() in pictures.READ_EXTENSIONS:
        found.append(pathlib.Path(match))
      elif on_left_out:
        on_left_out(pathlib.Path(match))
    if not found:
      raise errors.InputError(
        f"no image matches {argument}: expected files that end in"
        f" {', '.join(pictures.READ_EXTENSIONS)}"
      )
    parts = path.parts
    fixed = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    top = pathlib.Path(*parts[:fixed])
  place = output.resolve()
  if top.resolve() in place.parents:
    found = [each for each in found if place not in each.resolve().parents]
    if not found:
      raise errors.InputError(
        f"{argument} contains no images except the results in {output}"
      )
  for source in found:
    yield source, source.relative_to(top)


def _is_glob(argument: str) -> bool:
  return glob.has_magic(argument) and not os.path.lexists(argument)


def _check_naming(naming: Naming) -> None:
  output = naming.output
  if images.has_foreign_extension(output) and not os.path.isdir(output):
    extension = output.suffix.lower()
    if extension not in pictures.WRITE_EXTENSIONS:
      raise errors.InputError(
        f"--output={output} has a file extension that cannot be written: choose"
        f" one of {', '.join(pictures.WRITE_EXTENSIONS)}, or a folder"
      )
  if naming.is_file and (naming.output_name, naming.format) != (
    DEFAULT_NAME,
    SAME,
  ):
    raise errors.InputError(
      f"--output={output} is a single image file, which already has a name and"
      " a format: leave out --format and --output_name, or choose a folder"
    )
  _check_output_name(naming.output_name)


def _check_output_name(name: str) -> None:
  try:
    fields, example = set(), ""
    for _, field, form, conversion in string.Formatter().parse(name):
      fields.add("?" if form or conversion else field)
    example = name.format(name="a", format="png")
  except (ValueError, LookupError, AttributeError):
    fields = {"?"}
  if fields - {None, *_FIELDS} or "/" in example or example in ("", "."):
    raise errors.InputError(
      f"--output_name={name} is not a file name in which only {{name}} and"
      " {format} stand in braces, such as {name}_x4.{format}"
    )
  if pathlib.Path(example).suffix != ".png":
    raise errors.InputError(
      f"--output_name={name} must end in .{{format}}, because the file"
      " extension determines the format"
    )


def _without_results(
  jobs: dict[pathlib.Path, pathlib.Path], named: set[pathlib.Path]
) -> dict[pathlib.Path, pathlib.Path]:
  """Drops sources named as the result of another, unless they are arguments.

  This applies only if results have names of their own, with any extension
  (they may have been written with another --format): a.png next to a.jpg may be
  an original.
  """
  results = {
    target.resolve().with_suffix("")
    for source, target in jobs.items()
    if target.stem != source.stem
  }
  return {
    source: target
    for source, target in jobs.items()
    if source in named or source.resolve().with_suffix("") not in results
  }


def _check_inputs_are_kept(jobs: dict[pathlib.Path, pathlib.Path]) -> None:
  sources = {source.resolve() for source in jobs}
  for source, target in jobs.items():
    if target.resolve() in sources:
      raise errors.InputError(
        f"{target}, where the result of {source} would be written, is one of"
        " the images to upscale: choose another --output or --output_name"
      )


def _without_collisions(
  jobs: dict[pathlib.Path, pathlib.Path],
  on_problem: Callable[[Exception], object],
) -> dict[pathlib.Path, pathlib.Path]:
  writers, kept = {}, {}
  for source, target in jobs.items():
    other = writers.setdefault(target.resolve(), source)
    if other.resolve() == source.resolve():
      kept[source] = target
    else:
      on_problem(
        errors.InputError(
          f"{source} was skipped: its result and that of {other} would both be"
          f" written to {target}; rename one, or choose different folders"
        )
      )
  return kept
