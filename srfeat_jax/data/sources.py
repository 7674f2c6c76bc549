"""Random-access sources of training images.

A source has `__len__` and `__getitem__(index) -> uint8 [H, W, 3]`, returns the
same image for an index every time, and can be sent to a worker process. Its
`identity` is a short text that changes when the list of images does; its
`location` is a folder or prepared set, "" for what is drawn. `sizes` are height
and width of each image, and `read(index)` is that very image, or None if it is
damaged. Sources of images with LR images of their own are in `pairs`.
"""

import functools
import hashlib
import os
import pathlib
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from srfeat_jax import errors, places
from srfeat_jax.data import (
  manifest,
  pairs,
  prepared,
  skipped_files,
  survey,
  synthetic,
)
from srfeat_jax.image_io import images

NUM_SCENES = 1000
SCENE_SIZE = 256


class Scenes:
  """Procedural scenes, which need no files."""

  def __init__(self, size: int, length: int = NUM_SCENES):
    self._size = size
    self._length = length
    self.mean_bytes = 3 * size**2
    self.sizes = [(size, size)] * length
    self.identity = f"{length} scenes of {size} px"
    self.location = ""

  def __len__(self) -> int:
    return self._length

  def __getitem__(self, index: int) -> np.ndarray:
    return synthetic.scene(index, self._size)

  read = __getitem__


class Folder:
  """The images in a folder tree that are at least as large as a crop.

  Files that cannot be used are named in the log once and skipped: those that
  are too small or have an unreadable header when the source is made, and those
  that turn out to be damaged when they are decoded. In place of a damaged one
  the next good image is returned, so that every index has an image.
  """

  def __init__(self, folder: str, min_size: int):
    """Scans the folder.

    Args:
      folder: searched recursively for `images.EXTENSIONS`.
      min_size: images with fewer pixels on a side are skipped.

    Raises:
      errors.InputError: no such folder, or it holds no usable image.
    """
    self._folder = self.location = folder
    self._paths, self.sizes = _scan(pathlib.Path(folder), min_size)
    self.mean_bytes = 3 * float(np.mean(np.prod(self.sizes, axis=1)))
    names = "\n".join(
      path.relative_to(folder).as_posix() for path in self._paths
    )
    digest = hashlib.sha256(os.fsencode(names)).hexdigest()[:12]
    # Checkpoints have this text: in other words, older runs would not resume.
    self.identity = f"{len(self)} pictures, {digest}"
    self._skipped = skipped_files.Log()

  def __len__(self) -> int:
    return len(self._paths)

  def __getitem__(self, index: int) -> np.ndarray:
    return self._good(index, images.read_rgb)

  def decoded(self, index: int) -> np.ndarray | images.Decoded:
    """The image of `[index]`, to cut a crop from and let go."""
    return self._good(index, images.decode_rgb)

  def read(self, index: int) -> np.ndarray | None:
    """The image of an index, or None, and the log says why."""
    return self._read(index, images.read_rgb)

  def _good(self, index: int, read: Callable) -> Any:
    for offset in range(len(self)):
      image = self._read((index + offset) % len(self), read)
      if image is not None:
        return image
    raise errors.InputError(
      f"none of the {len(self)} images in {self._folder} can be decoded:"
      " point config.data.train at undamaged files"
    )

  def _read(self, index: int, read: Callable) -> Any:
    try:
      return read(self._paths[index])
    except errors.InputError as error:
      skipped_files.check_folder(self._folder, error)
      self._skipped.once(self._paths[index], error)
      return None


class Cached:
  """A source whose most recently used images stay decoded in memory.

  If none do, crops are cut before pixels are made an array, where that is
  faster: images of a folder are then `images.Decoded`, with slices alone.
  """

  def __init__(self, source, max_images: int):
    self.identity = source.identity
    self.location = source.location
    self.mean_bytes = source.mean_bytes
    self.pair_scale = getattr(source, "pair_scale", None)
    self.has_teacher = getattr(source, "has_teacher", False)
    self._arguments = (source, max_images)
    cuts_first = isinstance(source, Folder) and not max_images
    self._get = functools.lru_cache(max_images)(
      source.decoded if cuts_first else source.__getitem__
    )

  @property
  def source(self) -> Any:
    """The source itself."""
    return self._arguments[0]

  def __reduce__(self):
    return Cached, self._arguments

  def __len__(self) -> int:
    return len(self._arguments[0])

  def __getitem__(self, index: int) -> Any:
    return self._get(index)


