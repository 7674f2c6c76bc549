"""Benchmark sets: whole images for evaluation, never for training.

Layout: `FOLDER/SET/HR/*.png`, with `FOLDER/SET/LRx4/*.png` (LRx2, ...) under
the same file names if there are LR images; files may have any extension of
`images.EXTENSIONS`. A folder with nothing but HR images, such as FOLDER or
`FOLDER/SET`, is a set, too. All faults of a set but damaged pixels are found
when it is loaded; pixels are read when they are used.
"""

import dataclasses
import os
import pathlib
import re
from collections.abc import Sequence

import numpy as np

from srfeat_jax import errors, places
from srfeat_jax.data import synthetic
from srfeat_jax.image_io import images

SYNTHETIC = "synthetic"
# Training scenes have small seeds, 0 by default.
HELD_OUT_SEED = 20_180_908
_HELD_OUT_SCENES = 10
_HELD_OUT_SIZE = 256
_HR, _LR = "HR", "LR"  # how folders of images are called
_RGB_TO_GRAY = (0.299, 0.587, 0.114)


@dataclasses.dataclass(frozen=True)
class BenchmarkImage:
  """One image of a set: a file, or a held-out scene.

  Attributes:
    name: the file's path below HR without its extension; unique in its set.
    scale: how many times larger HR is than LR.
    hr_path: the HR file; None for a scene.
    lr_path: the LR file; None if the set has no LR images.
    scene: index of the scene, if `hr_path` is None.
  """

  name: str
  scale: int
  hr_path: pathlib.Path | None = None
  lr_path: pathlib.Path | None = None
  scene: int = 0

  def hr(self) -> np.ndarray:
    """Reads uint8 [H, W, 3], or [H, W] from a gray file.

    The image is cropped at the bottom and on the right so that height and width
    are multiples of `scale`.

    Raises:
      errors.InputError: the file cannot be read.
    """
    if self.hr_path is None:
      image = synthetic.scene(self.scene, _HELD_OUT_SIZE, HELD_OUT_SEED)
    else:
      image = images.read(self.hr_path)
    height, width = (n - n % self.scale for n in image.shape[:2])
    return image[:height, :width]

  def lr(self) -> np.ndarray | None:
    """Reads uint8 [h, w, 3], or [h, w] where HR is gray; None without LR file.

    Raises:
      errors.InputError: a file cannot be read.
    """
    if self.lr_path is None:
      return None
    image = images.read_rgb(self.lr_path)
    if self.hr().ndim == 3:
      return image
    # Exact where gray was stored as three equal channels.
    return np.rint(image @ np.array(_RGB_TO_GRAY)).astype(np.uint8)


@dataclasses.dataclass(frozen=True)
class BenchmarkSet:
  """A named set of images, sorted by file name."""

  name: str
  images: tuple[BenchmarkImage, ...]


def load(
  folder: str | os.PathLike, sets: Sequence[str] = (), scale: int = 4
) -> list[BenchmarkSet]:
  """Finds benchmark sets and checks names and sizes, without reading pixels.

  Args:
    folder: the folder of the sets; or one set, a folder with an HR folder or HR
      images in it; or "synthetic" for one set named "Synthetic" of ten scenes
      of 256 x 256 pixels that are not used in training. Of an address, images
      are copied to this machine first.
    sets: names of the sets, in the order wanted; empty: all that have an HR
      folder, sorted by name; if there is none, `folder` itself if it is a set;
      if it is not, all folders in it that hold images and whose names do not
      begin with "LR".
    scale: how many times larger HR is than LR.

  Returns:
    The sets, at least one.

  Raises:
    errors.InputError: a folder or set is missing or empty; HR and LRx differ in
      file names; the size of an LR image is not that of HR divided by `scale`
      (rounded down); an HR image is smaller than `scale`; or the header of a
      file cannot be read.
  """
  synthesized = os.fspath(folder) == SYNTHETIC
  if places.is_address(folder):
    place = places.path(folder)
    place = place.parent if place.name == _HR else place
    folder = places.fetched(place, lambda name: _is_needed(name, sets, scale))
  found = (
    {"Synthetic": pathlib.Path()}
    if synthesized
    else _folders(pathlib.Path(folder), sets)
  )
  for name in sets:
    if name not in found:
      raise errors.InputError(
        f"there is no benchmark set {name} in {folder}: expected some of"
        f" {', '.join(found)}{errors.did_you_mean(name, found)}"
      )
  return [
    BenchmarkSet(
      name,
      _scenes(scale) if synthesized else _pairs(found[name], scale),
    )
    for name in sets or found
  ]


