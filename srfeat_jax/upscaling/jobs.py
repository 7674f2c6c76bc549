"""Which pictures are enlarged, and where each result is written."""

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
    if os.path.isdir(self.output):
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
    complain: told of each input that is not there or holds no picture, and of
      each source whose target is another's.

  Returns:
    The target of each source, in the order of the sources' names. Results of
    earlier runs are no sources: of what folders and patterns find, that which
    is below an output inside them, or has the name that the pattern gives a
    result, is left out. Where several sources have one target, the first keeps
    it.

  Raises:
    errors.InputError: there is no input, the naming makes no sense, or an input
      would be overwritten.
  """
  if not inputs:
    raise errors.InputError("Name at least one picture or folder to enlarge.")
  _check_naming(naming)
  single = pathlib.Path(inputs[0])
  if naming.is_file and (
    len(inputs) > 1 or os.path.isdir(single) or _is_glob(inputs[0])
  ):
    raise errors.InputError(
      f"--output={naming.output} is one picture file, but there may be several"
      " to write: give a folder."
    )
  found, named = {}, set()
  for given in inputs:
    try:
      for source, relative in _sources(given, naming.output):
        found[source] = naming.target(relative)
        if str(source) == str(pathlib.Path(given)):
          named.add(source)
    except errors.InputError as error:
      complain(error)
  jobs = dict(sorted(found.items(), key=lambda job: job[0].as_posix()))
  jobs = _without_results(jobs, named)
  _check_inputs_are_kept(jobs)
  return _without_collisions(jobs, complain)


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


def _sources(
  given: str, output: pathlib.Path
) -> Iterator[tuple[pathlib.Path, pathlib.Path]]:
  """Yields pictures, and their paths below the folder that was asked for."""
  path = pathlib.Path(given)
  if os.path.isdir(path):
    top, found = path, images.find(path, pictures.READ_ENDINGS)
  elif not _is_glob(given):
    yield path, pathlib.Path(path.name)
    return
  else:
    found = [
      pathlib.Path(match)
      for match in sorted(glob.glob(given, recursive=True))
      if pathlib.Path(match).suffix.lower() in pictures.READ_ENDINGS
      and os.path.isfile(match)
    ]
    if not found:
      raise errors.InputError(
        f"No picture is called {given}: no file of that pattern ends in"
        f" {', '.join(pictures.READ_ENDINGS)}."
      )
    parts = path.parts
    fixed = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    top = pathlib.Path(*parts[:fixed])
  place = output.resolve()
  if top.resolve() in place.parents:
    found = [each for each in found if place not in each.resolve().parents]
    if not found:
      raise errors.InputError(
        f"{given} has no picture but those below {output}, the results."
      )
  for source in found:
    yield source, source.relative_to(top)


def _is_glob(given: str) -> bool:
  return glob.has_magic(given) and not os.path.lexists(given)


def _check_naming(naming: Naming) -> None:
  output = naming.output
  if images.has_foreign_ending(output) and not os.path.isdir(output):
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
    fields, trial = set(), ""
    for _, field, form, conversion in string.Formatter().parse(naming.pattern):
      fields.add("?" if form or conversion else field)
    trial = naming.pattern.format(name="a", format="png")
  except (ValueError, LookupError, AttributeError):
    fields = {"?"}
  if fields - {None, *_FIELDS} or "/" in trial or trial in ("", "."):
    raise errors.InputError(
      f"--pattern={naming.pattern} is no pattern for names: it may hold"
      " {name} and {format}, such as {name}_x4.{format}"
    )
  if pathlib.Path(trial).suffix != ".png":
    raise errors.InputError(
      f"--pattern={naming.pattern} must end in .{{format}}, for the ending says"
      " what is written"
    )


def _without_results(
  jobs: dict[pathlib.Path, pathlib.Path], named: set[pathlib.Path]
) -> dict[pathlib.Path, pathlib.Path]:
  """Leaves out what is called as another's result, unless a person named it.

  Only where the pattern gives results names of their own, whatever the ending
  (they may have been written in another --format): a.png beside a.jpg may be an
  original.
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
        f"{target}, where {source} would be written, is one of the pictures to"
        " enlarge: choose another --output or --pattern."
      )


def _without_collisions(
  jobs: dict[pathlib.Path, pathlib.Path],
  complain: Callable[[Exception], object],
) -> dict[pathlib.Path, pathlib.Path]:
  writers, kept = {}, {}
  for source, target in jobs.items():
    other = writers.setdefault(target.resolve(), source)
    if other.resolve() == source.resolve():
      kept[source] = target
    else:
      complain(
        errors.InputError(
          f"{source} was left out: it and {other} would both be written to"
          f" {target}; rename one, or enlarge them into different folders."
        )
      )
  return kept