def create(
  train: str, crop_size: int, cache_bytes: float, scale: int = 4
) -> tuple[list[Cached], list[float]]:
  """Makes the sources that `config.data.train` names.

  Args:
    train: "synthetic", a folder, a prepared set, or `hr=FOLDER,lr=FOLDER` of
      pairs, to which `,teacher=FOLDER` adds a teacher's output; or several as
      `FOLDER=WEIGHT,hr=FOLDER,lr=FOLDER=WEIGHT` where WEIGHT (default 1) is how
      often an image comes from there.
    crop_size: pixels on each side of a training crop.
    cache_bytes: memory for decoded images, of all sources together.
    scale: how many times larger the HR image of a pair is than its LR image.

  Returns:
    A list of sources and a list of as many weights that sum to 1.

  Raises:
    errors.InputError: a folder is missing or holds no usable image, a weight
      is not above 0, the folders of pairs do not match, a prepared set has
      pairs of another scale, or only some have a teacher's output.
  """
  sources, weights = [], []
  source: Scenes | Folder | prepared.Prepared | pairs.Folders
  for (name, *others), weight in list(_parts(train)):
    for place in (name, *others):
      places.refuse("config.data.train", place)
    if others:
      lr_name, *teachers = others
      source = pairs.Folders(name, lr_name, scale, crop_size, *teachers)
    elif name == "synthetic":
      source = Scenes(max(SCENE_SIZE, crop_size))
    elif manifest.is_set(name):
      source = prepared.Prepared(name, crop_size)
      if source.pair_scale not in (None, scale):
        raise errors.InputError(
          f"{name} holds pairs of scale {source.pair_scale}, and"
          f" config.generator.scale is {scale}: set it to {source.pair_scale},"
          " or prepare other pairs"
        )
    else:
      source = Folder(name, crop_size)
    sources.append(source)
    weights.append(weight)
  _check_teachers(sources)
  budget = cache_bytes / len(sources)
  sources = [
    Cached(source, max_images=int(budget / source.mean_bytes))
    for source in sources
  ]
  return sources, [weight / sum(weights) for weight in weights]


def _check_teachers(sources: Sequence[Any]) -> None:
  """All sources have a teacher's output or none: losses compare with one."""
  by_teacher = {
    getattr(source, "has_teacher", False): source.location or "synthetic"
    for source in sources
  }
  if len(by_teacher) > 1:
    raise errors.InputError(
      f"config.data.train has a teacher's output for {by_teacher[True]}, and"
      f" none for {by_teacher[False]}: name teacher=FOLDER, or sets prepared"
      " with it, for all or for none"
    )


def _parts(train: str) -> Iterator[tuple[list[str], float]]:
  """Yields of each source its weight and folders.

  They are of images; or of pairs: HR, LR, and the teacher's output if there.
  """
  parts = train.split(",")
  while parts:
    part = parts.pop(0)
    if not any(_after(f"{name}=", part) for name in ("hr", "lr", "teacher")):
      name, weight = _split_weight(part)
      yield [name], weight
      continue
    folders = [
      _after("hr=", part),
      _after("lr=", parts.pop(0) if parts else ""),
    ]
    if parts and _after("teacher=", parts[0]):
      folders.append(_after("teacher=", parts.pop(0)))
    *others, last = folders
    if not all(folders) or any(_split_weight(x) != (x, 1.0) for x in others):
      raise errors.InputError(
        f'config.data.train has "{part}": expected pairs as hr=FOLDER,lr=FOLDER'
        " or hr=FOLDER,lr=FOLDER,teacher=FOLDER, with =WEIGHT at the end or"
        " without"
      )
    name, weight = _split_weight(last)
    yield [*others, name], weight


def _after(prefix: str, part: str) -> str:
  """The folder that a part names after a prefix, "" if it has another form.

  `hr=2` is the folder called hr with a weight.
  """
  text = part.strip()
  if not text.startswith(prefix) or _is_number(text.removeprefix(prefix)):
    return ""
  return text.removeprefix(prefix)


def _is_number(text: str) -> bool:
  try:
    float(text)
  except ValueError:
    return False
  return True


def _split_weight(part: str) -> tuple[str, float]:
  match = re.fullmatch(r"(.*)=([^=/]*)", part.strip())
  name, text = match.groups() if match else (part.strip(), "1")
  try:
    weight = float(text)
  except ValueError:
    weight = 0.0
  if not name or not 0 < weight < float("inf"):
    raise errors.InputError(
      f'config.data.train has "{part}": expected "synthetic", a folder,'
      " hr=FOLDER,lr=FOLDER, or any of them with =WEIGHT, a number above 0,"
      " separated by commas"
    )
  return name, weight


def _scan(
  folder: pathlib.Path, min_size: int
) -> tuple[list[pathlib.Path], list[tuple[int, int]]]:
  """Returns usable files in order, and their heights and widths."""
  paths = images.find(folder)
  headers = survey.scan(folder, paths)
  damaged, small, good, sizes = [], [], [], []
  for path, header in zip(paths, headers, strict=True):
    if header.problem:
      damaged.append(f"{path} {header.problem}")
    elif min(header.height, header.width) < min_size:
      small.append(f"{path} is {header.width}x{header.height}")
    else:
      good.append(path)
      sizes.append((header.height, header.width))
  skipped_files.report("cannot be read", damaged)
  skipped_files.report(f"smaller than a crop of {min_size}x{min_size}", small)
  if not good:
    raise errors.InputError(
      f"{folder} holds no usable image: {len(damaged)} of {len(paths)}"
      f" cannot be read and {len(small)} are smaller than the crop of"
      f" {min_size}x{min_size}; use larger images or a smaller"
      " config.crop_size"
    )
  return good, sizes
