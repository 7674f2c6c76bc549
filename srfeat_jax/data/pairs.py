"""Training images that come with LR images of their own.

A source of pairs is a source, see `sources`, whose images, as well as `sizes`,
are `Pair`s, and whose attribute `pair_scale` is their scale factor. LR and HR
show the same from the top left corner on: pixel (y, x) of LR is the square of
HR pixels that begins at (scale * y, scale * x). What HR has beyond the last
such square is not used.
"""

import hashlib
import os
import pathlib
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from absl import logging

from srfeat_jax import errors
from srfeat_jax.data import skipped_files, threads
from srfeat_jax.image_io import images


class Pair(NamedTuple):
  """Two images of the same, or something else of both.

  Attributes:
    hr: uint8 [H, W, 3].
    lr: uint8 [h, w, 3], with H >= scale * h and W >= scale * w.
  """

  hr: Any
  lr: Any


class Folders:
  """The images in a folder tree of HR images and one of their LR images.

  Names are matched below the folders, without extensions; at their end one may
  have, and the other lack, marks such as "x4", "_LR" and "_HR". Files without a
  partner and pairs that cannot be used are named in the log and skipped, and so
  are pairs of which a file turns out to be damaged when it is decoded: the next
  good pair is returned in its place.
  """

  def __init__(self, hr_folder: str, lr_folder: str, scale: int, min_size: int):
    """Scans the folders.

    Args:
      hr_folder: searched recursively for `images.EXTENSIONS`.
      lr_folder: likewise.
      scale: how many times larger HR is than LR.
      min_size: pairs with fewer HR pixels on a side are skipped.

    Raises:
      errors.InputError: there is no such folder, no file has a partner, a file
        has several, or no pair can be used.
    """
    self.pair_scale = scale
    self.location = hr_folder
    self._folders = pathlib.Path(hr_folder), pathlib.Path(lr_folder)
    hr_paths, lr_paths = map(images.find, self._folders)
    matched = match(hr_paths, lr_paths, *self._folders, scale)
    self._paths, self.sizes, self.mean_bytes = _scan(matched, scale, min_size)
    names = "\n".join(
      path.relative_to(folder).as_posix()
      for pair in self._paths
      for path, folder in zip(pair, self._folders, strict=True)
    )
    digest = hashlib.sha256(os.fsencode(names)).hexdigest()[:12]
    self.identity = f"{len(self)} pairs, {digest}"
    self._skipped = skipped_files.Log()

  def __len__(self) -> int:
    return len(self._paths)

  def __getitem__(self, index: int) -> Pair:
    for offset in range(len(self)):
      pair = self.read((index + offset) % len(self))
      if pair is not None:
        return pair
    raise errors.InputError(
      f"none of the {len(self)} pairs in {_both(self._folders)} can be decoded:"
      " point config.data.train at undamaged files"
    )

  def read(self, index: int) -> Pair | None:
    """The pair of an index, or None, and the log says why."""
    hr_path, lr_path = self._paths[index]
    try:
      hr, lr = images.read_rgb(hr_path), images.read_rgb(lr_path)
      height, width = shared(hr.shape, lr.shape, self.pair_scale)
    except errors.InputError as error:
      self._skipped.once(hr_path, error)
      return None
    return Pair(hr, lr[:height, :width])


