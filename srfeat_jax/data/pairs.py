"""Training images that come with LR images of their own.

A source of pairs is a source, see `sources`, whose images, as well as `sizes`,
are `Pair`s, whose attribute `pair_scale` is their scale factor, and whose
attribute `has_teacher` says whether each has a teacher's output, too. LR and HR
show the same from the top left corner on: pixel (y, x) of LR is the square of
HR pixels that begins at (scale * y, scale * x). What HR has beyond the last
such square is not used.
"""

import hashlib
import math
import os
import pathlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from absl import logging

from srfeat_jax import errors
from srfeat_jax.data import partners as partners_lib
from srfeat_jax.data import skipped_files, threads
from srfeat_jax.image_io import images


class Pair(NamedTuple):
  """Images of the same, or something else of each.

  Attributes:
    hr: uint8 [H, W, 3].
    lr: uint8 [h, w, 3], with H >= scale * h and W >= scale * w.
    teacher: uint8 [scale * h, scale * w, 3], what a teacher makes of LR; None
      without one.
  """

  hr: Any
  lr: Any
  teacher: Any = None

  def parts(self) -> dict[str, Any]:
    """What there is, by name."""
    return {
      name: part for name, part in self._asdict().items() if part is not None
    }

  def map(self, function: Callable[[Any], Any]) -> "Pair":
    """The pair of what a function makes of each part."""
    return Pair(**{name: function(x) for name, x in self.parts().items()})


