"""Images with all their versions: bicubic, the outputs, and the target.

Outputs come from the snapshots of runs (`evaluation.snapshots`) and from what
`evaluate --save_images` wrote, targets from the snapshots and from benchmark
sets.
"""

import dataclasses
import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from srfeat_jax import gray
from srfeat_jax.data import benchmarks
from srfeat_jax.evaluation import detailed_region, protocol, snapshots
from srfeat_jax.image_io import images
from srfeat_jax.inference import upscaler
from srfeat_jax.reporting import sources as sources_lib

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

  @property
  def score(self) -> float:
    """PSNR of the last output; NaN if it is not known."""
    return self.psnr.get(list(self.versions)[-1], np.nan)


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
  """All images that there are; pixels are read when they are asked for."""

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
    # Files by set, image and caption.
    self._outputs: dict[tuple[str, str], dict[str, pathlib.Path]] = {}
    self._pairs: dict[tuple[str, str], pathlib.Path] = {}
    for stage in stages(sources):
      place = sources.workdirs[stage.run] / snapshots.FOLDER
      for path in sorted((place / str(stage.step)).rglob("*.png")):
        key = _key(path.relative_to(place / str(stage.step)))
        self._outputs.setdefault(key, {})[stage.caption] = path
        self._pairs.setdefault(key, place)
    for result in sources.results:
      for key, caption, path in _saved(result):
        self._outputs.setdefault(key, {})[caption] = path
    self._scores = {
      (set_name, name): scores.get("psnr_y", np.nan)
      for result in sources.results
      for set_name, of_set in list(result.methods.values())[-1].items()
      for name, scores in of_set["images"].items()
    }
    self._benchmarks = {
      (each.name, image.name): image
      for each in (benchmarks.load(folder) if folder else ())
      for image in each.images
    }

  @property
  def keys(self) -> list[tuple[str, str]]:
    """Set and name of each image."""
    return list(self._outputs)

  def score(self, key: tuple[str, str]) -> float:
    """PSNR of the last output of an image, as it was evaluated if it was.

    Raises:
      errors.InputError: a file cannot be read.
    """
    if key in self._scores:
      return self._scores[key]
    return self.example(key).score

  def example(self, key: tuple[str, str]) -> Example:
    """Reads an image. Of outputs with the same pixels there is the first one.

    Args:
      key: one of `keys`.

    Raises:
      errors.InputError: a file cannot be read.
    """
    hr, lr = self._pair(key)
    versions: dict[str, np.ndarray] = {}
    if hr is not None and lr is not None:
      scale = hr.shape[0] // lr.shape[0]
      versions[BICUBIC] = gray.to_rgb(upscaler.bicubic(lr, scale))
    for caption, path in self._outputs[key].items():
      image = gray.to_rgb(images.read(path))
      if hr is None or image.shape[:2] == hr.shape[:2]:
        versions[caption] = image
    versions = _different(versions)
    if hr is None:
      return Example(*key, versions, {}, None)
    scale = hr.shape[0] // lr.shape[0] if lr is not None else 4
    psnr = {
      # Gray images are compared as they are.
      caption: protocol.MATLAB.measure(
        image if hr.ndim == 3 else image[..., 0], hr, scale
      )["psnr_y"]
      for caption, image in versions.items()
    }
    return Example(*key, versions, psnr, gray.to_rgb(hr))

  def _pair(
    self, key: tuple[str, str]
  ) -> tuple[np.ndarray | None, np.ndarray | None]:
    """HR and LR, None for what there is not."""
    if key in self._pairs:
      hr, lr = (
        images.read(path) if path.exists() else None
        for path in (
          self._pairs[key] / folder / key[0] / f"{key[1]}.png"
          for folder in (snapshots.HR, snapshots.LR)
        )
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
) -> Iterator[tuple[tuple[str, str], str, pathlib.Path]]:
  """Set and image, caption and file of what `--save_images` wrote."""
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
      for image in scores["images"]:
        for place in places:
          path = place / set_name / f"{image}.png"
          inside = path.resolve().is_relative_to(folder.resolve())
          if inside and path.exists():
            yield (set_name, image), result.titles[method], path
            break


def _different(versions: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
  """Without those whose pixels an earlier one has."""
  kept: dict[str, np.ndarray] = {}
  for caption, image in versions.items():
    if not any(np.array_equal(image, other) for other in kept.values()):
      kept[caption] = image
  return kept


def ranked(scores: Sequence[float], count: int) -> list[int]:
  """Which items to show: the worst ones, the worst first, then the best ones.

  Args:
    scores: of all items, NaN where there is none.
    count: the most to show.

  Returns:
    Their indices; of an odd number one more of the worst.
  """
  order = sorted(
    range(len(scores)), key=lambda i: (np.isnan(scores[i]), scores[i])
  )
  count = min(count, len(order))
  worst = (count + 1) // 2
  return order[:worst] + order[len(order) - (count - worst) :][::-1]
