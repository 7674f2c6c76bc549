"""What a report shows of images: sliders, crops and feature maps."""

import dataclasses
import os
from collections.abc import Sequence

import numpy as np
from PIL import Image

from srfeat_jax.interchange import vgg19_file
from srfeat_jax.reporting import embedding, feature_maps, gallery
from srfeat_jax.reporting import sources as sources_lib

_CROP = 96  # pixels a side
_OVERVIEW = 240  # pixels of the longer side
_MOST_CROPPED = 6  # images
_MOST_MAPPED = 2
_MOST_MAPS = 12  # versions
_MOST_VERSIONS = 10


@dataclasses.dataclass(frozen=True)
class Viewer:
  """A slider over the versions of an image.

  Attributes:
    title: the names of the set and the image.
    width: in pixels.
    height: likewise.
    versions: caption, PSNR of Y in dB or None, and address of each version, the
      target last.
    is_worst: whether it is there because it is among the worst.
  """

  title: str
  width: int
  height: int
  versions: Sequence[tuple[str, float | None, str]]
  is_worst: bool


@dataclasses.dataclass(frozen=True)
class Crops:
  """The same crop of all versions of an image.

  Attributes:
    title: the names of the set and the image.
    overview: the address of the whole image.
    width: of the whole image in pixels.
    height: likewise.
    box: where the crop is, in percent: left, top, width, height.
    panels: caption, PSNR and address, as in `Viewer`.
  """

  title: str
  overview: str
  width: int
  height: int
  box: tuple[float, float, float, float]
  panels: Sequence[tuple[str, float | None, str]]


@dataclasses.dataclass(frozen=True)
class Figures:
  """All that is shown of images.

  Attributes:
    viewers: sliders, worst images first.
    compression: of the images in them, in words.
    total: how many images there are.
    crops: one for each of a few images.
    layer: of VGG-19, whose features are shown.
    maps: feature maps of one or a few images.
    maps_need: how to get them; "" if they are there.
    remarks: sentences about what was left out.
  """

  viewers: Sequence[Viewer]
  compression: str
  total: int
  crops: Sequence[Crops]
  layer: str
  maps: Sequence[feature_maps.Figure]
  maps_need: str
  remarks: Sequence[str]


def make(
  sources: sources_lib.Sources,
  benchmarks: str | os.PathLike | None,
  vgg_weights: str | None,
  count: int,
) -> Figures:
  """Chooses images and makes the figures.

  Args:
    sources: runs and results.
    benchmarks: folder of the sets of evaluated images; None without.
    vgg_weights: a file of VGG-19; None for no feature maps.
    count: the most images with sliders.

  Raises:
    errors.InputError: a file cannot be read.
  """
  layer, scale = _features(sources)
  extractor = None
  if vgg_weights is not None:
    extractor = feature_maps.Extractor(vgg_weights, layer, scale)
  found = gallery.Gallery(sources, benchmarks)
  keys = found.keys
  chosen = gallery.ranked([found.score(key) for key in keys], count)
  examples = [found.example(keys[i]) for i in chosen]
  middles = [stage for stage in gallery.stages(sources) if stage.is_middle]
  is_middle = {stage.caption for stage in middles}
  remarks = []
  if len(keys) > len(examples):
    remarks.append(
      f"{len(examples)} of {len(keys)} images have sliders: the worst and the"
      " best ones; --images=N shows more"
    )
  viewers, compression = _viewers(examples, is_middle, remarks)
  many = sorted(examples, key=lambda each: -len(each.versions))
  # Feature maps follow adversarial training, pre-training only to its end.
  left_out = {each.caption for each in middles if not each.is_adversarial}
  maps = _maps(extractor, many, left_out, remarks)
  return Figures(
    viewers,
    compression,
    len(keys),
    [_crops(each, is_middle) for each in many[:_MOST_CROPPED]],
    layer,
    maps,
    "" if maps else _maps_need(vgg_weights, bool(examples)),
    remarks,
  )