class Folders:
  """The images in a folder tree of HR images and one of their LR images.

  A third tree may hold what a teacher makes of the LR images.

  Names are matched below the folders, without extensions; at their end one may
  have, and the other lack, marks such as "x4", "_LR" and "_HR". Files without a
  partner and pairs that cannot be used are named in the log and skipped, and so
  are pairs of which a file turns out to be damaged when it is decoded: the next
  good pair is returned in its place.
  """

  def __init__(
    self,
    hr_folder: str,
    lr_folder: str,
    scale: int,
    min_size: int,
    teacher_folder: str = "",
  ):
    """Scans the folders.

    Args:
      hr_folder: searched recursively for `images.EXTENSIONS`.
      lr_folder: likewise.
      scale: how many times larger HR is than LR.
      min_size: pairs with fewer HR pixels on a side are skipped.
      teacher_folder: likewise, of the teacher's output; "" without one.

    Raises:
      errors.InputError: there is no such folder, no file has a partner, a file
        has several, or no pair can be used.
    """
    self.pair_scale = scale
    self.has_teacher = bool(teacher_folder)
    self.location = hr_folder
    named = (hr_folder, lr_folder, teacher_folder)
    self._folders = [pathlib.Path(each) for each in named if each]
    hr_paths = images.find(hr_folder)
    partners = partners_lib.match(hr_paths, self._folders, scale)
    matched = [
      Pair(path, *partners[path]) for path in hr_paths if path in partners
    ]
    self._paths, self.sizes, self.mean_bytes = _scan(matched, scale, min_size)
    names = "\n".join(
      path.relative_to(folder).as_posix()
      for pair in self._paths
      for path, folder in zip(pair.parts().values(), self._folders, strict=True)
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
    folders = " and ".join(map(str, self._folders))
    raise errors.InputError(
      f"none of the {len(self)} pairs in {folders} can be decoded:"
      " point config.data.train at undamaged files"
    )

  def read(self, index: int) -> Pair | None:
    """The pair of an index, or None, and the log says why."""
    paths = self._paths[index]
    try:
      return read(paths, self.pair_scale)
    except errors.InputError as error:
      for folder in self._folders:
        skipped_files.check_folder(folder, error)
      self._skipped.once(paths.hr, error)
      return None


def read(paths: Pair, scale: int) -> Pair:
  """Reads the files of a pair; of LR and the teacher's output what is used.

  Raises:
    errors.InputError: a file cannot be read, or has a size that does not fit.
  """
  pair = paths.map(images.read_rgb)
  height, width = shared(pair.map(np.shape), scale)
  pair = pair._replace(lr=pair.lr[:height, :width])
  if pair.teacher is None:
    return pair
  teacher = pair.teacher[: scale * height, : scale * width]
  return pair._replace(teacher=teacher)


def random_crop(pair: Pair, size: int, scale: int, rng: Any) -> Pair:
  """Crops all images alike: HR to `size`, LR to `size / scale`."""
  small = size // scale
  top = rng.integers(pair.lr.shape[0] - small + 1)
  left = rng.integers(pair.lr.shape[1] - small + 1)
  return _cut(pair, top, left, size, scale)


def center_crop(pair: Pair, size: int, scale: int) -> Pair:
  """Crops the middle of all images, see `random_crop`."""
  height, width = (length - size // scale for length in pair.lr.shape[:2])
  return _cut(pair, height // 2, width // 2, size, scale)


def entry(image: Pair | np.ndarray, size: int, scale: int) -> dict[str, Any]:
  """What a batch is made of, if some of its images are pairs and others not.

  Args:
    image: a pair of crops, without a teacher's output; or the crop of an HR
      image alone.
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
  return image.parts() | {"is_pair": np.array(is_pair)}


def _cut(pair: Pair, top: int, left: int, size: int, scale: int) -> Pair:
  def cut(image, top, left, size):
    return image[top : top + size, left : left + size]

  large = (scale * top, scale * left, size)
  cropped = pair.map(lambda image: cut(image, *large))
  return cropped._replace(lr=cut(pair.lr, top, left, size // scale))


def shared(shapes: Pair, scale: int) -> tuple[int, int]:
  """The LR pixels of which all HR pixels are there, along both axes.

  Args:
    shapes: of the images of a pair, or their heights and widths.
    scale: how many times larger HR is than LR.

  Raises:
    errors.InputError: the images are not `scale` times as large: LR must have
      the quotient, rounded down as of cropped HR images, or up as MATLAB does;
      or the teacher's output is as large as neither HR nor `scale` times LR.
  """
  hr, lr = tuple(shapes.hr[:2]), tuple(shapes.lr[:2])
  for hr_length, lr_length in zip(hr, lr, strict=True):
    if lr_length not in (hr_length // scale, -(-hr_length // scale)):
      raise errors.InputError(f"HR is {_by(hr)} and LR {_by(lr)}")
  upscaled = scale * lr[0], scale * lr[1]
  if shapes.teacher is not None:
    teacher = tuple(shapes.teacher[:2])
    if teacher not in (hr, upscaled):
      raise errors.InputError(
        f"the teacher's output is {_by(teacher)}, and LR {_by(lr)}: expected"
        f" {_by(upscaled)}, {scale} times that, or {_by(hr)} as HR"
      )
  return min(lr[0], hr[0] // scale), min(lr[1], hr[1] // scale)


def used_sizes(
  hr: tuple[int, int], lr: tuple[int, int], scale: int, has_teacher: bool
) -> Pair:
  """Heights and widths of a pair's images as `read` returns them.

  Args:
    hr: of the HR image.
    lr: of what is used of the LR image.
    scale: how many times larger HR is than LR.
    has_teacher: whether there is a teacher's output.
  """
  return Pair(hr, lr, (scale * lr[0], scale * lr[1]) if has_teacher else None)


def _by(size: tuple[int, ...]) -> str:
  height, width = size
  return f"{width}x{height}"


def _scan(
  matched: Sequence[Pair], scale: int, min_size: int
) -> tuple[list[Pair], list[Pair], float]:
  """Returns usable pairs in order, their sizes, and their mean bytes.

  The sizes are heights and widths, see `used_sizes`.
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
    try:
      fitting = shared(found, scale)
    except errors.InputError as error:
      misfits.append(f"{pair.hr}: {error}")
      continue
    if scale * min(fitting) < min_size:
      small.append(f"{pair.hr} is {_by(found.hr)}")
      continue
    if any(length % scale for length in found.hr):
      uneven.append(pair.hr)
    good.append(pair)
    used.append(used_sizes(found.hr, fitting, scale, found.teacher is not None))
    num_bytes += 3 * sum(math.prod(size) for size in found.parts().values())
  skipped_files.report("cannot be read", damaged)
  skipped_files.report(
    f"do not fit the size of their partners at a scale of {scale}", misfits
  )
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


def _sizes_or_error(pair: Pair) -> Pair | errors.InputError:
  try:
    return pair.map(images.size)
  except errors.InputError as error:
    return error
