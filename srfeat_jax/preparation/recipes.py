"""What is cut from each image: the presets of `srfeat_jax.prepare`.

A recipe says from height and width alone how many records an image gives, so
that a whole set is planned before anything is decoded. Images are uint8
[H, W, 3].
"""

import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np

from srfeat_jax import errors
from srfeat_jax.ops import resize

# Crops of each orientation of a DIV2K image, by SRFeat's data_augmentation.
_ORIENTATIONS = (
  *("original", "flip", "rot90", "rot180", "rot270"),
  *("flip+rot90", "flip+rot180", "flip+rot270"),
)
_DIV2K = (35, 35, 10, 10, 10, 10, 10, 10)
_DIV2K_HALF = (5, 5, 5, 5, 5, 5, 5, 5)


@dataclasses.dataclass(frozen=True)
class Crop:
  """One crop of an image.

  Attributes:
    image: uint8 [H, W, 3].
    about: where it is from, JSON-able.
  """

  image: np.ndarray
  about: dict[str, Any]


class Recipe(Protocol):
  """How records are made from an image."""

  def parameters(self) -> dict[str, Any]:
    """All that the records depend on apart from the image, JSON-able."""

  def min_side(self) -> int:
    """The fewest pixels that a side of an image must have."""

  def count(self, height: int, width: int) -> int:
    """How many records an image gives that is large enough."""

  def record_size(self, height: int, width: int) -> tuple[int, int]:
    """Height and width of each of these records."""

  def cut(self, image: np.ndarray, name: str) -> Iterator[Crop]:
    """Yields the records of an image.

    Args:
      image: uint8 [H, W, 3].
      name: of its file, on which random positions depend.
    """


@dataclasses.dataclass(frozen=True)
class Whole:
  """Images as they are, if no side is under `size`."""

  size: int

  def parameters(self) -> dict[str, Any]:
    """See `Recipe`."""
    return {"recipe": "whole", **dataclasses.asdict(self)}

  def min_side(self) -> int:
    """See `Recipe`."""
    return max(1, self.size)

  def count(self, height: int, width: int) -> int:
    """See `Recipe`."""
    return 1

  def record_size(self, height: int, width: int) -> tuple[int, int]:
    """See `Recipe`."""
    return height, width

  def cut(self, image: np.ndarray, name: str) -> Iterator[Crop]:
    """See `Recipe`."""
    yield Crop(image, {})