def match(
  hr_paths: Sequence[pathlib.Path],
  lr_paths: Sequence[pathlib.Path],
  hr_folder: pathlib.Path,
  lr_folder: pathlib.Path,
  scale: int,
) -> list[tuple[pathlib.Path, pathlib.Path]]:
  """Finds the LR file of each HR file, and logs those without a partner.

  Files of the same name are partners; of what is left, those that have the same
  name without its marks.

  Args:
    hr_paths: files below `hr_folder`.
    lr_paths: files below `lr_folder`.
    hr_folder: of the HR images.
    lr_folder: of the LR images.
    scale: of which names may have marks.

  Returns:
    HR and LR files of each pair, in the order of `hr_paths`.

  Raises:
    errors.InputError: no file has a partner, or a file could have several.
  """
  found = matched(hr_paths, lr_paths, hr_folder, lr_folder, scale)
  if not found:
    raise errors.InputError(
      f"no image in {_both((hr_folder, lr_folder))} has a partner in the other"
      " folder: expected the same names, in the second with or without"
      f" x{scale} or _LR at the end, and there are"
      f" {_name(hr_paths[0], hr_folder)} and {_name(lr_paths[0], lr_folder)}"
    )
  for paths, index, other in (
    (hr_paths, 0, lr_folder),
    (lr_paths, 1, hr_folder),
  ):
    taken = {pair[index] for pair in found}
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
) -> list[tuple[pathlib.Path, pathlib.Path]]:
  """As `match`, but leaves out those without a partner in silence.

  Args:
    hr_paths: files below `hr_folder`.
    other_paths: files below `other_folder`: LR images, or SR images.
    hr_folder: of the HR images.
    other_folder: of the other images.
    scale: of which names may have marks.

  Returns:
    HR and other files of each pair, in the order of `hr_paths`; may be empty.

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
  return [(hr, partners[hr]) for hr in hr_paths if hr in partners]


def random_crop(pair: Pair, size: int, scale: int, rng: Any) -> Pair:
  """Crops both images alike: HR to `size`, LR to `size / scale`."""
  small = size // scale
  top = rng.integers(pair.lr.shape[0] - small + 1)
  left = rng.integers(pair.lr.shape[1] - small + 1)
  return _cut(pair, top, left, size, scale)


def center_crop(pair: Pair, size: int, scale: int) -> Pair:
  """Crops the middle of both images, see `random_crop`."""
  height, width = (length - size // scale for length in pair.lr.shape[:2])
  return _cut(pair, height // 2, width // 2, size, scale)


def entry(image: Pair | np.ndarray, size: int, scale: int) -> dict[str, Any]:
  """What a batch is made of, if some of its images are pairs and others not.

  Args:
    image: a pair of crops, or the crop of an HR image alone.
    size: of the HR crop.
    scale: of all pairs of the run.

  Returns:
    "hr", "lr" and "is_pair", whether the image has an LR of its own; "lr" is
    black where it has none.
  """
  is_pair = isinstance(image, Pair)
  if not isinstance(image, Pair):
    side = size // scale
    image = Pair(image, np.zeros((side, side, 3), np.uint8))
  return image._asdict() | {"is_pair": np.array(is_pair)}


def _cut(pair: Pair, top: int, left: int, size: int, scale: int) -> Pair:
  small = size // scale
  hr_top, hr_left = scale * top, scale * left
  return Pair(
    pair.hr[hr_top : hr_top + size, hr_left : hr_left + size],
    pair.lr[top : top + small, left : left + small],
  )


def _both(folders: Iterable[pathlib.Path]) -> str:
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
  marks = rf"([ ._-]*(x{scale}|{scale}x)|[ ._-]+(LR|HR|SR|GT|LRBI|out))+"
  return re.sub(rf"(?<=[^/]){marks}$", "", name, flags=re.IGNORECASE)


def shared(
  hr_shape: Sequence[int], lr_shape: Sequence[int], scale: int
) -> tuple[int, int]:
  """The LR pixels of which all HR pixels are there, along both axes.

  Raises:
    errors.InputError: the images are not `scale` times as large: LR must have
      the quotient, rounded down as of cropped HR images, or up as MATLAB does.
  """
  for hr_length, lr_length in zip(hr_shape[:2], lr_shape[:2], strict=True):
    if lr_length not in (hr_length // scale, -(-hr_length // scale)):
      raise errors.InputError(
        f"HR is {hr_shape[1]}x{hr_shape[0]} and LR {lr_shape[1]}x{lr_shape[0]}"
      )
  return (
    min(lr_shape[0], hr_shape[0] // scale),
    min(lr_shape[1], hr_shape[1] // scale),
  )


def _scan(
  matched: Sequence[tuple[pathlib.Path, pathlib.Path]],
  scale: int,
  min_size: int,
) -> tuple[list[tuple[pathlib.Path, pathlib.Path]], list[Pair], float]:
  """Returns usable pairs in order, their sizes, and their mean bytes.

  The sizes are heights and widths, of LR only what is used.
  """
  sizes = threads.each(
    _sizes_or_error, matched, description="checking pairs", unit="pair"
  )
  damaged, misfits, small, uneven, good, used = [], [], [], [], [], []
  num_bytes = 0
  for pair, found in zip(matched, sizes, strict=True):
    if isinstance(found, errors.InputError):
      damaged.append(str(found))
      continue
    hr_size, lr_size = found
    try:
      fitting = shared(hr_size, lr_size, scale)
    except errors.InputError as error:
      misfits.append(f"{pair[0]}: {error}")
      continue
    if scale * min(fitting) < min_size:
      small.append(f"{pair[0]} is {hr_size[1]}x{hr_size[0]}")
      continue
    if any(length % scale for length in hr_size):
      uneven.append(pair[0])
    good.append(pair)
    used.append(Pair(hr_size, fitting))
    num_bytes += 3 * (hr_size[0] * hr_size[1] + lr_size[0] * lr_size[1])
  skipped_files.report("cannot be read", damaged)
  skipped_files.report(f"are not {scale} times as large as their LR", misfits)
  skipped_files.report(f"smaller than a crop of {min_size}x{min_size}", small)
  if not good:
    example = f", such as {misfits[0]}" if misfits else ""
    raise errors.InputError(
      f"none of the {len(matched)} pairs of config.data.train can be used:"
      f" {len(misfits)} are not of scale {scale}{example}; {len(damaged)}"
      f" cannot be read; {len(small)} are smaller than the crop of"
      f" {min_size}x{min_size}; name LR images of config.generator.scale, or"
      " set that, or config.crop_size, to suit"
    )
  if uneven:
    logging.warning(
      "%d of %d HR images, such as %s, are no multiple of %d pixels wide and"
      " high: what is over at the right and at the bottom is not used",
      *(len(uneven), len(good), uneven[0], scale),
    )
  return good, used, num_bytes / len(good)


def _sizes_or_error(pair):
  try:
    return [images.size(path) for path in pair]
  except errors.InputError as error:
    return error