def _folders(
  folder: pathlib.Path, sets: Sequence[str]
) -> dict[str, pathlib.Path]:
  """Finds the folders of the sets by their names, at least one.

  Args:
    folder: where they are, or one of them.
    sets: names of folders that are sets even if they hold nothing but images,
      and others have an HR folder.
  """
  if folder.resolve().name == _HR and folder.is_dir():
    folder = folder.resolve().parent  # with the LR images, if there are any
    return {folder.name: folder}
  try:
    entries = sorted(
      entry
      for entry in folder.iterdir()
      if entry.name[0] != "." and entry.is_dir()
    )
    whole = [entry for entry in entries if (entry / _HR).is_dir()]
    bare = [
      entry
      for entry in entries
      if entry.name in sets or not (whole or entry.name.startswith((_HR, _LR)))
    ]
    bare = [entry for entry in bare if entry not in whole and _is_bare(entry)]
    named = any(entry.name in sets for entry in bare)
    is_set = (folder / _HR).is_dir() or _is_bare(folder)
  except OSError as error:
    raise errors.InputError(
      f"the benchmark folder {folder} cannot be read: {error.strerror}"
    ) from error
  if is_set and not (whole or named):
    return {folder.resolve().name: folder}
  found = {entry.name: entry for entry in sorted(whole + bare)}
  if not found:
    raise errors.InputError(
      f"the benchmark folder {folder} holds no set: expected images in"
      f" {folder}/SET/HR, with a folder for each SET, or HR images"
    )
  return found


def _is_needed(name: str, sets: Sequence[str], scale: int) -> bool:
  """Whether a file may be of one of the sets, by its path below the folder."""
  *folders, file = name.split("/")
  others = [each for each in folders if re.fullmatch(rf"{_LR}x\d+", each)]
  return (
    os.path.splitext(file)[1].lower() in images.EXTENSIONS
    and others in ([], [f"{_LR}x{scale}"])
    and (len(folders) < 2 or not sets or folders[0] in (*sets, _HR, *others))
  )


def _is_bare(folder: pathlib.Path) -> bool:
  """Whether there are images right in a folder, which are then HR images."""
  return any(
    entry.name[0] != "." and entry.suffix.lower() in images.EXTENSIONS
    for entry in folder.iterdir()
  )


def _scenes(scale: int) -> tuple[BenchmarkImage, ...]:
  return tuple(
    BenchmarkImage(f"scene_{index:03}", scale, scene=index)
    for index in range(_HELD_OUT_SCENES)
  )


def _pairs(folder: pathlib.Path, scale: int) -> tuple[BenchmarkImage, ...]:
  hr_folder, lr_folder = folder / _HR, folder / f"{_LR}x{scale}"
  if hr_folder.is_dir():
    paths = images.find(hr_folder)
  else:
    hr_folder = folder
    # What lies deeper, such as LR images, may be something else.
    paths = [path for path in images.find(folder) if path.parent == folder]
  files = [path.relative_to(hr_folder) for path in paths]
  has_lr = lr_folder.exists()
  if has_lr:
    _check_names(hr_folder, set(files), lr_folder)
  found = {}
  for file in files:
    name = file.with_suffix("").as_posix()
    if name in found:
      raise errors.InputError(
        f"{found[name].hr_path} and {hr_folder / file} differ only in"
        " their extensions: rename one"
      )
    lr_path = lr_folder / file if has_lr else None
    found[name] = BenchmarkImage(name, scale, hr_folder / file, lr_path)
    _check_size(found[name])
  return tuple(found.values())


def _check_names(
  hr_folder: pathlib.Path, hr_files: set[pathlib.Path], lr_folder: pathlib.Path
) -> None:
  lr_files = {path.relative_to(lr_folder) for path in images.find(lr_folder)}
  lacking = [
    f"{folder} lacks {', '.join(sorted(map(str, missing)))}"
    for folder, missing in (
      (hr_folder, lr_files - hr_files),
      (lr_folder, hr_files - lr_files),
    )
    if missing
  ]
  if lacking:
    raise errors.InputError(
      f"HR and LR images must have the same file names: {'; '.join(lacking)}"
    )


def _check_size(image: BenchmarkImage) -> None:
  assert image.hr_path is not None  # it is a file, no scene
  height, width = images.size(image.hr_path)
  scale = image.scale
  if min(height, width) < scale:
    raise errors.InputError(
      f"{image.hr_path} has {height} x {width} pixels (height x width):"
      f" expected {scale} x {scale} or more"
    )
  if image.lr_path is None:
    return
  lr_height, lr_width = images.size(image.lr_path)
  expected = (height // scale, width // scale)
  if (lr_height, lr_width) != expected:
    raise errors.InputError(
      f"{image.lr_path} has {lr_height} x {lr_width} pixels (height x width):"
      f" expected {expected[0]} x {expected[1]}, because its HR image has"
      f" {height} x {width}"
    )