@dataclasses.dataclass(frozen=True)
class Center:
  """The center of each image, where `config.data.crop="center"` has it."""

  size: int

  def parameters(self) -> dict[str, Any]:
    """See `Recipe`."""
    return {"recipe": "center", **dataclasses.asdict(self)}

  def min_side(self) -> int:
    """See `Recipe`."""
    return self.size

  def count(self, height: int, width: int) -> int:
    """See `Recipe`."""
    return 1

  def record_size(self, height: int, width: int) -> tuple[int, int]:
    """See `Recipe`."""
    return self.size, self.size

  def cut(self, image: np.ndarray, name: str) -> Iterator[Crop]:
    """See `Recipe`."""
    top, left = ((side - self.size) // 2 for side in image.shape[:2])
    yield _crop(image, top, left, self.size)


@dataclasses.dataclass(frozen=True)
class SubImages:
  """A grid of overlapping crops, as BasicSR's sub-images.

  Crops begin every `stride` pixels, and where the last one does not reach the
  edge, one more ends there.
  """

  size: int
  stride: int

  def parameters(self) -> dict[str, Any]:
    """See `Recipe`."""
    return {"recipe": "subimages", **dataclasses.asdict(self)}

  def min_side(self) -> int:
    """See `Recipe`."""
    return self.size

  def count(self, height: int, width: int) -> int:
    """See `Recipe`."""
    return len(self._starts(height)) * len(self._starts(width))

  def record_size(self, height: int, width: int) -> tuple[int, int]:
    """See `Recipe`."""
    return self.size, self.size

  def cut(self, image: np.ndarray, name: str) -> Iterator[Crop]:
    """See `Recipe`."""
    for top in self._starts(image.shape[0]):
      for left in self._starts(image.shape[1]):
        yield _crop(image, top, left, self.size)

  def _starts(self, side: int) -> list[int]:
    last = side - self.size
    starts = list(range(0, last + 1, self.stride))
    return starts if starts[-1] == last else [*starts, last]


@dataclasses.dataclass(frozen=True)
class Oriented:
  """Random crops of an image in eight orientations.

  As `aug_data_div2k.m` and `aug_data_div2k_half.m` of SRFeat's authors; which
  positions are drawn depends on the seed and on the name of the file.
  """

  size: int
  counts: tuple[int, ...]
  halved: bool  # by MATLAB's bicubic, before it is cropped
  seed: int

  def parameters(self) -> dict[str, Any]:
    """See `Recipe`."""
    counts = dict(zip(_ORIENTATIONS, self.counts, strict=True))
    own = dataclasses.asdict(self) | {"counts": counts}
    return {"recipe": "oriented", **own}

  def min_side(self) -> int:
    """See `Recipe`."""
    return 2 * self.size - 1 if self.halved else self.size

  def count(self, height: int, width: int) -> int:
    """See `Recipe`."""
    return sum(self.counts)

  def record_size(self, height: int, width: int) -> tuple[int, int]:
    """See `Recipe`."""
    return self.size, self.size

  def cut(self, image: np.ndarray, name: str) -> Iterator[Crop]:
    """See `Recipe`."""
    if self.halved:
      # Not by JPEG's decoder, which would be faster: its filter is another one.
      image = resize.resize(image, 0.5)
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()
    entropy = [self.seed, *np.frombuffer(digest, np.uint32).tolist()]
    rng = np.random.default_rng(entropy)
    for orientation, count in zip(_ORIENTATIONS, self.counts, strict=True):
      oriented = _oriented(image, orientation)
      for _ in range(count):
        top = int(rng.integers(oriented.shape[0] - self.size + 1))
        left = int(rng.integers(oriented.shape[1] - self.size + 1))
        crop = _crop(oriented, top, left, self.size)
        yield Crop(crop.image, {"orientation": orientation, **crop.about})


@dataclasses.dataclass(frozen=True)
class Options:
  """What a user may set; None is the preset's own.

  Attributes:
    size: pixels on each side of a record.
    stride: pixels between sub-images.
    seed: of random positions.
  """

  size: int | None = None
  stride: int | None = None
  seed: int = 0


@dataclasses.dataclass(frozen=True)
class Preset:
  """A recipe with the settings of a document.

  Attributes:
    make: takes the options; returns the recipe.
    takes: which options it has.
    expected: what the documents count, to be compared with; "" for nothing.
  """

  make: Callable[[Options], Recipe]
  takes: tuple[str, ...]
  expected: str


def _subimages(options: Options) -> Recipe:
  size = options.size or 480
  return SubImages(size, options.stride or max(1, size // 2))


PRESETS: Mapping[str, Preset] = {
  "coco": Preset(
    lambda options: Center(options.size or 296),
    ("size",),
    "116,620 of train2017 at 296 px",
  ),
  "div2k": Preset(
    lambda options: Oriented(options.size or 296, _DIV2K, False, options.seed),
    ("size", "seed"),
    "104,000 of DIV2K's 800, 130 an image",
  ),
  "div2k-half": Preset(
    lambda options: Oriented(
      options.size or 296, _DIV2K_HALF, True, options.seed
    ),
    ("size", "seed"),
    "32,000 of DIV2K's 800, 40 an image",
  ),
  "mirflickr": Preset(
    lambda options: Center(options.size or 256),
    ("size",),
    "25,000 of MIRFLICKR-25k at 256 px",
  ),
  "subimages": Preset(_subimages, ("size", "stride"), ""),
  "folder": Preset(lambda options: Whole(options.size or 1), ("size",), ""),
}


def create(name: str, options: Options) -> Recipe:
  """Makes the recipe of a preset.

  Args:
    name: one of `PRESETS`.
    options: set by the user.

  Raises:
    errors.InputError: there is no such preset, or it has no such option.
  """
  if name not in PRESETS:
    raise errors.InputError(
      f'"{name}" is no preset: expected one of {", ".join(PRESETS)}'
    )
  preset = PRESETS[name]
  for field in ("size", "stride", "seed"):
    value = getattr(options, field)
    if value != getattr(Options, field) and field not in preset.takes:
      raise errors.InputError(
        f"--{field}={value} is set, and the preset {name} has no {field}:"
        f" leave it out; {name} has {', '.join(preset.takes)}"
      )
  return preset.make(options)


def _crop(image: np.ndarray, top: int, left: int, size: int) -> Crop:
  part = image[top : top + size, left : left + size]
  return Crop(part, {"top": top, "left": left})


def _oriented(image: np.ndarray, orientation: str) -> np.ndarray:
  """An image flipped left to right, then rotated counterclockwise."""
  parts = orientation.split("+")
  if "flip" in parts:
    image = image[:, ::-1]
  turns = {"rot90": 1, "rot180": 2, "rot270": 3}.get(parts[-1], 0)
  return np.rot90(image, turns)
