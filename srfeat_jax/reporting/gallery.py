"""Images with all their versions: bicubic, the outputs, and the target.

Outputs come from the snapshots of runs (`evaluation.snapshots`) and from what
`evaluate --save_images` wrote, targets from the snapshots and from benchmark
sets.
"""

import dataclasses
import filecmp
import itertools
import math
import os
import pathlib
from collections.abc import Iterator, Sequence

import numpy as np

from srfeat_jax import gray
from srfeat_jax.data import benchmarks
from srfeat_jax.evaluation import detailed_region, protocol, snapshots
from srfeat_jax.image_io import images
from srfeat_jax.inference import upscaler
from srfeat_jax.ops import quality
from srfeat_jax.reporting import sources as sources_lib

# Protocols of PSNR that is that of `Example.psnr`; earlier versions named none.
_AS_SHOWN = ("", protocol.MATLAB.name)
_ROUNDED = 1e-4  # of the values of an image, at most
BICUBIC, TARGET = "bicubic", "target"


@dataclasses.dataclass
class Example:
  """An image of a set.

  Attributes:
    set_name: of the set.
    name: of the image.
    versions: uint8 [H, W, 3] by caption: "bicubic" first, if LR is known, then
      outputs.
    psnr: of Y, in dB, by caption; empty without a target.
    target: uint8 [H, W, 3], None if it is not known.
  """

  set_name: str
  name: str
  versions: dict[str, np.ndarray]
  psnr: dict[str, float]
  target: np.ndarray | None

  @property
  def title(self) -> str:
    """The names of the set and the image."""
    return f"{self.set_name} {self.name}"


@dataclasses.dataclass(frozen=True)
class Stage:
  """A step of a run of which there are snapshots.

  Attributes:
    run: the name of the run.
    step: the number of updates.
    caption: the run and the step, for people.
    is_middle: whether training has begun, and there is a later one.
    is_adversarial: whether the run has a discriminator.
  """

  run: str
  step: int
  caption: str
  is_middle: bool
  is_adversarial: bool


def stages(sources: sources_lib.Sources) -> list[Stage]:
  """The snapshots of all runs, those of each run by step."""
  found = []
  for run in sources.runs:
    folder = sources.workdirs[run.name] / snapshots.FOLDER
    steps = sorted(
      int(path.name)
      for path in (folder.iterdir() if folder.is_dir() else ())
      if path.name.isdecimal()
    )
    for step in steps:
      title = sources.titles[run.name]
      caption = f"{title}, step {step}"
      if step == 0:
        caption = f"pre-trained, start of {title}"
      elif step == run.config.get("num_steps"):
        caption = f"{title}, trained"
      is_middle = 0 < step < steps[-1]
      is_adversarial = any(
        field.startswith("discriminators.") for field in run.config
      )
      found.append(Stage(run.name, step, caption, is_middle, is_adversarial))
  return found


