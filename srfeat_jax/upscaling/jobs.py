"""Which pictures are enlarged, and where each result is written."""

import dataclasses
import glob
import os
import pathlib
import re
import string
from collections.abc import Callable, Iterator, Sequence

from srfeat_jax import errors
from srfeat_jax.data import images, pictures

SAME = "same"  # the format of the input
PATTERN = "{name}.{format}"
_FIELDS = ("name", "format")
_ENDINGS = {"jpeg": "jpg", "tiff": "tif"}  # others are called like the format


@dataclasses.dataclass(frozen=True)
class Naming:
  """How the results are called.

  Attributes:
    output: folder, or the one picture file.
    pattern: what a result is called, made of {name} (the input's, without its
      ending) and {format} (the ending); None: PATTERN.
    format: one of `pictures.FORMATS`, or SAME.
  """

  output: pathlib.Path
  pattern: str | None = None
  format: str = SAME

  @property
  def is_file(self) -> bool:
    """Whether the output is one picture file, by its ending."""
    if self.output.is_dir():
      return False
    return self.output.suffix.lower() in pictures.WRITE_ENDINGS

  def target(self, relative: pathlib.Path) -> pathlib.Path:
    """Where a picture's result is written.

    Args:
      relative: the picture, below the folder that was asked for.
    """
    if self.is_file:
      return self.output
    ending = _ENDINGS.get(self.format, self.format)
    if self.format == SAME:
      ending = relative.suffix[1:]
      if relative.suffix.lower() not in pictures.WRITE_ENDINGS:
        ending = "png"
    name = (self.pattern or PATTERN).format(name=relative.stem, format=ending)
    return self.output / relative.parent / name


def plan(
  inputs: Sequence[str], naming: Naming, complain: Callable[[Exception], object]
) -> dict[pathlib.Path, pathlib.Path]:
  """Finds the pictures and where their results go.

  Args:
    inputs: files, folders, and patterns with `*`, `?`, `[...]` and `**`. Of a
      folder and of a pattern the structure is kept below the output.
    naming: how the results are called.
    complain: told of each input that is not there or holds no picture.

  Returns:
    The target of each source, in the order of the sources' names.

  Raises:
    errors.InputError: there is no input, the naming makes no sense, several
      would be written to one file, or an input would be overwritten.
  """
  if not inputs:
    raise errors.InputError("Name at least one picture or folder to enlarge.")
  _check_naming(naming)
  single = pathlib.Path(inputs[0])
  if naming.is_file and (
    len(inputs) > 1 or single.is_dir() or _is_glob(inputs[0])
  ):
    raise errors.InputError(
      f"--output={naming.output} is one picture file, but there may be several"
      " to write: give a folder."
    )
  found = {}
  for given in inputs:
    try:
      for source, relative in _sources(given):
        found[source] = naming.target(relative)
    except errors.InputError as error:
      complain(error)
  jobs = dict(sorted(found.items(), key=lambda job: job[0].as_posix()))
  _check_targets(jobs)
  return jobs


def shard(
  jobs: dict[pathlib.Path, pathlib.Path], part: str
) -> dict[pathlib.Path, pathlib.Path]:
  """Every n-th job, of those that are planned.

  Args:
    jobs: as `plan` returns them, the same in every part.
    part: "i/n": of n parts the i-th, counted from 1.

  Raises:
    errors.InputError: `part` is not of this form.
  """
  numbers = re.fullmatch(r"(\d+)/(\d+)", part)
  index, count = map(int, numbers.groups()) if numbers else (0, 0)
  if not 1 <= index <= count:
    raise errors.InputError(
      f"--shard={part} is not a part of the work: of four parts, for example,"
      " the first is 1/4 and the last 4/4."
    )
  return dict(list(jobs.items())[index - 1 :: count])


def _sources(given: str) -> Iterator[tuple[pathlib.Path, pathlib.Path]]:
  """Yields pictures, and their paths below the folder that was asked for."""
  path = pathlib.Path(given)
  if path.is_dir():
    for source in images.find(path, pictures.READ_ENDINGS):
      yield source, source.relative_to(path)
  elif not _is_glob(given):
    yield path, pathlib.Path(path.name)
  else:
    matches = [
      pathlib.Path(match)
      for match in sorted(glob.glob(given, recursive=True))
      if pathlib.Path(match).suffix.lower() in pictures.READ_ENDINGS
      and os.path.isfile(match)
    ]
    if not matches:
      raise errors.InputError(
        f"No picture is called {given}: no file of that pattern ends in"
        f" {', '.join(pictures.READ_ENDINGS)}."
      )
    parts = path.parts
    fixed = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    top = pathlib.Path(*parts[:fixed])
    for source in matches:
      yield source, source.relative_to(top)


def _is_glob(given: str) -> bool:
  return glob.has_magic(given) and not os.path.lexists(given)


def _check_naming(naming: Naming) -> None:
  output = naming.output
  if images.has_foreign_ending(output) and not output.is_dir():
    ending = output.suffix.lower()
    if ending not in pictures.WRITE_ENDINGS:
      raise errors.InputError(
        f"--output={output} has the ending of a picture that cannot be written:"
        f" choose one of {', '.join(pictures.WRITE_ENDINGS)}, or a folder."
      )
  if naming.is_file and (naming.format != SAME or naming.pattern):
    raise errors.InputError(
      f"--output={output} is one picture file, whose name and ending say what"
      " to write: leave out --format and --pattern, or give a folder."
    )
  if naming.pattern is None:
    return
  try:
    fields = [
      field for _, field, _, _ in string.Formatter().parse(naming.pattern)
    ]
    trial = naming.pattern.format(name="a", format="png")
  except (ValueError, LookupError, AttributeError):
    fields, trial = ["?"], ""
  if {*filter(None, fields)} - {*_FIELDS} or "/" in trial or trial in ("", "."):
    raise errors.InputError(
      f"--pattern={naming.pattern} is no pattern for names: it may hold"
      " {name} and {format}, such as {name}_x4.{format}"
    )
  if pathlib.Path(trial).suffix != ".png":
    raise errors.InputError(
      f"--pattern={naming.pattern} must end in .{{format}}, for the ending says"
      " what is written"
    )


def _check_targets(jobs: dict[pathlib.Path, pathlib.Path]) -> None:
  sources = {source.resolve() for source in jobs}
  writers = {}
  for source, target in jobs.items():
    place = target.resolve()
    if place in sources:
      raise errors.InputError(
        f"{target}, where {source} would be written, is one of the pictures to"
        " enlarge: choose another --output or --pattern."
      )
    other = writers.setdefault(place, source)
    if other.resolve() != source.resolve():
      raise errors.InputError(
        f"{other} and {source} would both be written to {target}: rename one,"
        " or enlarge them into different folders."
      )
