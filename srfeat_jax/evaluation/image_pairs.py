"""Anybody's SR images with their HR images, as a set to be evaluated."""

import itertools
import os
import pathlib
import re
from collections.abc import Sequence

import numpy as np

from srfeat_jax import errors
from srfeat_jax.data import benchmarks, partners
from srfeat_jax.image_io import images

_NAMED = 3  # files that a message names
# How names of SR images of one method end: "_SRGAN", "-x4_out", ".mine".
_COMMON = re.compile(r"[ ._-].*", re.DOTALL)


def load(
  sr_folder: str | os.PathLike, hr_folder: str | os.PathLike, scale: int
) -> benchmarks.BenchmarkSet:
  """Finds the HR image of each SR image.

  Files of the same name below the folders belong together, and so do those
  whose names differ by marks such as "x4", "_SR" and "_HR" at their end, see
  `partners.match`; what all names of SR images have at their end after a space,
  a dot, a hyphen or an underscore may also be missing from those of HR images.

  Args:
    sr_folder: searched recursively.
    hr_folder: likewise. Images are as large as those in `sr_folder`, or larger
      by less than `scale` pixels, which are cropped off of both, see `cropped`,
      as networks' LR images lack them.
    scale: scale factor.

  Returns:
    A set named as the SR folder, whose "LR images" are the SR images.

  Raises:
    errors.InputError: a folder cannot be read or has no images, a file has no
      partner or several, or sizes do not fit.
  """
  folders = pathlib.Path(sr_folder), pathlib.Path(hr_folder)
  sr_paths, hr_paths = map(images.find, folders)
  renamed = _without_common_end(sr_paths, folders[0])
  matched = partners.matched(hr_paths, sr_paths, folders[1], folders[0], scale)
  if not matched and renamed:
    matched = partners.matched(
      hr_paths, list(renamed), folders[1], folders[0], scale
    )
  found_files = [(hr, renamed.get(sr, sr)) for hr, sr in matched.items()]
  for paths, index, folder in (
    (sr_paths, 1, folders[1]),
    (hr_paths, 0, folders[0]),
  ):
    taken = {pair[index] for pair in found_files}
    left = [path for path in paths if path not in taken]
    if left:
      more = f" and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
      raise errors.InputError(
        f"{', '.join(map(str, left[:_NAMED]))}{more}: no image in {folder} has"
        " this name, with or without x4, _SR or _HR at the end, or it belongs"
        " to another file: rename it, or move it elsewhere"
      )
  found = tuple(
    benchmarks.BenchmarkImage(
      hr.relative_to(folders[1]).with_suffix("").as_posix(), scale, hr, sr
    )
    for hr, sr in found_files
  )
  for each in found:
    _check_size(each)
  return benchmarks.BenchmarkSet(folders[0].resolve().name, found)


def _without_common_end(
  paths: Sequence[pathlib.Path], folder: pathlib.Path
) -> dict[pathlib.Path, pathlib.Path]:
  """Paths as they are without the end that all names share, to those there."""
  names = [
    path.relative_to(folder).with_suffix("").as_posix() for path in paths
  ]
  alike = itertools.takewhile(
    lambda letters: len(set(letters)) == 1,
    zip(*(n[::-1] for n in names), strict=False),
  )
  end = _COMMON.search("".join(letters[0] for letters in alike)[::-1])
  if len(paths) < 2 or not end:
    return {}
  return {
    folder / (name.removesuffix(end[0]) + path.suffix): path
    for name, path in zip(names, paths, strict=True)
  }


def cropped(image: np.ndarray, scale: int) -> np.ndarray:
  """An SR image without what is beyond a multiple of the scale factor."""
  height, width = (length - length % scale for length in image.shape[:2])
  return image[:height, :width]


def _check_size(image: benchmarks.BenchmarkImage) -> None:
  assert image.hr_path is not None and image.lr_path is not None
  hr, sr = images.size(image.hr_path), images.size(image.lr_path)
  scale = image.scale
  if min(hr) < scale:
    raise errors.InputError(
      f"{image.hr_path} has {hr[0]} x {hr[1]} pixels, fewer on a side than the"
      f" scale factor {scale}: leave it out, or give --scale=1"
    )
  if tuple(sr) not in (tuple(hr), tuple(n - n % scale for n in hr)):
    raise errors.InputError(
      f"{image.lr_path} has {sr[0]} x {sr[1]} pixels (height x width) and"
      f" {image.hr_path} {hr[0]} x {hr[1]}:"
      " expected the same size, or that of HR cropped to a multiple of the"
      f" scale factor {scale} (--scale)"
    )
