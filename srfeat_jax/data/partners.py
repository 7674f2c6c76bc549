"""Which files of several folders belong together, by their names."""

import os
import pathlib
import re
from collections.abc import Iterable, Sequence

from srfeat_jax import errors
from srfeat_jax.data import skipped_files
from srfeat_jax.image_io import images


def match(
  hr_paths: Sequence[pathlib.Path],
  folders: Sequence[str | os.PathLike],
  scale: int,
) -> dict[pathlib.Path, list[pathlib.Path]]:
  """Finds the partners of each HR file, and logs files without one.

  Files of the same name are partners; of what is left, those that have the same
  name without its marks.

  Args:
    hr_paths: files below the first folder.
    folders: of the HR images, of the LR images, and perhaps of others.
    scale: of which names may have marks.

  Returns:
    For each HR file that has a partner in all other folders, these.

  Raises:
    errors.InputError: no file has a partner, or a file could have several.
  """
  hr_folder, *others = map(pathlib.Path, folders)
  found: dict[pathlib.Path, list[pathlib.Path]] = {
    path: [] for path in hr_paths
  }
  for folder in others:
    # Of those that have had a partner so far: one line says what is left out.
    partners = _match(
      list(found), images.find(folder), hr_folder, folder, scale
    )
    found = {hr: [*found[hr], partner] for hr, partner in partners.items()}
  return found


def _match(
  hr_paths: Sequence[pathlib.Path],
  lr_paths: Sequence[pathlib.Path],
  hr_folder: pathlib.Path,
  lr_folder: pathlib.Path,
  scale: int,
) -> dict[pathlib.Path, pathlib.Path]:
  """See `match`, of two folders."""
  folders = hr_folder, lr_folder
  partners: dict[pathlib.Path, pathlib.Path] = {}
  left: tuple[Sequence[pathlib.Path], ...] = (hr_paths, lr_paths)
  for unmarked in (False, True):
    hr_by_name, lr_by_name = (
      _by_name(paths, folder, scale if unmarked else 0)
      for paths, folder in zip(left, folders, strict=True)
    )
    for name, hr_found in hr_by_name.items():
      lr_found = lr_by_name.get(name, [])
      if not lr_found:
        continue
      if len(hr_found) > 1 or len(lr_found) > 1:
        several, one = sorted((hr_found, lr_found), key=len, reverse=True)
        raise errors.InputError(
          f"{several[0]} and {several[1]} both go with {one[0]} by their names:"
          " rename or remove one"
        )
      partners[hr_found[0]] = lr_found[0]
    taken = set(partners.values())
    left = (
      [path for path in hr_paths if path not in partners],
      [path for path in lr_paths if path not in taken],
    )
  if not partners:
    raise errors.InputError(
      f"no image in {_said(folders)} has a partner in the other folder:"
      f" expected the same names, in the second with or without x{scale} or _LR"
      f" at the end, and there are {_name(hr_paths[0], hr_folder)} and"
      f" {_name(lr_paths[0], lr_folder)}"
    )
  for paths, folder in zip(left, reversed(folders), strict=True):
    lines = [f"{path} has no partner in {folder}" for path in paths]
    skipped_files.report(f"without a partner in {folder}", lines)
  return {hr: partners[hr] for hr in hr_paths if hr in partners}


def _said(folders: Iterable[pathlib.Path]) -> str:
  return " and ".join(map(str, folders))


def _name(path: pathlib.Path, folder: pathlib.Path) -> str:
  return path.relative_to(folder).as_posix()


def _by_name(
  paths: Iterable[pathlib.Path], folder: pathlib.Path, scale: int
) -> dict[str, list[pathlib.Path]]:
  """Files by their names below a folder, without marks if a scale is given."""
  found: dict[str, list[pathlib.Path]] = {}
  for path in paths:
    name = path.relative_to(folder).with_suffix("").as_posix()
    if scale:
      name = _without_marks(name, scale)
    found.setdefault(name, []).append(path)
  return found


def _without_marks(name: str, scale: int) -> str:
  """A name as it is without "x4", "_LR" and the like at its end."""
  marks = rf"([ ._-]*(x{scale}|{scale}x)|[ ._-]+(LR|HR|GT|LRBI))+"
  return re.sub(rf"(?<=[^/]){marks}$", "", name, flags=re.IGNORECASE)