def _viewers(
  examples: Sequence[gallery.Example], is_middle: set[str], remarks: list[str]
) -> tuple[list[Viewer], str]:
  groups = [_shown(example, is_middle, remarks) for example in examples]
  # The best and the worst ones first, for those in between may be left out.
  order = sorted(range(len(groups)), key=lambda i: min(i, len(groups) - 1 - i))
  fitted, words = embedding.fitted([groups[i] for i in order])
  if len(fitted) < len(groups):
    remarks.append(
      f"{len(groups) - len(fitted)} images with sliders were left out, as the"
      " file would be too large"
    )
  addresses = dict(zip(order, fitted, strict=False))
  viewers = []
  for i, (example, group) in enumerate(zip(examples, groups, strict=True)):
    if i in addresses:
      height, width = next(iter(group.values())).shape[:2]
      versions = [
        (caption, _finite(example.psnr.get(caption)), address)
        for caption, address in addresses[i].items()
      ]
      is_worst = i < (len(examples) + 1) // 2
      viewers.append(Viewer(example.title, width, height, versions, is_worst))
  return viewers, words


def _shown(
  example: gallery.Example, is_middle: set[str], remarks: list[str]
) -> dict[str, np.ndarray]:
  """The versions but those amid a run, and the target."""
  versions = {
    caption: image
    for caption, image in example.versions.items()
    if caption not in is_middle
  }
  if len(versions) > _MOST_VERSIONS:
    remark = (
      f"images have more than {_MOST_VERSIONS} versions: the figures show the"
      " first ones"
    )
    if remark not in remarks:
      remarks.append(remark)
    versions = dict(list(versions.items())[:_MOST_VERSIONS])
  if example.target is not None:
    versions[gallery.TARGET] = example.target
  return versions


def _crops(example: gallery.Example, is_middle: set[str]) -> Crops:
  versions = _shown(example, is_middle, [])
  whole = list(versions.values())[-1]
  top, left, side = gallery.crop_box(whole, _CROP)
  height, width = whole.shape[:2]
  panels = [
    (
      caption,
      _finite(example.psnr.get(caption)),
      embedding.address(image[top : top + side, left : left + side]),
    )
    for caption, image in versions.items()
  ]
  small = Image.fromarray(whole)
  small.thumbnail((_OVERVIEW, _OVERVIEW))
  box = (
    *(100 * left / width, 100 * top / height),
    *(100 * side / width, 100 * side / height),
  )
  overview = embedding.address(np.asarray(small), quality=80)
  return Crops(example.title, overview, *small.size, box, panels)


def _maps(
  extractor: feature_maps.Extractor | None,
  examples: Sequence[gallery.Example],
  left_out: set[str],
  remarks: list[str],
) -> list[feature_maps.Figure]:
  if extractor is None:
    return []
  figures = []
  for example in examples[:_MOST_MAPPED]:
    captions = [each for each in example.versions if each not in left_out]
    if len(captions) > _MOST_MAPS:
      remarks.append(
        f"feature maps of {example.title}: the first {_MOST_MAPS} of"
        f" {len(captions)} versions"
      )
    figure = extractor.figure(example, captions[:_MOST_MAPS])
    if figure:
      figures.append(figure)
  return figures


def _maps_need(vgg_weights: str | None, has_images: bool) -> str:
  if not has_images:
    return (
      "They need images: snapshots in the workdirs, which training writes with"
      " config.data.benchmarks, or what evaluate --save_images wrote."
    )
  if vgg_weights is None:
    return (
      "They need VGG-19's weights, --vgg_weights=FILE. To get them,"
      f" {vgg19_file.where_to_get('caffe')}."
    )
  return (
    "They need a target: add --benchmarks=FOLDER, the sets that were evaluated."
  )


def _features(sources: sources_lib.Sources) -> tuple[str, float]:
  """The layer and factor of the first run that has a feature discriminator."""
  for run in sources.runs:
    if "discriminators.feature.architecture" in run.config:
      layer = run.config.get("losses.feature_layer")
      scale = run.config.get("losses.feature_scale")
      if isinstance(layer, str) and isinstance(scale, float | int):
        return layer, float(scale)
  return feature_maps.LAYER, feature_maps.SCALE


def _finite(value: float | None) -> float | None:
  return value if value is not None and np.isfinite(value) else None


def benchmarks_of(
  sources: sources_lib.Sources, folder: str | None
) -> str | None:
  """The folder of benchmark sets: the one named, or that of a run.

  Args:
    sources: of the report.
    folder: as the user named it, None if not.
  """
  if folder is not None or not sources.results:
    return folder
  for run in sources.runs:
    named = run.config.get("data.benchmarks")
    if isinstance(named, str) and os.path.isdir(named):
      return named
  return None