class Gallery:
  """All images that there are; pixels are read when they are asked for.

  Attributes:
    captions: of all versions, in their order. Of several whose pixels are the
      same, but for rounding, in all images that they share, there is one, in
      the images of all.
    counterparts: by the captions that are not there for that, which one is.
  """

  def __init__(
    self, sources: sources_lib.Sources, folder: str | os.PathLike | None
  ):
    """Finds files.

    Args:
      sources: the runs and results.
      folder: of benchmark sets; None without.

    Raises:
      errors.InputError: the folder holds no sets.
    """
    self._benchmarks = {
      (each.name, image.name): image
      for each in (benchmarks.load(folder) if folder else ())
      for image in each.images
    }
    # Files by set, image and caption.
    self._outputs: dict[tuple[str, str], dict[str, pathlib.Path]] = {}
    self._pairs: dict[tuple[str, str], pathlib.Path] = {}
    captions: dict[str, None] = {BICUBIC: None}
    found = stages(sources)
    for stage in found:
      captions[stage.caption] = None
      place = sources.workdirs[stage.run] / snapshots.FOLDER
      for path in sorted((place / str(stage.step)).rglob("*.png")):
        key = _key(path.relative_to(place / str(stage.step)))
        self._outputs.setdefault(key, {})[stage.caption] = path
        self._pairs.setdefault(key, place)
    # PSNR as it was evaluated, by set, image and caption.
    self._evaluated: dict[tuple[str, str], dict[str, float]] = {}
    for result in sources.results:
      for key, caption, path, score in _saved(result):
        captions[caption] = None
        self._outputs.setdefault(key, {})[caption] = path
        has_target = key in self._pairs or key in self._benchmarks
        if not has_target or result.protocol_name in _AS_SHOWN:
          self._evaluated.setdefault(key, {})[caption] = score
    for key, paths in self._outputs.items():
      size = self._size(key)
      self._outputs[key] = {
        caption: path
        for caption, path in paths.items()
        if size is None or images.size(path) == size
      }
    middles = {stage.caption for stage in found if stage.is_middle}
    self.counterparts = self._counterparts(
      sorted(captions, key=middles.__contains__)
    )
    self._merge()
    self.captions = [
      caption
      for caption in captions
      if caption not in self.counterparts and self.count(caption)
    ]

  @property
  def keys(self) -> list[tuple[str, str]]:
    """Set and name of each image."""
    return list(self._outputs)

  def count(self, caption: str) -> int:
    """How many images have a version."""
    return sum(self._has(key, caption) for key in self._outputs)

  def score(self, key: tuple[str, str], caption: str) -> float:
    """PSNR of a version of an image; NaN without the version or a target.

    It is that of `Example.psnr`. Where it was evaluated, files need not be
    read; without a target it is not known otherwise.

    Raises:
      errors.InputError: a file cannot be read.
    """
    if not self._has(key, caption):
      return math.nan
    if key not in self._pairs and caption in self._evaluated.get(key, {}):
      return self._evaluated[key][caption]
    hr, lr = self._pair(key)
    if hr is None:
      return math.nan
    return _psnr(self._version(key, caption, hr, lr), hr, lr)

  def example(self, key: tuple[str, str]) -> Example:
    """Reads an image, with those of `captions` that it has.

    Args:
      key: one of `keys`.

    Raises:
      errors.InputError: a file cannot be read.
    """
    hr, lr = self._pair(key)
    versions = {
      caption: self._version(key, caption, hr, lr)
      for caption in self.captions
      if self._has(key, caption)
    }
    if hr is None:
      return Example(*key, versions, {}, None)
    psnr = {
      caption: _psnr(image, hr, lr) for caption, image in versions.items()
    }
    return Example(*key, versions, psnr, gray.to_rgb(hr))

  def _has(self, key: tuple[str, str], caption: str) -> bool:
    if caption in self._outputs[key]:
      return True
    if caption != BICUBIC:
      return False
    if key in self._pairs:
      return all(path.exists() for path in self._places(key))
    return key in self._benchmarks

  def _version(
    self,
    key: tuple[str, str],
    caption: str,
    hr: np.ndarray | None,
    lr: np.ndarray | None,
  ) -> np.ndarray:
    """Reads or makes a version that there is, uint8 [H, W, 3]."""
    if caption in self._outputs[key]:
      return gray.to_rgb(images.read(self._outputs[key][caption]))
    assert hr is not None and lr is not None
    return gray.to_rgb(upscaler.bicubic(lr, hr.shape[0] // lr.shape[0]))

  def _counterparts(self, captions: Sequence[str]) -> dict[str, str]:
    """Captions whose pixels are those of an earlier one, where both are."""
    pairs = list(itertools.combinations(captions, 2))
    compared = set()
    for key, paths in self._outputs.items():
      pixels: dict[str, np.ndarray] = {}
      for pair in [*pairs]:
        one, other = pair
        if not (self._has(key, one) and self._has(key, other)):
          continue
        compared.add(pair)
        # Nearly all differ in the first image; for the rest bytes may do.
        if (
          one in paths
          and other in paths
          and filecmp.cmp(paths[one], paths[other], shallow=False)
        ):
          continue
        for each in pair:
          if each not in pixels:
            made = (None, None) if each in paths else self._pair(key)
            pixels[each] = self._version(key, each, *made)
        if not _same(pixels[one], pixels[other]):
          pairs.remove(pair)
    counterparts: dict[str, str] = {}
    for one, other in pairs:
      if (one, other) in compared and one not in counterparts:
        counterparts.setdefault(other, one)
    return counterparts

  def _merge(self) -> None:
    """Gives versions the images that only those left out have."""
    for left_out, caption in self.counterparts.items():
      for paths in self._outputs.values():
        if left_out in paths:
          paths.setdefault(caption, paths[left_out])
      for scores in self._evaluated.values():
        if left_out in scores:
          scores.setdefault(caption, scores[left_out])

  def _size(self, key: tuple[str, str]) -> tuple[int, int] | None:
    """Height and width of the target; None without."""
    if key in self._pairs:
      hr, _ = self._places(key)
      return images.size(hr) if hr.exists() else None
    if key not in self._benchmarks:
      return None
    image = self._benchmarks[key]
    if image.hr_path is None:
      return image.hr().shape[:2]
    height, width = (n - n % image.scale for n in images.size(image.hr_path))
    return height, width

  def _places(self, key: tuple[str, str]) -> tuple[pathlib.Path, pathlib.Path]:
    """Where HR and LR of a snapshot would be."""
    hr, lr = (
      self._pairs[key] / folder / key[0] / f"{key[1]}.png"
      for folder in (snapshots.HR, snapshots.LR)
    )
    return hr, lr

  def _pair(
    self, key: tuple[str, str]
  ) -> tuple[np.ndarray | None, np.ndarray | None]:
    """HR and LR, None for what there is not."""
    if key in self._pairs:
      hr, lr = (
        images.read(path) if path.exists() else None
        for path in self._places(key)
      )
      return hr, lr
    if key in self._benchmarks:
      image = self._benchmarks[key]
      lr, hr = protocol.MATLAB.pair(image, image.scale)
      return hr, lr
    return None, None


def crop_box(image: np.ndarray, side: int) -> tuple[int, int, int]:
  """Top, left and side of the square with most detail in [H, W, 3]."""
  side = min(side, *image.shape[:2])
  luma = image.mean(axis=-1)
  energy = sum(slope**2 for slope in np.gradient(luma))
  return *detailed_region.find(energy, side, side), side


def _key(path: pathlib.PurePath) -> tuple[str, str]:
  """Set and image of SET/NAME.png, where NAME may have folders in it."""
  return path.parts[0], "/".join(path.parts[1:]).removesuffix(".png")


def _saved(
  result: sources_lib.Results,
) -> Iterator[tuple[tuple[str, str], str, pathlib.Path, float]]:
  """Set and image, caption, file and PSNR of what `--save_images` wrote."""
  folder = result.folder / "images"
  for method, sets in result.methods.items():
    # As `evaluate` names the folders of several weights; or of one.
    places = [
      folder / name
      for name in (pathlib.PurePath(method).name, method.replace("/", "_"))
    ]
    if method == result.weights:
      places.append(folder)
    for set_name, scores in sets.items():
      for image, measured in scores["images"].items():
        for place in places:
          path = place / set_name / f"{image}.png"
          inside = path.resolve().is_relative_to(folder.resolve())
          if inside and path.exists():
            psnr = measured.get("psnr_y", math.nan)
            yield (set_name, image), result.titles[method], path, psnr
            break


def _same(one: np.ndarray, other: np.ndarray) -> bool:
  """Whether two images are of the same weights: equal, but for rounding.

  What a validation and `evaluate` compute with the same weights may differ by
  a level in a few of a million values.
  """
  if one.shape != other.shape:
    return False
  difference = np.abs(one.astype(np.int16) - other)
  return bool(difference.max() <= 1 and difference.mean() <= _ROUNDED)


def _psnr(image: np.ndarray, hr: np.ndarray, lr: np.ndarray | None) -> float:
  """PSNR of Y as `evaluate` measures it; gray images as they are."""
  scale = hr.shape[0] // lr.shape[0] if lr is not None else 4
  rules = protocol.MATLAB
  return quality.psnr(
    protocol.luma_levels(image if hr.ndim == 3 else image[..., 0]),
    protocol.luma_levels(hr),
    rules.border(scale),
  )


def ranked(scores: Sequence[float], count: int) -> tuple[list[int], list[int]]:
  """Which items to show: the worst ones and the best ones.

  Args:
    scores: of all items, NaN where there is none.
    count: the most to show.

  Returns:
    Indices of the worst ones, the worst first, and of the best ones, the best
    first; of an odd number one more of the worst. Those without a score are
    in neither.
  """
  known = [i for i, score in enumerate(scores) if not np.isnan(score)]
  order = sorted(known, key=scores.__getitem__)
  count = min(count, len(order))
  worst = (count + 1) // 2
  return order[:worst], order[len(order) - (count - worst) :][::-1]
