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
  found = matched(hr_paths, lr_paths, hr_folder, lr_folder, scale)
  if not found:
    raise errors.InputError(
      f"no image in {hr_folder} and {lr_folder} has a partner in the other"
      " folder: expected the same names, in the second with or without"
      f" x{scale} or _LR at the end, and there are"
      f" {_name(hr_paths[0], hr_folder)} and {_name(lr_paths[0], lr_folder)}"
    )
  for paths, taken, other in (
    (hr_paths, set(found), lr_folder),
    (lr_paths, set(found.values()), hr_folder),
  ):
    lines = [
      f"{path} has no partner in {other}" for path in paths if path not in taken
    ]
    skipped_files.report(f"without a partner in {other}", lines)
  return found


def matched(
  hr_paths: Sequence[pathlib.Path],
  other_paths: Sequence[pathlib.Path],
  hr_folder: pathlib.Path,
  other_folder: pathlib.Path,
  scale: int,
) -> dict[pathlib.Path, pathlib.Path]:
  """As `match`, of two folders, but leaves out files in silence.

  Args:
    hr_paths: files below `hr_folder`.
    other_paths: files below `other_folder`: LR images, or SR images.
    hr_folder: of the HR images.
    other_folder: of the other images.
    scale: of which names may have marks.

  Returns:
    The other file of each HR file that has one, in the order of `hr_paths`; may
    be empty.

  Raises:
    errors.InputError: a file could have several partners.
  """
  folders = hr_folder, other_folder
  partners: dict[pathlib.Path, pathlib.Path] = {}
  left: tuple[Sequence[pathlib.Path], ...] = (hr_paths, other_paths)
  for unmarked in (False, True):
    hr_by_name, other_by_name = (
      _by_name(paths, folder, scale if unmarked else 0)
      for paths, folder in zip(left, folders, strict=True)
    )
    for name, hr_found in hr_by_name.items():
      other_found = other_by_name.get(name, [])
      if not other_found:
        continue
      if len(hr_found) > 1 or len(other_found) > 1:
        several, one = sorted((hr_found, other_found), key=len, reverse=True)
        raise errors.InputError(
          f"{several[0]} and {several[1]} both go with {one[0]} by their names:"
          " rename or remove one"
        )
      partners[hr_found[0]] = other_found[0]
    taken = set(partners.values())
    left = (
      [path for path in hr_paths if path not in partners],
      [path for path in other_paths if path not in taken],
    )
  return {hr: partners[hr] for hr in hr_paths if hr in partners}


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
  marks = rf"([ ._-]*(x{scale}|{scale}x)|[ ._-]+(LR|HR|SR|GT|LRBI|out))+"
  return re.sub(rf"(?<=[^/]){marks}$", "", name, flags=re.IGNORECASE)
